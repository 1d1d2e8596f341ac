//! Which draws a share takes, and what a stretch becomes.

use std::sync::Arc;

use bytes::Bytes;
use event::{Epoch, Event, EventId, MonoMs, Position, Seq, StreamName, UnixMs};

use super::{Chance, Cut, Cuts, Dice, Faults};
use crate::room::ReaderKey;

const SEED: u64 = 7;

fn chance(text: &str) -> Option<Chance> {
    Some(text.parse().expect("a share"))
}

fn event(seq: u64, name: &str) -> Arc<Event> {
    let position = Position::new(Epoch::from_bits(7), Seq(seq));
    let id = EventId::random(UnixMs(seq), &mut rand::rng());
    let name = name.parse().expect("a name");
    Arc::new(Event { id, name, position, json: Bytes::from_static(b"{}") })
}

fn seqs(events: &[Arc<Event>]) -> Vec<u64> {
    events.iter().map(|event| event.position.seq.0).collect()
}

#[test]
fn a_share_is_written_in_per_cent_or_as_a_fraction() {
    let of = |text: &str| text.parse::<Chance>().ok();
    assert_eq!(of("20%"), Chance::new(200_000, 1_000_000));
    assert_eq!(of("0.5%"), Chance::new(5_000, 1_000_000));
    assert_eq!(of("100%"), Chance::new(1_000_000, 1_000_000));
    assert_eq!(of("1/200"), Chance::new(1, 200));
    for slip in [
        "", "%", "0%", "0.00001%", "101%", "-1%", "1e1%", "inf%", "0/2", "3/2", "1/", "+1/2", "0.2",
    ] {
        assert_eq!(of(slip), None, "{slip}");
    }
}

#[test]
fn a_share_takes_as_many_draws() {
    for (text, expected) in [("100%", 100_000), ("20%", 20_000), ("1/200", 500), ("1/1", 100_000)] {
        let dice = Dice::new(SEED).of("a purpose");
        let count = (0..100_000).filter(|&n| dice.hits(n, chance(text))).count();
        assert!(count.abs_diff(expected) <= expected / 10, "{text}: {count}");
        assert!(!dice.hits(1, None));
    }
    assert_ne!(Dice::new(SEED).of("lose").roll(1), Dice::new(SEED).of("repeat").roll(1));
    assert_ne!(Dice::new(SEED).of("lose").roll(1), Dice::new(SEED + 1).of("lose").roll(1));
}

#[test]
fn every_pair_changes_places_where_all_do() {
    let faults = Faults { seed: SEED, reorder: chance("100%"), ..Faults::default() };
    let on = faults.on(&StreamName::Ops);
    let stretch: Vec<_> = (1..=6).map(|seq| event(seq, "a")).collect();
    assert_eq!(seqs(&on.ordered(&stretch)), [1, 3, 2, 5, 4, 6]);
    assert_eq!(seqs(&on.ordered(&stretch[2..])), [3, 5, 4, 6], "whatever it begins with");
    let seconds: Vec<_> = (0..6).filter(|&index| on.is_second(&stretch, index)).collect();
    assert_eq!(seconds, [2, 4]);
}

#[test]
fn frames_that_filters_share_are_swapped_among_their_like() {
    let faults = Faults { seed: SEED, reorder: chance("100%"), ..Faults::default() };
    let stretch: Vec<_> = [(2, "a"), (3, "b"), (4, "a"), (5, "a")].map(|(n, s)| event(n, s)).into();
    let on = faults.on(&StreamName::Ops);
    assert_eq!(seqs(&on.ordered(&stretch)), [3, 2, 5, 4]);
    assert_eq!(seqs(&on.filtered(true).ordered(&stretch)), [2, 3, 5, 4]);
}

#[test]
fn what_is_lost_changes_places_with_nothing() {
    let (lose, reorder) = (chance("50%"), chance("100%"));
    let on = Faults { seed: SEED, lose, reorder, ..Faults::default() }.on(&StreamName::Ops);
    let stretch: Vec<_> = (1..=100).map(|seq| event(seq, "a")).collect();
    let ordered = on.ordered(&stretch);
    for (index, event) in stretch.iter().enumerate() {
        assert!(!on.loses(event) || Arc::ptr_eq(event, &ordered[index]));
    }
}

#[test]
fn the_probe_is_spared() {
    let all = chance("100%");
    let faults = Faults { seed: SEED, lose: all, repeat: all, reorder: all, cut: None };
    let (probe, ops) = (faults.on(&StreamName::Probe), faults.on(&StreamName::Ops));
    let event = event(2, "probe");
    assert_eq!(
        (probe.loses(&event), probe.repeats(&event), probe.holds(&event)),
        (false, false, false)
    );
    assert_eq!((ops.loses(&event), ops.repeats(&event)), (true, true));
}

#[test]
fn over_some_rounds_just_the_share_is_cut() {
    let every = std::time::Duration::from_secs(10);
    let cut = Some(Cut { share: "30%".parse().expect("a share"), every });
    let faults = Faults { seed: SEED, cut, ..Faults::default() };
    let keys = |count: u64| (0..count).map(ReaderKey::from_bits);
    for (open, expected) in [(1, 3), (7, 21), (100, 300)] {
        let (mut cuts, mut again) = (Cuts::default(), Cuts::default());
        let mut count = 0;
        for second in 0..=100 {
            let now = MonoMs(second * 1000);
            let taken = cuts.take(&faults, now, keys(open));
            assert!(taken.is_empty() || second % 10 == 0, "at {second} s");
            assert_eq!(taken, again.take(&faults, now, keys(open)), "by the seed alone");
            count += taken.len();
        }
        assert_eq!(count, expected, "{open} open");
    }
}
