//! What was found out about a chain: the records that are kept.
//!
//! Invariants: a transaction is told of by `Seen` before any other fact names it; blocks are committed
//! at the next number on the canonical head, and reverted from the head backwards; every `Included`,
//! `Replaced`, `Final` and `Reorged` of a block stands in the same group as the fact of the block that
//! caused it, which comes first.

use std::sync::Arc;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{BlockRef, Finding, Header, Transaction};

/// One thing that was found out about a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A transaction is heard of for the first time, or again after it was forgotten. Without another
    /// fact it is pending.
    Seen {
        /// The transaction.
        transaction: Arc<Transaction>,
    },
    /// A block is the canonical head now.
    Committed {
        /// What is known of it.
        header: Header,
        /// How many transactions it has; an `Included` follows for each.
        transaction_count: u32,
    },
    /// The canonical head is none any more; its parent is the head now.
    Reverted {
        /// The block that was the head.
        block: BlockRef,
    },
    /// A transaction is in the block that was just committed.
    Included {
        /// Which transaction.
        transaction: B256,
        /// Which block.
        block: BlockRef,
        /// Its place in the block, from 0.
        index: u32,
    },
    /// A transaction's block is so deep that it is taken for final.
    Final {
        /// Which transaction.
        transaction: B256,
        /// Which block.
        block: BlockRef,
    },
    /// Another transaction has the sender's nonce, in a block or by a higher price.
    Replaced {
        /// Which transaction.
        transaction: B256,
        /// The one that took its place.
        by: B256,
    },
    /// A pending transaction is not waited for any more.
    Dropped {
        /// Which transaction.
        transaction: B256,
        /// Why.
        reason: DropReason,
    },
    /// A transaction's block was reverted; it is pending again.
    Reorged {
        /// Which transaction.
        transaction: B256,
        /// The block that it was in.
        block: BlockRef,
    },
    /// What is canonical can't be told from what is known: the chain was reorganised below the
    /// history, or more is missing than may be filled. What follows begins anew at a block whose
    /// parent is not known; what was included before and is not final is not followed any more.
    Broken {
        /// The last block that was known to be canonical.
        last: BlockRef,
        /// The block that it goes on with.
        resumes_at: BlockRef,
    },
    /// Something was computed of facts before it.
    Found(Finding),
}

/// Why a pending transaction is not waited for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// It waited for too long.
    Expired,
    /// There were too many others.
    Evicted,
}
