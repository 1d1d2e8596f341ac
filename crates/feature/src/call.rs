//! What a call asks for, as it is told.

use alloy_primitives::{Address, FixedBytes, U256};
use serde::Serialize;

use crate::{
    number::{decimal, decimal_or_null},
    registry::{PoolKind, RouterKind, TokenKind},
};

/// One call, of a transaction or within one of its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Within how many other calls it stands; 0 for the transaction's own.
    pub depth: u8,
    /// Who is called.
    pub target: Address,
    /// What that is.
    pub contract: Contract,
    /// The function's name, where it is known.
    pub function: Option<&'static str>,
    /// What is asked for.
    #[serde(flatten)]
    pub action: Action,
}

/// What a contract is, as the registry has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Contract {
    /// A token.
    Token(TokenKind),
    /// A pool.
    Pool(PoolKind),
    /// A router.
    Router(RouterKind),
    /// The registry does not have it.
    Unknown,
}

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Nothing but the coin that goes with it.
    Plain,
    /// An amount of a token goes to another account.
    Transfer {
        /// Whose it is.
        from: Address,
        /// Who gets it.
        to: Address,
        /// How much.
        #[serde(serialize_with = "decimal")]
        amount: U256,
    },
    /// A single thing goes to another account.
    TransferNft {
        /// Whose it is.
        from: Address,
        /// Who gets it.
        to: Address,
        /// Which one.
        #[serde(serialize_with = "decimal")]
        id: U256,
    },
    /// What looks like a transfer of a contract that the registry does not have: whether the number
    /// is an amount or an id can't be told, nor whether the contract has such a function at all.
    PerhapsTransfer {
        /// Whose it would be.
        from: Address,
        /// Who would get it.
        to: Address,
        /// How much, or which one.
        #[serde(serialize_with = "decimal")]
        amount_or_id: U256,
    },
    /// Somebody may spend an amount of a token, or take a single thing.
    Approve {
        /// Who may.
        spender: Address,
        /// How much, or which one.
        #[serde(serialize_with = "decimal")]
        amount: U256,
    },
    /// Somebody may take all the things of an account, or may not any more.
    ApproveAll {
        /// Who may.
        operator: Address,
        /// Whether.
        approved: bool,
    },
    /// Tokens are exchanged.
    Swap(Swap),
    /// The chain's coin becomes its token.
    Wrap {
        /// How much.
        amount: Amount,
    },
    /// The token becomes the chain's coin.
    Unwrap {
        /// How much.
        amount: Amount,
    },
    /// What stands behind it is a list of calls, which follow one deeper.
    Batch,
    /// A function that is known, about which no more is said.
    Known,
    /// A function that is known, with arguments that are not its own.
    Malformed,
    /// A function that is not known.
    Unknown {
        /// The first four bytes, where there are so many.
        selector: Option<FixedBytes<4>>,
    },
    /// A contract is created.
    Create,
}

/// An amount as a call names it. Amounts are in the token's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "bound", content = "amount", rename_all = "snake_case")]
pub enum Amount {
    /// So much.
    Exact(#[serde(serialize_with = "decimal")] U256),
    /// So much, or less.
    AtMost(#[serde(serialize_with = "decimal")] U256),
    /// So much, or more.
    AtLeast(#[serde(serialize_with = "decimal")] U256),
    /// All that the contract has of it by then.
    Balance,
    /// The call does not say.
    Unknown,
}

/// An exchange of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// What is given.
    pub token_in: Option<Address>,
    /// What is got.
    pub token_out: Option<Address>,
    /// Whether the chain's coin is given in the token's place.
    pub native_in: bool,
    /// Whether the chain's coin is got in the token's place.
    pub native_out: bool,
    /// How much is given.
    pub amount_in: Amount,
    /// How much is got.
    pub amount_out: Amount,
    /// By which pools, in the order in which they are gone through.
    pub path: Vec<Hop>,
    /// Who gets it, where the call says so and does not mean the sender by a sign.
    pub recipient: Option<Address>,
    /// Until when it may be done, in seconds since 1970.
    #[serde(serialize_with = "decimal_or_null")]
    pub deadline: Option<U256>,
}

/// One step of a swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// What goes in.
    pub token_in: Option<Address>,
    /// What comes out.
    pub token_out: Option<Address>,
    /// By which rules.
    pub kind: Option<PoolKind>,
    /// The pool, where the call names it, or the registry has one alone of this kind, pair and fee.
    pub pool: Option<Address>,
    /// The pool's fee in millionths, where the call or the registry says it.
    pub fee_ppm: Option<u32>,
}
