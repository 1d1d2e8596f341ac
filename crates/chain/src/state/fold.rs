//! What a fact changes. Nothing here refuses: what can't be folded is counted.

use alloy_primitives::B256;

use super::{ChainState, HeldBlock, Stage};
use crate::{BlockRef, Fact, Header};

/// The stages of a transaction in a canonical block.
const IN_BLOCK: &[Stage] = &[Stage::Included, Stage::Final];

impl ChainState {
    /// Folds a fact that was found out then. One that can't follow from those before is counted.
    pub fn apply(&mut self, at_unix_ms: u64, fact: &Fact) {
        let folded = match fact {
            Fact::Seen { transaction } => self.pool.insert(transaction, at_unix_ms),
            Fact::Committed { header, .. } => self.fold_committed(header),
            Fact::Reverted { block } => self.fold_reverted(*block, at_unix_ms),
            Fact::Included { transaction, block, .. } => {
                self.fold_included(transaction, *block, at_unix_ms)
            }
            Fact::Final { transaction, .. } => {
                self.pool_shift(transaction, &[Stage::Included], Stage::Final, at_unix_ms)
            }
            Fact::Replaced { transaction, .. } => {
                let folded =
                    self.pool_shift(transaction, &[Stage::Pending], Stage::Replaced, at_unix_ms);
                self.pool.trim_replaced(self.limits.replaced_max);
                folded
            }
            Fact::Dropped { transaction, .. } => self.pool.remove(transaction, &[Stage::Pending]),
            // `Reverted` made it wait already.
            Fact::Reorged { transaction, .. } => self.stage(transaction) == Some(Stage::Pending),
            Fact::Broken { .. } => self.fold_broken(),
            Fact::Found(_) => true,
        };
        self.unfolded += u64::from(!folded);
    }

    fn pool_shift(&mut self, hash: &B256, from: &[Stage], to: Stage, at_unix_ms: u64) -> bool {
        self.pool.shift(hash, from, to, at_unix_ms).is_some()
    }

    fn fold_committed(&mut self, header: &Header) -> bool {
        let follows = self.is_next(header);
        if !follows {
            self.fold_broken();
        }
        self.blocks.push_back(HeldBlock { header: header.clone(), transactions: Vec::new() });
        if self.blocks.len() > self.limits.blocks_max {
            self.forget_oldest_block();
        }
        follows
    }

    /// Its transactions wait again at once, so that none is left in a block that is none, whatever
    /// facts are missing.
    fn fold_reverted(&mut self, block: BlockRef, at_unix_ms: u64) -> bool {
        if self.head() != Some(block) {
            return false;
        }
        for transaction in self.blocks.pop_back().into_iter().flat_map(|held| held.transactions) {
            self.pool.shift(&transaction.hash, IN_BLOCK, Stage::Pending, at_unix_ms);
        }
        true
    }

    fn fold_included(&mut self, hash: &B256, block: BlockRef, at_unix_ms: u64) -> bool {
        let from = &[Stage::Pending, Stage::Replaced];
        let head = self.blocks.back_mut().filter(|head| head.header.block() == block);
        let Some(head) = head else { return false };
        let Some(transaction) = self.pool.shift(hash, from, Stage::Included, at_unix_ms) else {
            return false;
        };
        head.transactions.push(transaction.clone());
        true
    }

    fn fold_broken(&mut self) -> bool {
        while !self.blocks.is_empty() {
            self.forget_oldest_block();
        }
        true
    }

    fn forget_oldest_block(&mut self) {
        let oldest = self.blocks.pop_front();
        for transaction in oldest.into_iter().flat_map(|block| block.transactions) {
            self.pool.remove(&transaction.hash, IN_BLOCK);
        }
    }

    /// Returns whether a block follows the head; any does where none is known.
    pub(super) fn is_next(&self, header: &Header) -> bool {
        self.head().is_none_or(|head| {
            head.hash == header.parent_hash && head.number.checked_add(1) == Some(header.number)
        })
    }
}
