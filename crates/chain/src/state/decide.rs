//! Which facts follow from what was observed. Nothing here changes anything.

use std::sync::Arc;

use alloy_primitives::map::HashSet;

use super::{ChainState, Stage, pool::Held};
use crate::{Block, BlockRef, DropReason, Fact, Step, Transaction, record::Group};

/// Most transactions that one new one pushes out.
const EVICTED_PER_STEP_MAX: usize = 64;

/// Most transactions of one sender with one nonce that are heard of while they wait; a further one is
/// told of if it is included. Nodes keep one.
const RIVALS_MAX: usize = 64;

impl ChainState {
    /// Returns the facts that follow from a step: one group, which may be empty.
    pub fn decide(&self, step: &Step, now_unix_ms: u64) -> Group {
        match step {
            Step::Pending(transaction) => self.decide_pending(transaction),
            Step::Revert(block) => self.decide_revert(*block),
            Step::Commit(block) => self.decide_commit(block),
            Step::Broken { last, resumes_at } => {
                vec![Fact::Broken { last: *last, resumes_at: *resumes_at }]
            }
            Step::Tick => self.decide_tick(now_unix_ms),
        }
    }

    fn decide_pending(&self, transaction: &Arc<Transaction>) -> Group {
        let is_known = self.pool.get(&transaction.hash).is_some();
        if is_known || self.pool.rivals(transaction).nth(RIVALS_MAX - 1).is_some() {
            return Group::new();
        }
        let mut group = vec![Fact::Seen { transaction: Arc::clone(transaction) }];
        self.decide_price(transaction, &mut group);
        let replaced = group.len() - 1;
        let room = self.limits.pending_max.max(1) + replaced;
        let excess = (self.pool.waiting_count() + 1).saturating_sub(room);
        let gone: Vec<_> = group.iter().filter_map(replaced_by_fact).collect();
        let oldest = self.pool.waiting().filter(|held| !gone.contains(&held.transaction.hash));
        let evicted = oldest.take(excess.min(EVICTED_PER_STEP_MAX));
        group.extend(evicted.map(|held| dropped(held, DropReason::Evicted)));
        group
    }

    /// The nonce is used, or a higher price takes the place of those that wait with it.
    fn decide_price(&self, transaction: &Transaction, group: &mut Group) {
        let in_block = |held: &&Held| matches!(held.stage, Stage::Included | Stage::Final);
        if let Some(winner) = self.pool.rivals(transaction).find(in_block) {
            group.push(replaced(transaction, &winner.transaction));
            return;
        }
        let waiting = self.pool.rivals(transaction).filter(|held| held.stage == Stage::Pending);
        let outbid = waiting.filter(|held| outbids(transaction, &held.transaction));
        group.extend(outbid.map(|held| replaced(&held.transaction, transaction)));
    }

    fn decide_revert(&self, block: BlockRef) -> Group {
        let Some(head) = self.blocks.back().filter(|head| head.header.block() == block) else {
            return Group::new();
        };
        let reorged =
            |transaction: &Arc<Transaction>| Fact::Reorged { transaction: transaction.hash, block };
        let facts = head.transactions.iter().map(reorged);
        std::iter::once(Fact::Reverted { block }).chain(facts).collect()
    }

    fn decide_commit(&self, block: &Block) -> Group {
        let at = block.header.block();
        let mut group = Vec::with_capacity(2 * block.transactions.len() + 1);
        let broken = self.head().filter(|_| !self.is_next(&block.header));
        group.extend(broken.map(|last| Fact::Broken { last, resumes_at: at }));
        group.push(Fact::Committed {
            header: block.header.clone(),
            transaction_count: u32::try_from(block.transactions.len()).unwrap_or(u32::MAX),
        });
        for (transaction, index) in block.transactions.iter().zip(0..) {
            self.decide_included(transaction, at, index, broken.is_some(), &mut group);
        }
        self.decide_outrun(block, &mut group);
        if broken.is_none() {
            self.decide_final(at.number, &mut group);
        }
        group
    }

    fn decide_included(
        &self,
        transaction: &Arc<Transaction>,
        block: BlockRef,
        index: u32,
        is_broken: bool,
        group: &mut Group,
    ) {
        match self.stage(&transaction.hash) {
            Some(Stage::Pending | Stage::Replaced) => {}
            // A chain has it once; a node that says otherwise is not believed.
            Some(Stage::Included | Stage::Final) if !is_broken => return,
            _ => group.push(Fact::Seen { transaction: Arc::clone(transaction) }),
        }
        group.push(Fact::Included { transaction: transaction.hash, block, index });
    }

    /// What waits with the sender and the nonce of one in the block. Told behind all `Included`: each
    /// may make the state forget a replaced one, which may be in this very block.
    fn decide_outrun(&self, block: &Block, group: &mut Group) {
        let mut outrun = Vec::new();
        for winner in &block.transactions {
            let waiting = self.pool.rivals(winner).filter(|held| held.stage == Stage::Pending);
            outrun.extend(waiting.map(|held| (&held.transaction, winner)));
        }
        if outrun.is_empty() {
            return;
        }
        // A node that lies may have a nonce twice in a block; nobody is replaced twice.
        let mut told: HashSet<_> = block.transactions.iter().map(|t| t.hash).collect();
        outrun.retain(|(loser, _)| told.insert(loser.hash));
        group.extend(outrun.into_iter().map(|(loser, winner)| replaced(loser, winner)));
    }

    /// The block that is `final_depth` below this number.
    fn decide_final(&self, head_number: u64, group: &mut Group) {
        let (Some(number), Some(front)) =
            (head_number.checked_sub(self.limits.final_depth), self.blocks.front())
        else {
            return;
        };
        let index = number.checked_sub(front.header.number).map(usize::try_from);
        let Some(deep) = index.and_then(Result::ok).and_then(|at| self.blocks.get(at)) else {
            return;
        };
        let block = deep.header.block();
        let hashes = deep.transactions.iter().map(|transaction| transaction.hash);
        let first = hashes.filter(|hash| self.stage(hash) == Some(Stage::Included));
        group.extend(first.map(|transaction| Fact::Final { transaction, block }));
    }

    fn decide_tick(&self, now_unix_ms: u64) -> Group {
        let age_max = self.limits.pending_age_ms_max;
        let is_old = |held: &&Held| held.since_unix_ms.saturating_add(age_max) <= now_unix_ms;
        let old = self.pool.waiting().take_while(is_old).take(self.limits.expired_per_tick_max);
        old.map(|held| dropped(held, DropReason::Expired)).collect()
    }
}

fn replaced(transaction: &Transaction, by: &Transaction) -> Fact {
    Fact::Replaced { transaction: transaction.hash, by: by.hash }
}

fn replaced_by_fact(fact: &Fact) -> Option<alloy_primitives::B256> {
    match fact {
        Fact::Replaced { transaction, .. } => Some(*transaction),
        _ => None,
    }
}

fn dropped(held: &Held, reason: DropReason) -> Fact {
    Fact::Dropped { transaction: held.transaction.hash, reason }
}

/// Whether nodes take one in the place of another: both of its fees are a tenth higher.
fn outbids(new: &Transaction, old: &Transaction) -> bool {
    let is_tenth_higher = |new: u128, old: u128| new > old && new - old >= old.div_ceil(10);
    is_tenth_higher(fee_max(new), fee_max(old)) && is_tenth_higher(tip_max(new), tip_max(old))
}

fn fee_max(transaction: &Transaction) -> u128 {
    transaction.max_fee_per_gas.or(transaction.gas_price).unwrap_or(0)
}

fn tip_max(transaction: &Transaction) -> u128 {
    transaction.max_priority_fee_per_gas.or(transaction.gas_price).unwrap_or(0)
}
