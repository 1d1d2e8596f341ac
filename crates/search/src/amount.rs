//! Amounts that a swap moves, which way it goes, and why there may be none.
//!
//! Must not know: the formula of a pool.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// Which token of a pool is given; its tokens are in the order of their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Token 0 is given, token 1 is taken.
    ZeroForOne,
    /// Token 1 is given, token 0 is taken.
    OneForZero,
}

impl Side {
    /// The other way.
    #[must_use]
    pub const fn back(self) -> Self {
        match self {
            Self::ZeroForOne => Self::OneForZero,
            Self::OneForZero => Self::ZeroForOne,
        }
    }
}

/// What a swap is asked for, in the smallest unit of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exact {
    /// So much is given.
    In(U256),
    /// So much is taken.
    Out(U256),
}

/// What a swap moves and the pool that it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swapped<P> {
    /// What is given, with the fee.
    pub amount_in: U256,
    /// What is taken.
    pub amount_out: U256,
    /// The pool behind the swap.
    pub after: P,
}

/// Why a pool gives no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAmount {
    /// An amount is beyond what the pool's contract can hold.
    #[error("an amount is beyond what the pool's contract can hold")]
    Overflow,
    /// An amount is zero, or so small that its other side is.
    #[error("the swap moves nothing")]
    Nothing,
    /// The pool has not so much.
    #[error("the pool has too little liquidity")]
    Liquidity,
    /// The swap leaves the ticks that were read.
    #[error("ticks {lower} to {upper} were not read")]
    Unknown {
        /// The least tick that is needed.
        lower: i32,
        /// The greatest one.
        upper: i32,
    },
    /// The pool's own numbers contradict each other.
    #[error("the pool's state is none that its contract can have")]
    Nonsense,
}
