//! The way back from a head, block by block.

use std::sync::Arc;

use alloy_primitives::{
    B256,
    map::{HashMap, HashSet},
};

use super::Refused;
use crate::{Block, BlockRef};

/// A walk that goes on.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// The block that is asked for.
    needed: BlockRef,
    /// What was walked, newest first; each is the child of the next.
    walked: Vec<Arc<Block>>,
    hashes: HashSet<B256>,
    /// What the walk to an earlier head brought.
    spare: HashMap<B256, Arc<Block>>,
}

impl Walk {
    /// Begins the walk from a head; the blocks of the one before may be met again.
    pub(super) fn to(head: BlockRef, before: Option<Walk>) -> Self {
        let blocks = before.map(|walk| walk.walked).unwrap_or_default();
        let spare = blocks.into_iter().map(|block| (block.header.hash, block)).collect();
        Walk { needed: head, walked: Vec::new(), hashes: HashSet::default(), spare }
    }

    pub(super) fn needed(&self) -> BlockRef {
        self.needed
    }

    pub(super) fn len(&self) -> usize {
        self.walked.len()
    }

    pub(super) fn has(&self, hash: B256) -> bool {
        self.hashes.contains(&hash)
    }

    /// Returns this block if the walk before brought it.
    pub(super) fn spare(&mut self, block: BlockRef) -> Option<Arc<Block>> {
        self.spare.remove(&block.hash).filter(|spare| spare.header.number == block.number)
    }

    /// Refuses what is not the block that is asked for.
    pub(super) fn admit(&self, block: &Block) -> Result<(), Refused> {
        let answered = block.header.block();
        if answered.hash != self.needed.hash {
            return Err(Refused::OtherBlock { asked: self.needed, answered });
        }
        if answered.number != self.needed.number {
            return Err(Refused::Number { block: answered, expected: self.needed.number });
        }
        let mut hashes = HashSet::with_capacity_and_hasher(
            block.transactions.len(),
            alloy_primitives::map::DefaultHashBuilder::default(),
        );
        match block.transactions.iter().find(|t| !hashes.insert(t.hash)) {
            None => Ok(()),
            Some(twice) => {
                Err(Refused::RepeatedTransaction { block: answered, transaction: twice.hash })
            }
        }
    }

    /// Goes a block further, and returns what it comes behind, which is asked for now; `None` where
    /// it is the first of its chain.
    pub(super) fn push(&mut self, block: Arc<Block>) -> Option<BlockRef> {
        let header = &block.header;
        let parent = header.number.checked_sub(1);
        let parent = parent.map(|number| BlockRef { number, hash: header.parent_hash });
        self.hashes.insert(header.hash);
        self.walked.push(block);
        self.needed = parent.unwrap_or(self.needed);
        parent
    }

    /// Returns what was walked, oldest first.
    pub(super) fn into_blocks(self) -> Vec<Arc<Block>> {
        self.walked.into_iter().rev().collect()
    }
}
