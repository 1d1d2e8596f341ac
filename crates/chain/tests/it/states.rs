//! A chain's state: what is decided, folded again, by any inputs.

use std::{collections::HashMap, sync::Arc};

use alloy_primitives::B256;
use chain::{
    Block, ChainState, DropReason, Fact, Group, Input, Stage, StateLimits, Step, Transaction,
    Update,
};
use proptest::prelude::*;

use crate::{
    support::{block, hash, transaction},
    world::{Act, SMALL, World, acts},
};

/// What a transaction may become by a fact.
fn is_allowed(was: Option<Stage>, fact: &Fact) -> bool {
    use Stage::{Final, Included, Pending, Replaced};
    match fact {
        Fact::Seen { .. } => was.is_none(),
        Fact::Included { .. } => matches!(was, Some(Pending | Replaced)),
        Fact::Replaced { .. } | Fact::Dropped { .. } => was == Some(Pending),
        Fact::Final { .. } => was == Some(Included),
        // Its block's `Reverted` made it wait.
        Fact::Reorged { .. } => was == Some(Pending) || matches!(was, Some(Included | Final)),
        Fact::Committed { .. } | Fact::Reverted { .. } | Fact::Broken { .. } | Fact::Found(_) => {
            true
        }
    }
}

fn named(fact: &Fact) -> Option<B256> {
    match fact {
        Fact::Seen { transaction } => Some(transaction.hash),
        Fact::Included { transaction, .. }
        | Fact::Final { transaction, .. }
        | Fact::Replaced { transaction, .. }
        | Fact::Dropped { transaction, .. }
        | Fact::Reorged { transaction, .. } => Some(*transaction),
        Fact::Committed { .. } | Fact::Reverted { .. } | Fact::Broken { .. } | Fact::Found(_) => {
            None
        }
    }
}

/// Folds a group fact by fact, and checks each against the table.
fn fold_checked(state: &mut ChainState, at: u64, group: &Group) {
    for fact in group {
        if let Some(hash) = named(fact) {
            let was = state.stage(&hash);
            assert!(is_allowed(was, fact), "{fact:?} of one that was {was:?}");
        }
        state.apply(at, fact);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn facts_are_the_memory(
        acts in prop::collection::vec(acts(), 1..80),
        restart_at in 0_usize..80,
    ) {
        let mut world = World::default();
        let mut state = ChainState::new(SMALL);
        let mut log: Vec<(u64, Fact)> = Vec::new();
        for (n, act) in acts.iter().enumerate() {
            let input = world.input(act);
            if n == restart_at {
                state = folded(&log);
            }
            for step in input.into_steps() {
                let group = state.decide(&step, world.now);
                prop_assert_eq!(&group, &state.decide(&step, world.now));
                fold_checked(&mut state, world.now, &group);
                log.extend(group.into_iter().map(|fact| (world.now, fact)));
                let room = SMALL.pending_max + 7 * 5;
                prop_assert!(state.pending_count() <= room);
            }
            prop_assert_eq!(state.unfolded_count(), 0);
            let head = world.chain.last().map(|b| b.header.block());
            prop_assert_eq!(state.head(), head);
            let known: Vec<_> = state.history().collect();
            prop_assert!(world.chain.ends_with(&known));
        }
        prop_assert!(folded(&log) == state);
        check_end(&world, &state, &log)?;
    }

    #[test]
    fn a_damaged_log_does_not_make_it_panic(
        acts in prop::collection::vec(acts(), 1..60),
        missing in prop::collection::vec(any::<prop::sample::Index>(), 1..10),
    ) {
        let mut world = World::default();
        let mut state = ChainState::new(SMALL);
        let mut facts: Vec<Fact> = Vec::new();
        for act in &acts {
            let input = world.input(act);
            facts.extend(state.advance(input, world.now).concat());
        }
        for index in missing.iter().filter(|_| facts.len() > 1).collect::<Vec<_>>() {
            facts.remove(index.index(facts.len()));
            if facts.len() < 2 { break }
        }
        let mut damaged = ChainState::new(SMALL);
        facts.iter().for_each(|fact| damaged.apply(0, fact));
        for _ in 0..5 {
            let input = world.input(&Act::Grow { take: vec![0, 1, 2], unheard: 2 });
            damaged.advance(input, world.now);
        }
        prop_assert_eq!(damaged.head(), world.chain.last().map(|b| b.header.block()));
    }
}

fn folded(log: &[(u64, Fact)]) -> ChainState {
    let mut state = ChainState::new(SMALL);
    log.iter().for_each(|(at, fact)| state.apply(*at, fact));
    state
}

/// Every transaction of a canonical block is told to be in it, whatever happened before.
fn check_end(world: &World, state: &ChainState, log: &[(u64, Fact)]) -> Result<(), TestCaseError> {
    let mut places = HashMap::new();
    for (_, fact) in log {
        match fact {
            Fact::Included { transaction, block, .. } => {
                places.insert(*transaction, Some(*block));
            }
            Fact::Reorged { transaction, .. } => {
                places.insert(*transaction, None);
            }
            _ => {}
        }
    }
    for block in world.chain.iter().rev().take(state.history().len()) {
        for transaction in &block.transactions {
            prop_assert_eq!(places.get(&transaction.hash), Some(&Some(block.header.block())));
        }
    }
    Ok(())
}

fn facts(state: &mut ChainState, input: Input, now: u64) -> Group {
    state.advance(input, now).concat()
}

fn commit(blocks: &[&Arc<Block>]) -> Input {
    Input::Update(Update::Commit { new: blocks.iter().map(|b| Arc::clone(b)).collect() })
}

#[test]
fn a_higher_price_replaces_and_inclusion_wins() {
    let mut state = ChainState::new(StateLimits::default());
    let (low, near, high) =
        (transaction(1, 1, 7, 100), transaction(2, 1, 7, 109), transaction(3, 1, 7, 130));
    assert_eq!(facts(&mut state, Input::Pending(Arc::clone(&low)), 0).len(), 1);
    assert!(facts(&mut state, Input::Pending(Arc::clone(&low)), 0).is_empty(), "heard again");
    assert_eq!(facts(&mut state, Input::Pending(Arc::clone(&near)), 0).len(), 1);
    let outbid = facts(&mut state, Input::Pending(Arc::clone(&high)), 0);
    let by_high = |t: &Arc<Transaction>| Fact::Replaced { transaction: t.hash, by: high.hash };
    assert_eq!(outbid[1..], [by_high(&low), by_high(&near)]);
    let first = block(0, None, vec![Arc::clone(&low)]);
    let group = facts(&mut state, commit(&[&first]), 0);
    let at = first.header.block();
    assert_eq!(
        group[1..],
        [
            Fact::Included { transaction: low.hash, block: at, index: 0 },
            Fact::Replaced { transaction: high.hash, by: low.hash },
        ]
    );
    // The nonce is used: what comes late is told so at once. Another sender has its own.
    let late = transaction(4, 1, 7, 500);
    let group = facts(&mut state, Input::Pending(Arc::clone(&late)), 0);
    assert_eq!(group[1..], [Fact::Replaced { transaction: late.hash, by: low.hash }]);
    assert_eq!(facts(&mut state, Input::Pending(transaction(5, 2, 7, 500)), 0).len(), 1);
}

#[test]
fn a_reorganisation_takes_back_and_gives_again() {
    let mut state = ChainState::new(StateLimits::default());
    let (both, lost) = (transaction(1, 1, 0, 10), transaction(2, 2, 0, 10));
    let first = block(0, None, vec![]);
    let old = block(1, Some(first.header.block()), vec![Arc::clone(&both), Arc::clone(&lost)]);
    let new = block(2, Some(first.header.block()), vec![Arc::clone(&both)]);
    state.advance(commit(&[&first, &old]), 0);
    let update = Update::Reorg { old: vec![Arc::clone(&old)], new: vec![Arc::clone(&new)] };
    let groups = state.advance(Input::Update(update), 0);
    let block = old.header.block();
    let reorged = |t: &Arc<Transaction>| Fact::Reorged { transaction: t.hash, block };
    assert_eq!(groups[0], [Fact::Reverted { block }, reorged(&both), reorged(&lost)]);
    assert_eq!(groups[1].len(), 2);
    assert_eq!(state.stage(&both.hash), Some(Stage::Included));
    assert_eq!(state.stage(&lost.hash), Some(Stage::Pending));
}

#[test]
fn depth_makes_final_and_old_blocks_leave() {
    let mut state = ChainState::new(SMALL);
    let mut parent = None;
    for n in 0..40 {
        let next = block(n, parent, vec![transaction(n, n, 0, 10)]);
        parent = Some(next.header.block());
        let group = facts(&mut state, commit(&[&next]), 0);
        let finals: Vec<_> = group.iter().filter(|f| matches!(f, Fact::Final { .. })).collect();
        assert_eq!(finals.len(), usize::from(n >= SMALL.final_depth));
    }
    assert_eq!(state.history().len(), SMALL.blocks_max);
    assert_eq!(state.transaction_count(), SMALL.blocks_max);
    assert_eq!(state.stage(&hash("transaction", 36)), Some(Stage::Final));
    assert_eq!(state.stage(&hash("transaction", 37)), Some(Stage::Included));
    assert_eq!(state.stage(&hash("transaction", 2)), None);
}

#[test]
fn what_waits_is_bounded_by_count_and_age() {
    let mut state = ChainState::new(SMALL);
    for n in 0..12 {
        state.advance(Input::Pending(transaction(n, n, 0, 10)), n);
    }
    let group = facts(&mut state, Input::Pending(transaction(12, 12, 0, 10)), 12);
    let (transaction_0, reason) = (hash("transaction", 0), DropReason::Evicted);
    assert_eq!(group[1..], [Fact::Dropped { transaction: transaction_0, reason }]);
    let again = facts(&mut state, Input::Pending(transaction(0, 0, 0, 10)), 13);
    assert!(matches!(again[0], Fact::Seen { .. }));
    assert!(facts(&mut state, Input::Tick, 40).is_empty());
    assert_eq!(facts(&mut state, Input::Tick, 53).len(), 2, "those that came at 2 and 3");
    assert_eq!(facts(&mut state, Input::Tick, 99).len(), SMALL.expired_per_tick_max);
}

#[test]
fn what_does_not_link_is_told_as_broken() {
    let mut state = ChainState::new(SMALL);
    let sent = transaction(1, 1, 0, 10);
    let first = block(0, None, vec![Arc::clone(&sent)]);
    let far = block(9, Some(block(8, None, vec![]).header.block()), vec![sent]);
    state.advance(commit(&[&first]), 0);
    assert!(state.decide(&Step::Revert(far.header.block()), 0).is_empty());
    let group = facts(&mut state, commit(&[&far]), 0);
    let (last, resumes_at) = (first.header.block(), far.header.block());
    assert_eq!(group[0], Fact::Broken { last, resumes_at });
    assert!(matches!(group[2], Fact::Seen { .. }));
    assert_eq!((state.head(), state.unfolded_count()), (Some(resumes_at), 0));
}
