//! What a replica knows, against the plain trunk.

use std::{sync::Arc, time::Duration};

use event::{Epoch, Event, EventId, Fork, ForkKind, Lineage, MonoMs, Position, Seq};
use proptest::prelude::*;

use super::Mirror;
use crate::{Page, memory::log::WindowLimits};

const NOW: MonoMs = MonoMs(1_000_000);
const LIMITS: WindowLimits = WindowLimits { events_max: 12, age_max: Duration::from_secs(600) };

fn lineage() -> Lineage {
    let fork = |epoch, after| Fork {
        epoch: Epoch::from_bits(epoch),
        after: Seq(after),
        kind: ForkKind::Whole,
    };
    Lineage::from_forks(vec![fork(1, 0), fork(2, 7)]).unwrap()
}

fn event(seq: u64) -> Arc<Event> {
    let position = lineage().position_at(Seq(seq));
    let json = format!("{{\"n\":{seq}}}").into();
    Arc::new(Event::new(position, EventId::from_bits(u128::from(seq)), "a".parse().unwrap(), json))
}

fn page(after: u64, next: u64, head: u64) -> Page {
    let place = |seq| lineage().position_at(Seq(seq));
    let events = (after + 1..=next).map(event).collect();
    let (after, next, head) = (place(after), place(next), place(head));
    Page { gap: None, after, events, skipped: 0, next, head }
}

fn mirror() -> Mirror {
    let mut mirror = Mirror::default();
    mirror.learn(&lineage(), Seq(8));
    mirror
}

#[derive(Clone, Debug)]
enum Deed {
    /// A page after a place, of so many events.
    Read(u64, u64),
    /// An append that others' appends may lie before.
    Append { skipped: u64, count: u64 },
    /// A hint's event, so many after the head; what lies between was appended by others.
    Live(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..30_u64, 0..8_u64).prop_map(|(after, count)| Deed::Read(after, count)),
        (0..3_u64, 1..4_u64).prop_map(|(skipped, count)| Deed::Append { skipped, count }),
        (1..3_u64).prop_map(Deed::Live),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_base_is_a_stretch_of_the_trunk(deeds in proptest::collection::vec(deed(), 1..30)) {
        let (mut mirror, mut head) = (mirror(), 8);
        for deed in deeds {
            match deed {
                Deed::Read(after, count) => {
                    let after = after.min(head);
                    let next = (after + count).min(head);
                    mirror.take_page(&page(after, next, head), NOW, &LIMITS);
                    let base = mirror.base(true, NOW).unwrap();
                    prop_assert!(base.head().seq.0 >= next, "a reader here is ahead of the branch");
                }
                Deed::Append { skipped, count } => {
                    let first = head + skipped + 1;
                    head = first + count - 1;
                    let events: Vec<_> = (first..=head).map(event).collect();
                    mirror.learn(&lineage(), Seq(head));
                    mirror.take_append(&events, None, NOW, &LIMITS);
                }
                Deed::Live(beyond) => {
                    head += beyond;
                    if mirror.take_live(&event(head), NOW, &LIMITS) {
                        let base = mirror.base(true, NOW).unwrap();
                        prop_assert_eq!(base.head().seq.0, head, "a reader here has it");
                        prop_assert_eq!(mirror.end().0, head);
                    } else {
                        mirror.learn(&lineage(), Seq(head));
                    }
                }
            }
            let base = mirror.base(true, NOW).unwrap();
            let parts = base.parts();
            prop_assert!(base.head().seq.0 <= head);
            prop_assert!(parts.window.len() <= LIMITS.events_max);
            for (kept, back) in parts.window.iter().rev().zip(0..) {
                prop_assert_eq!(&*kept.event, &*event(base.head().seq.0 - back));
            }
            let unread = mirror.base(false, MonoMs(NOW.0 + 100_000)).unwrap();
            prop_assert_eq!(unread.head().seq.0, head, "nobody follows: the newest place is best");
        }
    }
}

#[test]
fn what_others_appended_and_nobody_read_comes_after_the_branch() {
    let mut mirror = mirror();
    mirror.take_page(&page(3, 8, 8), NOW, &LIMITS);
    mirror.learn(&lineage(), Seq(11));
    mirror.take_append(&[event(11)], None, NOW, &LIMITS);
    let base = mirror.base(true, NOW).unwrap();
    assert_eq!((base.head().seq, base.window_len()), (Seq(8), 5));
    assert_eq!(
        mirror.behind(Seq(11), NOW, &LIMITS),
        Some(Position::new(Epoch::from_bits(2), Seq(8)))
    );
    mirror.take_page(&page(8, 10, 11), NOW, &LIMITS);
    assert_eq!(mirror.base(true, NOW).unwrap().head().seq, Seq(11), "it joins the own append");
    assert_eq!(mirror.behind(Seq(11), NOW, &LIMITS), None);
}

#[test]
fn only_what_is_next_and_the_trunks_is_taken_from_a_hint() {
    let mut mirror = mirror();
    let take = |mirror: &mut Mirror, seq| mirror.take_live(&event(seq), NOW, &LIMITS);
    assert!(!take(&mut mirror, 9), "nobody here has read");
    mirror.take_page(&page(3, 8, 8), NOW, &LIMITS);
    assert!(!take(&mut mirror, 10), "9 is missing");
    assert!(take(&mut mirror, 9) && take(&mut mirror, 10));
    assert!(take(&mut mirror, 9), "another reader here has the same hint");
    let foreign = Position::new(Epoch::from_bits(9), Seq(11));
    let foreign = Event::new(foreign, EventId::from_bits(9), "a".parse().unwrap(), "{}".into());
    assert!(!mirror.take_live(&Arc::new(foreign), NOW, &LIMITS));
    assert_eq!(mirror.base(true, NOW).unwrap().head().seq, Seq(10));
}

#[test]
fn places_of_a_merged_branch_are_not_the_trunks() {
    let mut mirror = mirror();
    mirror.take_page(&page(3, 8, 8), NOW, &LIMITS);
    let branch = |seq| Position::new(Epoch::from_bits(9), Seq(seq));
    let own = Event::new(branch(9), EventId::from_bits(9), "a".parse().unwrap(), "{}".into());
    let view = Page {
        gap: None,
        after: branch(8),
        events: vec![Arc::new(own)].into(),
        skipped: 0,
        next: branch(9),
        head: lineage().position_at(Seq(12)),
    };
    mirror.take_page(&view, NOW, &LIMITS);
    assert_eq!(mirror.base(true, NOW).unwrap().head().seq, Seq(8));
    assert_eq!(mirror.find(EventId::from_bits(9)), None);
}
