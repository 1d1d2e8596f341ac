//! A recorded feed as a source: its lines become inputs, each with the time that it is due.
//!
//! Does no waiting: whoever drives it waits until an item is due. Blocks go through a tracker as a
//! node's would, so that a file that leaves blocks out, or jumps, is followed like a node that does.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{B256, map::HashMap};

use crate::{
    Block, BlockRef, ChainKey, FeedError, FeedEvent, FeedLine, Input, Progress, Tracker,
    TrackerLimits,
};

/// How fast a feed is replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded; 1 is its own speed.
    Times(SpeedFactor),
    /// As fast as possible.
    Unpaced,
}

/// A finite factor above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedFactor(f64);

impl SpeedFactor {
    /// Returns the factor, if it is finite and above 0.
    pub fn new(factor: f64) -> Option<Self> {
        (factor.is_finite() && factor > 0.0).then_some(SpeedFactor(factor))
    }
}

/// An input that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayItem {
    /// Of which chain.
    pub chain: ChainKey,
    /// When it is due, from the start of the replay.
    pub due: Duration,
    /// What was observed.
    pub input: Input,
}

/// One chain of a feed.
#[derive(Debug)]
struct ReplayChain {
    tracker: Tracker,
    /// The last blocks of the file, for walks back.
    blocks: HashMap<B256, Arc<Block>>,
    order: VecDeque<B256>,
}

/// Turns the lines of a feed into inputs. After an error it gives nothing more.
#[derive(Debug)]
pub struct Replay<I> {
    lines: I,
    speed: Speed,
    limits: TrackerLimits,
    chains: BTreeMap<ChainKey, ReplayChain>,
    is_done: bool,
}

impl<I: Iterator<Item = Result<FeedLine, FeedError>>> Replay<I> {
    /// Begins at the first of these lines.
    pub fn new(lines: I, speed: Speed, limits: TrackerLimits) -> Self {
        Replay { lines, speed, limits, chains: BTreeMap::new(), is_done: false }
    }

    /// Makes known which blocks of a chain are canonical before the feed begins, oldest first.
    pub fn resume(&mut self, chain: ChainKey, blocks: impl IntoIterator<Item = Arc<Block>>) {
        let tracker = Tracker::resume(self.limits, blocks);
        self.chains.insert(chain, ReplayChain::new(tracker));
    }

    fn item(&mut self, line: FeedLine) -> Option<ReplayItem> {
        let due = match self.speed {
            Speed::Unpaced => Duration::ZERO,
            Speed::Times(SpeedFactor(factor)) => {
                let seconds = Duration::from_millis(line.at_ms).as_secs_f64() / factor;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        };
        let limits = self.limits;
        let new = || ReplayChain::new(Tracker::new(limits));
        let input = match line.event {
            FeedEvent::Pending(transaction) => Some(Input::Pending(transaction)),
            FeedEvent::Block(block) => {
                let chain = self.chains.entry(line.chain.clone()).or_insert_with(new);
                let head = block.header.block();
                chain.remember(block, limits.blocks_max);
                chain.follow(head)
            }
            FeedEvent::Rollback(head) => {
                self.chains.entry(line.chain.clone()).or_insert_with(new).follow(head)
            }
        };
        input.map(|input| ReplayItem { chain: line.chain, due, input })
    }
}

impl<I: Iterator<Item = Result<FeedLine, FeedError>>> Iterator for Replay<I> {
    type Item = Result<ReplayItem, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_done {
            match self.lines.next() {
                Some(Ok(line)) => {
                    if let Some(item) = self.item(line) {
                        return Some(Ok(item));
                    }
                }
                Some(Err(error)) => {
                    self.is_done = true;
                    return Some(Err(error));
                }
                None => self.is_done = true,
            }
        }
        None
    }
}

impl ReplayChain {
    fn new(tracker: Tracker) -> Self {
        ReplayChain { tracker, blocks: HashMap::default(), order: VecDeque::new() }
    }

    fn remember(&mut self, block: Arc<Block>, blocks_max: usize) {
        let hash = block.header.hash;
        if self.blocks.insert(hash, block).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > blocks_max.max(1)
            && let Some(oldest) = self.order.pop_front()
        {
            self.blocks.remove(&oldest);
        }
    }

    /// Walks to a head as far as the file has its blocks. Where it has not, the chain begins anew.
    fn follow(&mut self, head: BlockRef) -> Option<Input> {
        let mut progress = self.tracker.head(head);
        while let Progress::Need(needed) = progress {
            let block = self.blocks.get(&needed.hash).map(Arc::clone);
            let walked = block.and_then(|block| self.tracker.block(block).ok());
            progress = walked.unwrap_or_else(|| self.tracker.give_up());
        }
        progress.into_input()
    }
}
