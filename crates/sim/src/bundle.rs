//! What is simulated together: calls in their order, on one state.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, U256};
use chain::BlockRef;
use serde::{Deserialize, Serialize};

use crate::{BlockEnv, Call};

/// Calls that run one behind the other, each on the state that the one before left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The block behind which the state is read.
    pub at: BlockRef,
    /// The block that they stand in.
    pub env: BlockEnv,
    /// What is simulated.
    pub calls: Vec<Call>,
    /// What is assumed of the state, instead of what is there.
    #[serde(default)]
    pub overrides: Overrides,
}

/// What is assumed of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// By account.
    pub accounts: BTreeMap<Address, AccountOverride>,
}

/// What is assumed of an account; the rest of it stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountOverride {
    /// Its wei.
    pub balance: Option<U256>,
    /// Its count of transactions.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Bytes>,
    /// Slots of its storage; other slots stay.
    pub storage: BTreeMap<U256, U256>,
}
