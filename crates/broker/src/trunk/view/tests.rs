//! The view against a plain list of it.

use event::{Epoch, Lineage, Seq};
use proptest::prelude::*;

use super::View;
use crate::trunk::record::{BranchRecord, Run};

/// A trunk after a parent: for each event the place in the branch that it had, if it had one.
fn record_of(parent: u64, trunk: &[bool], shuffle: &[usize]) -> BranchRecord {
    let merged = trunk.iter().enumerate().filter(|(_, merged)| **merged);
    let mut numbers: Vec<u64> = merged.map(|(i, _)| parent + 1 + i as u64).collect();
    // What was found on the trunk, rather than put there, need not be in the branch's order.
    for (i, &with) in shuffle.iter().enumerate() {
        if !numbers.is_empty() {
            let count = numbers.len();
            numbers.swap(i % count, with % count);
        }
    }
    let mut runs: Vec<Run> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if run.last().0 + 1 == number => run.count += 1,
            _ => runs.push(Run { first: Seq(number), count: 1 }),
        }
    }
    let mut lineage = Lineage::origin(Epoch::from_bits(7));
    lineage = {
        let mut fork = lineage.forks()[0];
        fork.after = Seq(parent);
        Lineage::from_forks(vec![fork]).unwrap()
    };
    BranchRecord { parent: Seq(parent), lineage, before: None, runs, is_complete: true }
}

/// Returns the trunk's numbers in the order of the view.
fn listed(record: &BranchRecord) -> Vec<u64> {
    let own: Vec<u64> =
        record.runs.iter().flat_map(|run| run.first.0..run.first.0 + run.count).collect();
    let end = own.iter().copied().max().unwrap_or(record.parent.0);
    let others = (record.parent.0 + 1..=end).filter(|number| !own.contains(number));
    own.iter().copied().chain(others).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_view_is_the_list(
        parent in 0..5_u64,
        trunk in proptest::collection::vec(any::<bool>(), 0..24),
        shuffle in proptest::collection::vec(0..24_usize, 0..4),
        window_after in 0..32_u64,
    ) {
        let record = record_of(parent, &trunk, &shuffle);
        let (view, list) = (View::of(&record), listed(&record));
        prop_assert_eq!(view.len(), list.len() as u64);
        prop_assert_eq!(view.end().0, parent + list.len() as u64);
        for place in 0..=list.len() {
            let position = view.position(place as u64);
            prop_assert_eq!(position.seq.0, parent + place as u64);
            match view.stretch(place as u64) {
                None => prop_assert_eq!(place, list.len()),
                Some(run) => {
                    let count = usize::try_from(run.count).unwrap();
                    let numbers: Vec<_> = (run.first.0..=run.last().0).collect();
                    prop_assert_eq!(&list[place..place + count], &numbers[..]);
                }
            }
            let is_there = |number: &u64| *number > window_after;
            let ahead = list[place..].iter().position(is_there);
            let first = ahead.map_or(list.len(), |ahead| place + ahead);
            prop_assert_eq!(view.available_from(place as u64, Seq(window_after)), first as u64);
        }
    }
}

#[test]
fn a_branch_that_is_being_merged_ends_with_its_own_events() {
    let mut record = record_of(2, &[false, true, false, true], &[]);
    record.is_complete = false;
    let view = View::of(&record);
    assert_eq!(view.len(), 2);
    assert_eq!(view.stretch(1), Some(Run { first: Seq(6), count: 1 }));
    assert_eq!(view.stretch(2), None);
    assert_eq!(view.available_from(2, Seq(0)), 2);
    assert_eq!(view.available_from(5, Seq(0)), 5, "a reader ahead of the merge stays where it is");
}
