//! What could be gained, with its value and what it rests on.
//!
//! Fields are written in their order, amounts as decimal strings. Must not know: how it was found.

use alloy_primitives::{Address, B256, U256, keccak256};
use chain::BlockRef;
use serde::{Deserialize, Serialize};

use crate::Hop;

/// The version of search: it rises when the same state gives something else.
pub const SEARCH_VERSION: u32 = 1;

/// What is gained by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A cycle through pools as they stand behind a block.
    Arbitrage,
    /// A cycle behind a pending swap.
    Backrun,
}

/// What the value rests on beside the pools' state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Assumption {
    /// Nothing changes the pools of the path before.
    FirstInBlock,
    /// The pending swap is executed as decoded, right before.
    AfterTrigger,
    /// Gas and what a builder is paid are not taken off.
    WithoutGas,
    /// The tokens move what they are told to.
    PlainTransfers,
    /// The value in wei is what this pool gives for the gain.
    ConvertedBy {
        /// The pool.
        pool: Address,
    },
}

/// How far it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpportunityStatus {
    /// Computed, not simulated.
    Candidate,
    /// A simulation gave the stated amount.
    Confirmed,
    /// A simulation gave another one, or reverted.
    Refuted,
    /// Its block is no longer the head.
    Stale,
}

/// A gain that was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// [`SEARCH_VERSION`].
    pub version: u32,
    /// The hash of all the other fields but the status.
    pub id: B256,
    /// The chain.
    pub chain: u64,
    /// What is gained by.
    pub kind: Kind,
    /// The block behind which the pools stand so.
    pub block: BlockRef,
    /// The pending transaction that it follows.
    pub trigger: Option<B256>,
    /// The swaps, in order.
    pub path: Vec<Hop>,
    /// The token that is given and gained.
    pub token: Address,
    /// What is given to the first pool.
    #[serde(with = "crate::decimal")]
    pub amount_in: U256,
    /// What the last pool gives.
    #[serde(with = "crate::decimal")]
    pub amount_out: U256,
    /// What is gained, in units of the token.
    #[serde(with = "crate::decimal")]
    pub value: U256,
    /// The same in wei, where the token is the wrapped native one or a pool leads to it.
    #[serde(with = "wei")]
    pub value_wei: Option<U256>,
    /// What the value rests on.
    pub assumptions: Vec<Assumption>,
    /// How far it was checked.
    pub status: OpportunityStatus,
}

impl Opportunity {
    /// The same, named by its content.
    #[must_use]
    pub(crate) fn named(mut self) -> Self {
        let content = (
            (self.version, self.chain, self.kind, self.block, self.trigger, &self.path),
            (self.token, self.amount_in.to_string(), self.amount_out.to_string()),
            (self.value_wei.map(|it| it.to_string()), &self.assumptions),
        );
        let bytes = serde_json::to_vec(&content).expect("plain values without maps are JSON");
        self.id = keccak256(bytes);
        self
    }
}

/// An amount that may not be known.
mod wei {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Decimal(#[serde(with = "crate::decimal")] U256);

    pub(super) fn serialize<S: Serializer>(it: &Option<U256>, to: S) -> Result<S::Ok, S::Error> {
        it.map(Decimal).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<U256>, D::Error> {
        Ok(Option::<Decimal>::deserialize(from)?.map(|it| it.0))
    }
}
