//! Rounds, restarts and the record, against the plain list of what was appended.

use std::time::Duration;

use event::{Epoch, EventId, ForkKind, Lineage, MonoMs, Position, Seq};
use proptest::prelude::*;

use super::Branch;
use crate::{
    Append, Appended, IdempotencyKey, NewEvent,
    memory::log::{Log, WindowLimits},
};

const NOW: MonoMs = MonoMs(1_000_000);
const LIMITS: WindowLimits = WindowLimits { events_max: 5, age_max: Duration::from_secs(600) };

fn event(number: u64) -> NewEvent {
    let json = format!("{{\"n\":{number}}}").into();
    NewEvent { id: EventId::from_bits(u128::from(number)), name: "a".parse().unwrap(), json }
}

fn key(number: u64) -> IdempotencyKey {
    IdempotencyKey::new(&"o".parse().unwrap(), "r", &number.to_string(), b"")
}

fn branch(parent: u64) -> Branch {
    let mut log = Log::begin(Lineage::origin(Epoch::from_bits(1)));
    let events = (0..parent).map(|number| event(1_000 + number)).collect();
    if parent > 0 {
        log.append(Append { events, idempotency: None }, NOW, &LIMITS).unwrap();
    }
    Branch::begin(Some(log), Epoch::from_bits(2))
}

#[derive(Clone, Debug)]
enum Deed {
    Append { count: u64, keyed: bool, unsure: bool },
    Round(usize),
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1..9_u64, any::<bool>(), any::<bool>())
            .prop_map(|(count, keyed, unsure)| Deed::Append { count, keyed, unsure }),
        2 => (1..12_usize).prop_map(Deed::Round),
        1 => Just(Deed::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn everything_is_merged_once_and_in_order(
        parent in 0..4_u64,
        deeds in proptest::collection::vec(deed(), 1..30),
    ) {
        let mut branch = branch(parent);
        let (mut appended, mut merged, mut epochs) = (Vec::new(), Vec::new(), 2);
        for deed in deeds {
            match deed {
                Deed::Append { count, keyed, unsure } => {
                    let first = appended.len() as u64;
                    let events = (first..first + count).map(event).collect();
                    let idempotency = keyed.then(|| key(first));
                    let append = Append { events, idempotency };
                    let receipts = branch.append(append, unsure, NOW, &LIMITS).unwrap();
                    for receipt in receipts.receipts() {
                        appended.push(receipt.id);
                        let seq = Seq(parent + appended.len() as u64);
                        let place = Position::new(branch.log().lineage().current(), seq);
                        prop_assert_eq!(receipt.position, place);
                    }
                }
                Deed::Round(most) => {
                    let round = branch.round(most, usize::MAX);
                    prop_assert_eq!(round.offset, merged.len() as u64);
                    prop_assert_eq!(round.is_last, round.offset as usize + round.len() == appended.len());
                    prop_assert!(round.len() <= most.max(round.units.first().map_or(0, |u| u.0.count)));
                    for (unit, events) in &round.units {
                        prop_assert_eq!(unit.count, events.len());
                        merged.extend(events.iter().map(|event| event.id));
                    }
                    branch.merged_up_to(merged.len() as u64);
                }
                Deed::Restart => {
                    let log = Log::from_parts(branch.parts()).unwrap();
                    epochs += 1;
                    let epoch = Epoch::from_bits(epochs);
                    branch = Branch::take_up(log, branch.name(), epoch, ForkKind::Whole).unwrap();
                    // The record says how far the merge had come.
                    branch.merged_up_to(merged.len() as u64);
                    prop_assert!(branch.pending() == 0 || branch.is_unsure());
                }
            }
            prop_assert_eq!(&merged[..], &appended[..merged.len()]);
            prop_assert_eq!(branch.pending(), appended.len() - merged.len());
            branch.trim(NOW, &LIMITS);
            prop_assert!(branch.log().window_len() <= LIMITS.events_max);
            prop_assert_eq!(branch.record().parent, Seq(parent));
            prop_assert_eq!(branch.record().lineage.forks()[0].after, Seq(parent));
        }
    }
}

#[test]
fn a_key_is_known_over_a_restart_and_stays_with_its_events() {
    let mut branch = branch(2);
    let append = || Append { events: vec![event(1), event(2)], idempotency: Some(key(1)) };
    let first = branch.append(append(), false, NOW, &LIMITS).unwrap();
    let log = Log::from_parts(branch.parts()).unwrap();
    let mut branch =
        Branch::take_up(log, branch.name(), Epoch::from_bits(3), ForkKind::Whole).unwrap();
    let again = branch.append(append(), false, NOW, &LIMITS).unwrap();
    assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
    let round = branch.round(1, usize::MAX);
    assert_eq!(round.units.len(), 1);
    assert_eq!((round.units[0].0.count, round.units[0].0.key), (2, Some(key(1))));
}

#[test]
fn only_what_was_unsure_is_looked_for() {
    let mut branch = branch(0);
    for (number, unsure) in [(1, true), (2, false), (3, true)] {
        branch.append(Append::one(event(number)), unsure, NOW, &LIMITS).unwrap();
    }
    let ids: Vec<_> = branch.unsure_ids().collect();
    assert_eq!(ids, [EventId::from_bits(1), EventId::from_bits(3)]);
    branch.merged_up_to(3);
    assert!(!branch.is_unsure() && branch.has_places());
}
