//! What a simulation says. Everything in it follows from the bundle and the state alone, and is
//! written in one order: the same input gives the same bytes.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::{Hardfork, InvalidReason, RevertReason, StateError, StateKey};

/// The version of what is computed here; it counts up where an outcome may become another one.
pub const VERSION: u32 = 1;

/// What one call would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`VERSION`] of the simulator.
    pub version: u32,
    /// The rules that it ran by.
    pub hardfork: Hardfork,
    /// How it ended.
    pub status: Status,
    /// The gas that a receipt would state; 0 where it would be in no block.
    pub gas_used: u64,
    /// What it returned, or the code that it created.
    pub output: Bytes,
    /// What it logged.
    pub logs: Vec<Log>,
    /// Each account whose balance it changed, by address; fees included.
    pub balance_changes: Vec<BalanceChange>,
    /// The contract that it created.
    pub created: Option<Address>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Status {
    /// It did what it says.
    Success,
    /// It took everything back and said so; what it paid for gas is gone.
    Revert {
        /// What it said, where that is of a known form.
        reason: Option<RevertReason>,
        /// What it said.
        data: Bytes,
    },
    /// It broke a rule of the machine, and all its gas is gone.
    Halt {
        /// Which rule.
        reason: HaltReason,
    },
    /// No block would take it.
    Invalid {
        /// Why not.
        reason: InvalidReason,
    },
    /// It is not known what it would do, as something of the state is not.
    Incomplete {
        /// What it asked for first that is not known, in that order. The first one is surely needed;
        /// those behind were asked for as if the ones before were zero.
        missing: Vec<StateKey>,
        /// Why it is not known.
        why: Lack,
    },
}

/// Why a call could not be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// State is needed that was not given.
    NotGiven,
    /// State is needed that could not be had.
    State(StateError),
    /// A call before it is incomplete.
    Before,
    /// The time was over.
    Deadline,
    /// Its gas limit is above what is left of a simulation's.
    GasLimit,
    /// It asked for more state than a simulation may read.
    KeyLimit,
    /// What blobs cost in the block is not known.
    BlobFee,
    /// The rules of the block are not simulated.
    Rules,
    /// The simulator failed; this is a fault of its own.
    Internal,
}

/// A rule of the machine that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltReason {
    /// It needed more gas than it had.
    OutOfGas,
    /// It ran an instruction that does not exist, or not by these rules.
    InvalidInstruction,
    /// It jumped to where nothing may be jumped to.
    InvalidJump,
    /// It took more from the stack than was there.
    StackUnderflow,
    /// It put more on the stack than fits.
    StackOverflow,
    /// It read behind the end of what a call returned.
    OutOfBounds,
    /// There is an account where the contract would be created.
    CreateCollision,
    /// A precompiled contract failed.
    Precompile,
    /// An account's nonce can't count further.
    NonceOverflow,
    /// The created code is too long.
    CodeTooLong,
    /// The created code begins with 0xEF.
    CodeBeginsWithEf,
    /// The code that creates is too long.
    InitCodeTooLong,
    /// A balance would be 2^256 or more.
    BalanceOverflow,
    /// It changed the state where that was forbidden.
    StaticState,
    /// It moved more than it had.
    OutOfFunds,
    /// Calls stood too deep in each other.
    CallDepth,
}

/// What a contract logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// What it can be found by.
    pub topics: Vec<B256>,
    /// What it says beside.
    pub data: Bytes,
}

/// How an account's balance changed, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceChange {
    /// The account.
    pub address: Address,
    /// What it had before the call.
    pub before: U256,
    /// What it has behind it.
    pub after: U256,
}

impl Outcome {
    /// Returns an outcome of a call that changed nothing.
    pub(crate) fn nothing(hardfork: Hardfork, status: Status) -> Outcome {
        Outcome {
            version: VERSION,
            hardfork,
            status,
            gas_used: 0,
            output: Bytes::new(),
            logs: Vec::new(),
            balance_changes: Vec::new(),
            created: None,
        }
    }

    /// Returns whether it is known what the call would do.
    pub fn is_complete(&self) -> bool {
        !matches!(self.status, Status::Incomplete { .. })
    }
}
