//! A chain that makes inputs a node could give, and small limits to meet.

use std::sync::Arc;

use chain::{Block, Broken, Input, StateLimits, Transaction, Update};
use proptest::prelude::*;

use crate::support::{block, transaction};

pub(crate) const SMALL: StateLimits = StateLimits {
    blocks_max: 8,
    final_depth: 3,
    pending_max: 12,
    pending_age_ms_max: 50,
    replaced_max: 6,
    expired_per_tick_max: 3,
};

/// One thing that happens; numbers choose among what there is.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Hear { sender: u64, nonce: u64, price: u128 },
    Grow { take: Vec<usize>, unheard: u64 },
    Reorg { depth: usize, blocks: usize },
    Revert { depth: usize },
    Break,
    Wait(u64),
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let take = || prop::collection::vec(0_usize..50, 0..5);
    prop_oneof![
        6 => (0_u64..3, 0_u64..6, 10_u128..40)
            .prop_map(|(sender, nonce, price)| Act::Hear { sender, nonce, price }),
        4 => (take(), 0_u64..3).prop_map(|(take, unheard)| Act::Grow { take, unheard }),
        2 => (1_usize..7, 1_usize..7).prop_map(|(depth, blocks)| Act::Reorg { depth, blocks }),
        1 => (1_usize..4).prop_map(|depth| Act::Revert { depth }),
        1 => Just(Act::Break),
        2 => (1_u64..40).prop_map(Act::Wait),
    ]
}

/// A chain that makes inputs a node could give: a nonce is used once on it.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) chain: Vec<Arc<Block>>,
    heard: Vec<Arc<Transaction>>,
    n: u64,
    pub(crate) now: u64,
    /// How many of its last blocks a follower of it remembers.
    held: usize,
}

impl World {
    pub(crate) fn input(&mut self, act: &Act) -> Input {
        self.n += 1;
        self.now += 1;
        match act {
            Act::Hear { sender, nonce, price } => {
                self.heard.push(transaction(self.n, *sender, *nonce, *price));
                Input::Pending(Arc::clone(&self.heard[self.heard.len() - 1]))
            }
            Act::Grow { take, unheard } => {
                Input::Update(Update::Commit { new: vec![self.grow(take, *unheard)] })
            }
            Act::Reorg { depth, blocks } => {
                let old = self.pop(*depth);
                let new = (0..*blocks).map(|at| self.grow(&[at, at + 3, at + 7], 1)).collect();
                Input::Update(match old.is_empty() {
                    true => Update::Commit { new },
                    false => Update::Reorg { old, new },
                })
            }
            Act::Revert { depth } => Input::Update(Update::Revert { old: self.pop(*depth) }),
            Act::Break => match self.chain.last().map(|b| b.header.block()) {
                None => Input::Tick,
                Some(last) => {
                    self.chain.clear();
                    self.held = 0;
                    Input::Broken(Broken { last, new: vec![self.grow(&[0, 1], 1)] })
                }
            },
            Act::Wait(ms) => {
                self.now += ms;
                Input::Tick
            }
        }
    }

    /// Takes blocks off the head; of those that are remembered one always stays.
    fn pop(&mut self, depth: usize) -> Vec<Arc<Block>> {
        let depth = depth.min(self.held.saturating_sub(1));
        self.held -= depth;
        (0..depth).filter_map(|_| self.chain.pop()).collect()
    }

    fn grow(&mut self, take: &[usize], unheard: u64) -> Arc<Block> {
        let mut chosen: Vec<Arc<Transaction>> = Vec::new();
        let heard = take.iter().filter(|_| !self.heard.is_empty());
        let mut offered: Vec<_> =
            heard.map(|at| Arc::clone(&self.heard[at % self.heard.len()])).collect();
        for _ in 0..unheard {
            self.n += 1;
            offered.push(transaction(1_000_000 + self.n, self.n % 3, self.n % 7, 20));
        }
        for offer in offered {
            let mut used = self.chain.iter().flat_map(|b| &b.transactions).chain(&chosen);
            if used.all(|t| (t.sender, t.nonce) != (offer.sender, offer.nonce)) {
                chosen.push(offer);
            }
        }
        self.n += 1;
        let grown = block(self.n, self.chain.last().map(|b| b.header.block()), chosen);
        self.chain.push(Arc::clone(&grown));
        self.held = (self.held + 1).min(SMALL.blocks_max);
        grown
    }
}
