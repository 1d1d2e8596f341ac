//! Why a block that was brought is not taken.

use alloy_primitives::B256;

use crate::BlockRef;

/// A node's answer can't be true, or is for another question. Nothing changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No block is asked for.
    #[error("block {} {} was not asked for", block.number, block.hash)]
    NotAsked {
        /// The block that was brought.
        block: BlockRef,
    },
    /// It is another block.
    #[error("block {} was asked for, and {} was answered", asked.hash, answered.hash)]
    OtherBlock {
        /// The block that was asked for.
        asked: BlockRef,
        /// The one that was brought.
        answered: BlockRef,
    },
    /// Its number is not the one behind its parent's.
    #[error("block {} says the number {}, where it must be {expected}", block.hash, block.number)]
    Number {
        /// The block with the number that it says.
        block: BlockRef,
        /// The number that it must have.
        expected: u64,
    },
    /// It says that it comes behind a block that stands above it.
    #[error("block {} {} has a parent that stands above it", block.number, block.hash)]
    Cycle {
        /// The block.
        block: BlockRef,
    },
    /// It has one transaction twice.
    #[error("block {} has the transaction {transaction} twice", block.number)]
    RepeatedTransaction {
        /// The block.
        block: BlockRef,
        /// The transaction.
        transaction: B256,
    },
}
