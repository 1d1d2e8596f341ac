//! What a chain's feed says: the one way in for everything that is observed.

use std::sync::Arc;

use crate::{Block, BlockRef, Transaction};

/// A change of what is canonical, with whole blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Blocks follow the head.
    Commit {
        /// Those blocks, oldest first.
        new: Vec<Arc<Block>>,
    },
    /// Blocks are canonical no more, and others are in their place.
    Reorg {
        /// The ones that were canonical, newest first.
        old: Vec<Arc<Block>>,
        /// The ones that are, oldest first.
        new: Vec<Arc<Block>>,
    },
    /// Blocks are canonical no more, and nothing is in their place yet.
    Revert {
        /// Those blocks, newest first.
        old: Vec<Arc<Block>>,
    },
}

/// What is canonical can't be told from the history; it begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The last block that was known to be canonical.
    pub last: BlockRef,
    /// What it goes on with, oldest first, at least one; the first one's parent is not known.
    pub new: Vec<Arc<Block>>,
}

/// What was observed of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A transaction waits to be included.
    Pending(Arc<Transaction>),
    /// What is canonical changed.
    Update(Update),
    /// What is canonical can't be told from the history.
    Broken(Broken),
    /// Time has passed.
    Tick,
}

/// The part of an input that is decided, kept and folded before the next one is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A transaction waits to be included.
    Pending(Arc<Transaction>),
    /// The head is canonical no more.
    Revert(BlockRef),
    /// A block follows the head.
    Commit(Arc<Block>),
    /// The chain is followed anew from a block whose parent is not known.
    Broken {
        /// The last block that was known to be canonical.
        last: BlockRef,
        /// The block that it goes on with.
        resumes_at: BlockRef,
    },
    /// Time has passed.
    Tick,
}

impl Step {
    /// Returns whether what it decides may be left out where there is no room to keep it: it is
    /// heard again, or happens at a later tick. A block's may not.
    pub fn may_be_dropped(&self) -> bool {
        matches!(self, Step::Pending(_) | Step::Tick)
    }
}

impl Input {
    /// Returns its steps, in their order.
    pub fn into_steps(self) -> Vec<Step> {
        match self {
            Input::Pending(transaction) => vec![Step::Pending(transaction)],
            Input::Tick => vec![Step::Tick],
            Input::Update(update) => update.into_steps(),
            Input::Broken(Broken { last, new }) => {
                let resumed = new.first().map(|first| first.header.block());
                let broken = resumed.map(|resumes_at| Step::Broken { last, resumes_at });
                broken.into_iter().chain(new.into_iter().map(Step::Commit)).collect()
            }
        }
    }
}

impl Update {
    fn into_steps(self) -> Vec<Step> {
        let (old, new) = match self {
            Update::Commit { new } => (Vec::new(), new),
            Update::Reorg { old, new } => (old, new),
            Update::Revert { old } => (old, Vec::new()),
        };
        let reverts = old.into_iter().map(|block| Step::Revert(block.header.block()));
        reverts.chain(new.into_iter().map(Step::Commit)).collect()
    }
}
