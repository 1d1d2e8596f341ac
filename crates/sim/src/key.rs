//! What of a state can be asked for, and what is answered.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

/// One thing of the state behind a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateKey {
    /// An account's balance, count of transactions and hash of its code.
    Account(Address),
    /// A slot of an account's storage.
    Storage(Address, U256),
    /// An account's code.
    Code(Address),
    /// The hash of the block of this number, below the block whose state it is.
    BlockHash(u64),
}

/// What stands at a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateValue {
    /// At [`StateKey::Account`]. One that does not exist has zeros and [`NO_CODE`].
    Account {
        /// Its wei.
        balance: U256,
        /// Its count of transactions, or of contracts that it created.
        nonce: u64,
        /// The Keccak-256 of its code; zero counts as [`NO_CODE`].
        code_hash: B256,
        /// Its code, where the source had to read it for the hash: it is not asked for again.
        code: Option<Bytes>,
    },
    /// At [`StateKey::Storage`].
    Storage(U256),
    /// At [`StateKey::Code`].
    Code(Bytes),
    /// At [`StateKey::BlockHash`].
    BlockHash(B256),
}

/// The Keccak-256 of no code.
pub const NO_CODE: B256 = revm::primitives::KECCAK_EMPTY;

/// Why something of a state is not known.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum StateError {
    /// The node keeps no state of a block so old.
    #[error("the node keeps no state of the block any more")]
    Pruned,
    /// The node does not have the block: it was reorganised away, or never came there.
    #[error("the node does not have the block")]
    BlockGone,
    /// There was no answer, or the node said that it failed.
    #[error("the node did not answer")]
    Unavailable,
    /// The node refuses such questions.
    #[error("the node refuses to answer")]
    Refused,
    /// The answer can't be true: a wrong length, or a code that does not have its hash.
    #[error("the answer can't be true")]
    Nonsense,
    /// The time for it was over.
    #[error("there was no time to ask")]
    Deadline,
}
