//! The tracker against a model of a node: random trees of blocks, and random heads.

use std::{collections::HashMap, sync::Arc};

use alloy_primitives::B256;
use chain::{Block, BlockRef, Broken, Progress, Refused, Tracker, TrackerLimits, Update};
use proptest::prelude::*;

use crate::support::{block, hash, transaction};

/// A node that has every block of a tree.
#[derive(Default)]
struct Node {
    blocks: Vec<Arc<Block>>,
    by_hash: HashMap<B256, Arc<Block>>,
}

impl Node {
    /// Grows block `i + 1` on one of the blocks before, for each of these.
    fn grown(parents: &[usize]) -> Self {
        let mut node = Node::default();
        node.add(block(0, None, vec![]));
        for (n, parent) in (1..).zip(parents) {
            let near = node.blocks.len().saturating_sub(1 + parent % 4);
            let parent = node.blocks[near].header.block();
            node.add(block(n, Some(parent), vec![transaction(n, n, 0, 10)]));
        }
        node
    }

    fn add(&mut self, block: Arc<Block>) {
        self.by_hash.insert(block.header.hash, Arc::clone(&block));
        self.blocks.push(block);
    }

    fn chain_of(&self, head: &Arc<Block>) -> Vec<B256> {
        let parent = |block: &&Arc<Block>| self.by_hash.get(&block.header.parent_hash);
        let mut chain: Vec<_> =
            std::iter::successors(Some(head), parent).map(|block| block.header.hash).collect();
        chain.reverse();
        chain
    }

    /// Brings what is asked for until nothing is.
    fn settle(&self, tracker: &mut Tracker, mut progress: Progress) -> Progress {
        while let Progress::Need(needed) = progress {
            let block = Arc::clone(&self.by_hash[&needed.hash]);
            progress = tracker.block(block).expect("an honest node is not refused");
        }
        progress
    }
}

/// The stream of updates, folded; checks each of them.
#[derive(Default)]
struct Folded(Vec<Arc<Block>>);

impl Folded {
    fn apply(&mut self, progress: Progress) {
        match progress {
            Progress::Known => {}
            Progress::Need(needed) => panic!("{needed:?} is still asked for"),
            Progress::Ready(Update::Commit { new }) => self.commit(new),
            Progress::Ready(Update::Revert { old }) => self.revert(old),
            Progress::Ready(Update::Reorg { old, new }) => {
                assert!(!old.is_empty() && !new.is_empty());
                self.revert(old);
                self.commit(new);
            }
            Progress::Broken(Broken { last, new }) => {
                assert_eq!(
                    self.0.last().expect("an honest node is not refused").header.block(),
                    last
                );
                self.0.clear();
                self.commit(new);
            }
        }
    }

    fn commit(&mut self, new: Vec<Arc<Block>>) {
        assert!(!new.is_empty());
        for block in new {
            if let Some(head) = self.0.last() {
                assert_eq!(block.header.parent_hash, head.header.hash);
                assert_eq!(block.header.number, head.header.number + 1);
            }
            assert!(self.0.iter().all(|b| b.header.hash != block.header.hash), "committed twice");
            self.0.push(block);
        }
    }

    fn revert(&mut self, old: Vec<Arc<Block>>) {
        assert!(!old.is_empty());
        old.into_iter().for_each(|block| assert_eq!(self.0.pop(), Some(block)));
    }

    fn hashes(&self) -> Vec<B256> {
        self.0.iter().map(|block| block.header.hash).collect()
    }
}

fn limits(blocks_max: usize, walk_max: usize) -> TrackerLimits {
    TrackerLimits { blocks_max, walk_max }
}

proptest! {
    #[test]
    fn it_ends_where_the_node_is(
        parents in prop::collection::vec(0_usize..100, 1..60),
        heads in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4), 1..60),
    ) {
        let node = Node::grown(&parents);
        let mut tracker = Tracker::new(limits(256, 256));
        let mut folded = Folded::default();
        // The first block that is known is the first of the chain: nothing is below the history.
        folded.apply(tracker.next(Arc::clone(&node.blocks[0])).unwrap());
        for (head, brought_max) in &heads {
            let head = head.get(&node.blocks);
            let mut progress = tracker.head(head.header.block());
            // Some walks are left for another head, or asked for again.
            for _ in 0..*brought_max {
                let Progress::Need(needed) = progress else { break };
                let again = tracker.head(head.header.block());
                prop_assert_eq!(tracker.needed().is_some(), matches!(again, Progress::Need(_)));
                let needed = tracker.needed().unwrap_or(needed);
                progress = tracker.block(Arc::clone(&node.by_hash[&needed.hash])).unwrap();
            }
            if *brought_max == 3 {
                progress = node.settle(&mut tracker, progress);
            }
            if !matches!(progress, Progress::Need(_)) {
                folded.apply(progress);
                prop_assert_eq!(folded.hashes(), node.chain_of(head));
            }
        }
        let last = node.blocks.last().unwrap();
        let progress = tracker.head(last.header.block());
        folded.apply(node.settle(&mut tracker, progress));
        prop_assert_eq!(folded.hashes(), node.chain_of(last));
        let known: Vec<_> = tracker.history().map(|block| block.header.hash).collect();
        prop_assert_eq!(known, node.chain_of(last));
    }

    #[test]
    fn small_histories_break_loudly_and_go_on(
        parents in prop::collection::vec(0_usize..100, 1..60),
        heads in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
        (blocks_max, walk_max) in (1_usize..6, 1_usize..6),
        is_resumed in any::<bool>(),
    ) {
        let node = Node::grown(&parents);
        let mut tracker = Tracker::new(limits(blocks_max, walk_max));
        let mut folded = Folded::default();
        for head in &heads {
            let head = head.get(&node.blocks);
            let progress = tracker.head(head.header.block());
            folded.apply(node.settle(&mut tracker, progress));
            prop_assert_eq!(tracker.canonical_head(), Some(head.header.block()));
            prop_assert_eq!(folded.0.last(), Some(head));
            prop_assert!(tracker.history().len() <= blocks_max);
            if is_resumed {
                let blocks: Vec<_> = tracker.history().cloned().collect();
                tracker = Tracker::resume(limits(blocks_max, walk_max), blocks);
            }
        }
    }
}

/// A chain of so many blocks, with a tracker that knows them.
fn followed(count: u64) -> (Vec<Arc<Block>>, Tracker) {
    let mut blocks: Vec<Arc<Block>> = Vec::new();
    let mut tracker = Tracker::new(limits(64, 8));
    for n in 0..count {
        blocks.push(block(n, blocks.last().map(|b| b.header.block()), vec![]));
        tracker.next(Arc::clone(&blocks[n as usize])).expect("an honest node is not refused");
    }
    (blocks, tracker)
}

#[test]
fn forwards_and_then_back_where_it_does_not_link() {
    let (blocks, mut tracker) = followed(5);
    let side = block(103, Some(blocks[3].header.block()), vec![]);
    let side = [Arc::clone(&side), block(104, Some(side.header.block()), vec![])];
    let progress = tracker.next(Arc::clone(&side[1])).unwrap();
    assert_eq!(progress, Progress::Need(side[0].header.block()));
    let progress = tracker.block(Arc::clone(&side[0])).unwrap();
    let old = vec![Arc::clone(&blocks[4])];
    assert_eq!(progress, Progress::Ready(Update::Reorg { old, new: side.to_vec() }));
}

#[test]
fn the_whole_history_may_be_replaced() {
    let (blocks, _) = followed(5);
    let mut tracker = Tracker::resume(limits(64, 8), blocks[3..].iter().cloned());
    let side = block(100, Some(blocks[2].header.block()), vec![]);
    tracker.head(side.header.block());
    let old = vec![Arc::clone(&blocks[4]), Arc::clone(&blocks[3])];
    let expected = Progress::Ready(Update::Reorg { old, new: vec![Arc::clone(&side)] });
    assert_eq!(tracker.block(side), Ok(expected));
}

#[test]
fn another_first_block_is_another_chain() {
    let (blocks, mut tracker) = followed(3);
    let other = block(900, None, vec![]);
    let other = [Arc::clone(&other), block(901, Some(other.header.block()), vec![])];
    tracker.head(other[1].header.block());
    tracker.block(Arc::clone(&other[1])).unwrap();
    let last = blocks[2].header.block();
    let expected = Progress::Broken(Broken { last, new: other.to_vec() });
    assert_eq!(tracker.block(Arc::clone(&other[0])), Ok(expected));
}

#[test]
fn what_the_node_has_not_is_given_up() {
    let (blocks, mut tracker) = followed(3);
    let missing = BlockRef { number: 8, hash: hash("missing", 0) };
    assert_eq!(tracker.give_up(), Progress::Known);
    tracker.head(missing);
    assert_eq!(tracker.give_up(), Progress::Known);
    assert_eq!(tracker.canonical_head(), Some(blocks[2].header.block()));
    let far = block(9, Some(missing), vec![]);
    tracker.head(far.header.block());
    tracker.block(Arc::clone(&far)).unwrap();
    let last = blocks[2].header.block();
    assert_eq!(tracker.give_up(), Progress::Broken(Broken { last, new: vec![far] }));
}

/// What a lying node answers, and how it is refused; nothing changes by it.
#[test]
fn lies_are_refused() {
    let (blocks, tracker) = followed(4);
    let head = blocks[3].header.block();
    let honest = block(50, Some(head), vec![]);
    let asked = honest.header.block();
    let changed = |change: fn(&mut Block)| {
        let mut block = Block::clone(&honest);
        change(&mut block);
        Arc::new(block)
    };
    let twice = changed(|b| b.transactions = vec![transaction(1, 1, 1, 1); 2]);
    let itself = changed(|b| b.header.parent_hash = b.header.hash);
    let below = changed(|b| b.header.parent_hash = hash("block", 1));
    type Expected = fn(&Refused) -> bool;
    let table: Vec<(Arc<Block>, Expected)> = vec![
        (Arc::clone(&blocks[0]), |r| matches!(r, Refused::OtherBlock { .. })),
        (changed(|b| b.header.number = 77), |r| matches!(r, Refused::Number { expected: 4, .. })),
        (below, |r| matches!(r, Refused::Number { expected: 2, .. })),
        (itself, |r| matches!(r, Refused::Cycle { .. })),
        (twice, |r| matches!(r, Refused::RepeatedTransaction { .. })),
    ];
    for (lie, is_refusal) in table {
        let mut tracker = tracker.clone();
        assert_eq!(tracker.head(asked), Progress::Need(asked));
        let refused = tracker.block(lie).expect_err("a lie");
        assert!(is_refusal(&refused), "{refused:?}");
        assert_eq!((tracker.canonical_head(), tracker.needed()), (Some(head), Some(asked)));
        let new = vec![Arc::clone(&honest)];
        let expected = Progress::Ready(Update::Commit { new });
        assert_eq!(tracker.block(Arc::clone(&honest)), Ok(expected));
    }
    let mut tracker = tracker;
    let unasked = tracker.block(Arc::clone(&honest));
    assert!(matches!(unasked, Err(Refused::NotAsked { .. })));
    let moved = BlockRef { number: 9, hash: blocks[1].header.hash };
    assert_eq!(tracker.head(moved), Progress::Need(moved));
    let mut lie = Block::clone(&blocks[1]);
    lie.header.number = 9;
    assert!(matches!(tracker.block(Arc::new(lie)), Err(Refused::Number { expected: 1, .. })));
}
