//! What is known of one chain: its canonical blocks, and what became of their transactions and of
//! those that wait.
//!
//! Facts are the only way in: [`ChainState::decide`] says which facts follow from what was observed
//! and changes nothing, [`ChainState::apply`] folds a fact. So whoever folds the kept facts again
//! knows what was known before. What a group decides is folded once it is kept, before the next step
//! is decided.
//!
//! Each fact moves its transaction by one of these; nothing else does:
//!
//! | was | fact | is |
//! |---|---|---|
//! | not known | `Seen` | pending |
//! | pending | `Included` | included |
//! | pending | `Replaced` | replaced |
//! | pending | `Dropped` | not known |
//! | replaced | `Included` | included |
//! | included, final | `Reorged` | pending |
//! | included | `Final` | final |
//! | included, final | (its block is too deep to be remembered, or `Broken`) | not known |
//! | replaced | (too many others were) | not known |
//!
//! A reorganisation deeper than `final_depth` is told all the same, for the history reaches further.
//! Must not know: nodes, or how facts are kept.

mod decide;
mod fold;
mod pool;

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::B256;

use self::pool::Pool;
use crate::{Block, BlockRef, Header, Input, Record, Transaction, record::Group};

/// How much is remembered of a chain, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateLimits {
    /// Most canonical blocks that are remembered; as many as the tracker remembers, and more than
    /// `final_depth`.
    pub blocks_max: usize,
    /// Blocks on top of one after which its transactions are taken for final; at least 1.
    pub final_depth: u64,
    /// Most transactions that wait; the oldest are dropped.
    pub pending_max: usize,
    /// How long one waits at most before it is dropped.
    pub pending_age_ms_max: u64,
    /// Most replaced transactions that are remembered, so that they are not taken for new ones.
    pub replaced_max: usize,
    /// Most transactions that are dropped by one tick.
    pub expired_per_tick_max: usize,
}

impl Default for StateLimits {
    fn default() -> Self {
        StateLimits {
            blocks_max: 256,
            final_depth: 64,
            pending_max: 100_000,
            pending_age_ms_max: 30 * 60 * 1_000,
            replaced_max: 20_000,
            expired_per_tick_max: 1_024,
        }
    }
}

/// What became of a transaction that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits.
    Pending,
    /// Another one has its place; it is remembered for a while.
    Replaced,
    /// It is in a canonical block.
    Included,
    /// It is in a canonical block that is deep.
    Final,
}

/// A canonical block that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HeldBlock {
    header: Header,
    transactions: Vec<Arc<Transaction>>,
}

/// What is known of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainState {
    limits: StateLimits,
    /// Oldest first; each is the parent of the next.
    blocks: VecDeque<HeldBlock>,
    pool: Pool,
    unfolded: u64,
}

impl ChainState {
    /// Returns one that knows nothing. A history that is not deeper than `final_depth` is made so.
    pub fn new(limits: StateLimits) -> Self {
        let final_depth = limits.final_depth.max(1);
        let deeper = usize::try_from(final_depth).unwrap_or(usize::MAX).saturating_add(1);
        let blocks_max = limits.blocks_max.max(deeper);
        let limits = StateLimits { blocks_max, final_depth, ..limits };
        ChainState { limits, blocks: VecDeque::new(), pool: Pool::default(), unfolded: 0 }
    }

    /// Returns the canonical head, where there is one.
    pub fn head(&self) -> Option<BlockRef> {
        self.blocks.back().map(|block| block.header.block())
    }

    /// Returns the canonical blocks that are remembered, oldest first: what a tracker resumes from.
    pub fn history(&self) -> impl ExactSizeIterator<Item = Arc<Block>> {
        self.blocks.iter().map(|block| {
            let (header, transactions) = (block.header.clone(), block.transactions.clone());
            Arc::new(Block { header, transactions })
        })
    }

    /// Returns what became of a transaction; `None` where it is not known (any more).
    pub fn stage(&self, transaction: &B256) -> Option<Stage> {
        self.pool.get(transaction).map(|held| held.stage)
    }

    /// Returns how many transactions wait.
    pub fn pending_count(&self) -> usize {
        self.pool.waiting_count()
    }

    /// Returns how many transactions are remembered, whatever became of them.
    pub fn transaction_count(&self) -> usize {
        self.pool.len()
    }

    /// Returns how many facts could not be folded: they say what can't follow from those before, as
    /// where part of a log is missing.
    pub fn unfolded_count(&self) -> u64 {
        self.unfolded
    }

    /// Folds a kept record's fact.
    pub fn apply_record(&mut self, record: &Record) {
        self.apply(record.observed_unix_ms, &record.fact);
    }

    /// Decides and folds all steps of an input, and returns their groups: for whoever keeps every one
    /// of them.
    pub fn advance(&mut self, input: Input, now_unix_ms: u64) -> Vec<Group> {
        let mut groups = Vec::new();
        for step in input.into_steps() {
            let group = self.decide(&step, now_unix_ms);
            group.iter().for_each(|fact| self.apply(now_unix_ms, fact));
            groups.extend((!group.is_empty()).then_some(group));
        }
        groups
    }
}
