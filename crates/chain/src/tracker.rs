//! Which blocks are canonical, told from parent hashes alone.
//!
//! Owns: a bounded history of canonical blocks, and the walk from a head that is not in it back to a
//! block that is. Does no IO: whoever drives it says which head the node has *now*, and brings the
//! block that is asked for. An announcement is no more than a reason to ask the node for its head:
//! given late, an old head would read as a jump back.
//!
//! Must not know: nodes, transactions' lives, or where anything is kept.

mod refused;
mod walk;

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, map::HashMap};

pub use self::refused::Refused;
use self::walk::Walk;
use crate::{Block, BlockRef, Broken, Input, Update};

/// How much is remembered and walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackerLimits {
    /// Most canonical blocks that are remembered: the deepest reorganisation that is understood.
    pub blocks_max: usize,
    /// Most blocks that are walked back before it is given up.
    pub walk_max: usize,
}

impl Default for TrackerLimits {
    fn default() -> Self {
        TrackerLimits { blocks_max: 256, walk_max: 256 }
    }
}

/// What follows from what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is new.
    Known,
    /// This block must be brought, by [`Tracker::block`].
    Need(BlockRef),
    /// What is canonical changed.
    Ready(Update),
    /// What is canonical can't be told from the history; it was begun anew.
    Broken(Broken),
}

impl Progress {
    /// Returns what is to be told of it, where that is anything.
    pub fn into_input(self) -> Option<Input> {
        match self {
            Progress::Known | Progress::Need(_) => None,
            Progress::Ready(update) => Some(Input::Update(update)),
            Progress::Broken(broken) => Some(Input::Broken(broken)),
        }
    }
}

/// The canonical blocks of a chain.
#[derive(Clone, Debug)]
pub struct Tracker {
    limits: TrackerLimits,
    /// Oldest first; each is the parent of the next.
    history: VecDeque<Arc<Block>>,
    numbers: HashMap<B256, u64>,
    walk: Option<Walk>,
}

impl Tracker {
    /// Returns one that knows no block. Limits of 0 are taken for 1.
    pub fn new(limits: TrackerLimits) -> Self {
        let limits = TrackerLimits {
            blocks_max: limits.blocks_max.max(1),
            walk_max: limits.walk_max.max(1),
        };
        Tracker { limits, history: VecDeque::new(), numbers: HashMap::default(), walk: None }
    }

    /// Returns one that knows these blocks, oldest first, as another process left them. What does not
    /// link is not known: the blocks behind the last break are.
    pub fn resume(limits: TrackerLimits, blocks: impl IntoIterator<Item = Arc<Block>>) -> Self {
        let mut tracker = Tracker::new(limits);
        for block in blocks {
            if tracker.history.back().is_some_and(|head| !links(head, &block)) {
                tracker.forget_all();
            }
            tracker.push(block);
        }
        tracker
    }

    /// Returns the canonical head, where there is one.
    pub fn canonical_head(&self) -> Option<BlockRef> {
        self.history.back().map(|block| block.header.block())
    }

    /// Returns the canonical blocks that are remembered, oldest first.
    pub fn history(&self) -> impl ExactSizeIterator<Item = &Arc<Block>> {
        self.history.iter()
    }

    /// Returns the block that is asked for, where one is.
    pub fn needed(&self) -> Option<BlockRef> {
        self.walk.as_ref().map(Walk::needed)
    }

    /// Takes what the node says its head is now. A walk to another head is given up; the blocks that
    /// it brought are used where they are met again.
    pub fn head(&mut self, head: BlockRef) -> Progress {
        if self.canonical_head() == Some(head) {
            self.walk = None;
            return Progress::Known;
        }
        if self.position(head).is_some() {
            self.walk = None;
            return Progress::Ready(Update::Revert { old: self.revert_to(head.number) });
        }
        let mut walk = Walk::to(head, self.walk.take());
        match walk.spare(head) {
            Some(block) => self.step(walk, block),
            None => self.need(walk),
        }
    }

    /// Takes the block that was asked for.
    ///
    /// # Errors
    ///
    /// The block is not what was asked for, or can't be what the node says; nothing changed, and the
    /// same block is still asked for.
    pub fn block(&mut self, block: Arc<Block>) -> Result<Progress, Refused> {
        let walk = self.walk.as_ref().ok_or(Refused::NotAsked { block: block.header.block() })?;
        walk.admit(&block)?;
        self.check_parent(walk, &block)?;
        let walk = self.walk.take().expect("it was looked at above");
        Ok(self.step(walk, block))
    }

    /// Takes the block that the node has at the number behind the head: the way to fill forwards
    /// where much is missing. What does not link there is walked back from. Where no block is known,
    /// it is the first one. A walk that goes on is given up.
    ///
    /// # Errors
    ///
    /// The block has another number, or can't be what the node says; nothing changed.
    pub fn next(&mut self, block: Arc<Block>) -> Result<Progress, Refused> {
        let at = block.header.block();
        if let Some(head) = self.canonical_head() {
            let expected = head.number.saturating_add(1);
            if at.number != expected {
                return Err(Refused::Number { block: at, expected });
            }
        }
        let walk = Walk::to(at, None);
        walk.admit(&block)?;
        self.check_parent(&walk, &block)?;
        self.walk = None;
        Ok(self.step(walk, block))
    }

    /// Gives up the walk, since the node has not got what is asked for, and begins anew at the blocks
    /// that were walked. Where none was brought yet, nothing changes.
    pub fn give_up(&mut self) -> Progress {
        let Some(walk) = self.walk.take() else { return Progress::Known };
        let new = walk.into_blocks();
        if new.is_empty() { Progress::Known } else { self.begin_anew(new) }
    }

    /// Goes on with a block that was checked, and with those that follow from spare ones.
    fn step(&mut self, mut walk: Walk, mut block: Arc<Block>) -> Progress {
        loop {
            let parent = walk.push(block);
            let Some(front) = self.history.front() else {
                return self.commit(walk.into_blocks());
            };
            let front = &front.header;
            let Some(parent) = parent else { return self.begin_anew(walk.into_blocks()) };
            if self.position(parent).is_some() {
                return self.link(Some(parent), walk.into_blocks());
            }
            if parent.hash == front.parent_hash
                && parent.number.checked_add(1) == Some(front.number)
            {
                return self.link(None, walk.into_blocks());
            }
            if parent.number < front.number || walk.len() >= self.limits.walk_max {
                return self.begin_anew(walk.into_blocks());
            }
            match walk.spare(parent) {
                Some(spare) if self.check_parent(&walk, &spare).is_ok() => block = spare,
                _ => return self.need(walk),
            }
        }
    }

    fn need(&mut self, walk: Walk) -> Progress {
        Progress::Need(self.walk.insert(walk).needed())
    }

    /// Puts blocks behind one that is canonical, or in the place of all where it is the parent of the
    /// oldest.
    fn link(&mut self, parent: Option<BlockRef>, new: Vec<Arc<Block>>) -> Progress {
        let old = match parent {
            Some(parent) => self.revert_to(parent.number),
            None => self.forget_all(),
        };
        let Progress::Ready(Update::Commit { new }) = self.commit(new) else {
            return Progress::Known;
        };
        let update =
            if old.is_empty() { Update::Commit { new } } else { Update::Reorg { old, new } };
        Progress::Ready(update)
    }

    fn commit(&mut self, new: Vec<Arc<Block>>) -> Progress {
        for block in &new {
            self.push(Arc::clone(block));
        }
        Progress::Ready(Update::Commit { new })
    }

    fn begin_anew(&mut self, new: Vec<Arc<Block>>) -> Progress {
        let last = self.canonical_head();
        self.forget_all();
        let progress = self.commit(new);
        match (last, progress) {
            (Some(last), Progress::Ready(Update::Commit { new })) => {
                Progress::Broken(Broken { last, new })
            }
            (_, progress) => progress,
        }
    }

    /// Refuses a block that is known under another number, or whose parent has one that does not come
    /// before its own.
    fn check_parent(&self, walk: &Walk, block: &Block) -> Result<(), Refused> {
        let header = &block.header;
        let at = header.block();
        if walk.has(header.parent_hash) || header.parent_hash == header.hash {
            return Err(Refused::Cycle { block: at });
        }
        if let Some(expected) = self.numbers.get(&header.hash) {
            return Err(Refused::Number { block: at, expected: *expected });
        }
        match self.numbers.get(&header.parent_hash).map(|number| number.saturating_add(1)) {
            Some(expected) if expected != header.number => {
                Err(Refused::Number { block: at, expected })
            }
            _ => Ok(()),
        }
    }

    fn position(&self, block: BlockRef) -> Option<usize> {
        let number = *self.numbers.get(&block.hash)?;
        let front = self.history.front()?.header.number;
        (number == block.number).then(|| usize::try_from(number - front).ok()).flatten()
    }

    /// Takes the blocks above a number away, newest first.
    fn revert_to(&mut self, number: u64) -> Vec<Arc<Block>> {
        let mut old = Vec::new();
        while let Some(block) = self.history.pop_back_if(|block| block.header.number > number) {
            self.numbers.remove(&block.header.hash);
            old.push(block);
        }
        old
    }

    fn forget_all(&mut self) -> Vec<Arc<Block>> {
        self.numbers.clear();
        self.history.drain(..).rev().collect()
    }

    fn push(&mut self, block: Arc<Block>) {
        self.numbers.insert(block.header.hash, block.header.number);
        self.history.push_back(block);
        if self.history.len() > self.limits.blocks_max
            && let Some(oldest) = self.history.pop_front()
        {
            self.numbers.remove(&oldest.header.hash);
        }
    }
}

fn links(head: &Block, block: &Block) -> bool {
    head.header.hash == block.header.parent_hash
        && head.header.number.checked_add(1) == Some(block.header.number)
}
