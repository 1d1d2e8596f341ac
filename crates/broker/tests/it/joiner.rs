//! The joiner alone, with what no honest log gives it.

use std::sync::Arc;

use broker::{
    Item, Page, Wake,
    join::{Joiner, LIVE_EVENTS_MAX, Step},
};
use event::{Epoch, Event, Gap, GapReason, Position, Seq};

use crate::support::events::event_numbered;

fn at(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

fn event(epoch: u64, seq: u64) -> Arc<Event> {
    let new = event_numbered(seq);
    Arc::new(Event::new(at(epoch, seq), new.id, new.name, new.json))
}

fn events(epoch: u64, seqs: impl IntoIterator<Item = u64>) -> Vec<Arc<Event>> {
    seqs.into_iter().map(|seq| event(epoch, seq)).collect()
}

fn page(after: Position, events: Vec<Arc<Event>>, next: Position, head: Position) -> Page {
    Page { gap: None, after, events: events.into(), skipped: 0, next, head }
}

/// Takes what is delivered, up to the step that is something else.
fn drain(joiner: &mut Joiner) -> (Vec<Item>, Step) {
    let mut items = Vec::new();
    loop {
        match joiner.step() {
            Step::Deliver(item) => items.push(item),
            step => return (items, step),
        }
    }
}

fn seqs(items: &[Item]) -> Vec<u64> {
    let seqs = items.iter().filter_map(|item| match item {
        Item::Event(event) => Some(event.position.seq.0),
        Item::Gap(_) => None,
    });
    seqs.collect()
}

/// A reader at `(1, 2)` that waits.
fn waiting() -> Joiner {
    let mut joiner = Joiner::opened(page(at(1, 0), events(1, 1..=2), at(1, 2), at(1, 2)));
    assert_eq!(drain(&mut joiner).1, Step::Wait);
    joiner
}

#[test]
fn live_events_are_held_up_to_the_limit() {
    let mut joiner = waiting();
    let beyond = 4 + 3 * LIVE_EVENTS_MAX as u64;
    for seq in 4..beyond {
        joiner.on_wake(Wake::Event(event(1, seq)));
    }
    assert_eq!(drain(&mut joiner), (vec![], Step::Read(at(1, 2))), "the third is missing");
    joiner.on_page(page(at(1, 2), events(1, [3]), at(1, 3), at(1, beyond - 1)));
    let (items, step) = drain(&mut joiner);
    let held_to = 3 + LIVE_EVENTS_MAX as u64;
    assert_eq!(seqs(&items), (3..=held_to).collect::<Vec<_>>());
    assert_eq!(step, Step::Read(at(1, held_to)), "what was not held is read from the log");
}

#[test]
fn live_events_in_disorder_come_in_order_and_once() {
    let mut joiner = waiting();
    for seq in [5, 4, 5, 1, 3, 2, 4] {
        joiner.on_wake(Wake::Event(event(1, seq)));
    }
    let (items, step) = drain(&mut joiner);
    assert_eq!((seqs(&items), step), (vec![3, 4, 5], Step::Wait));
}

#[test]
fn a_live_event_of_another_owner_makes_the_log_be_read() {
    for seq in [1, 2, 3, 9] {
        let mut joiner = waiting();
        joiner.on_wake(Wake::Event(event(2, seq)));
        assert_eq!(drain(&mut joiner), (vec![], Step::Read(at(1, 2))), "event {seq}");
    }
}

#[test]
fn a_page_that_breaks_its_invariant_becomes_a_gap() {
    let place = at(1, 2);
    let gap =
        |resumes_at| Gap { reason: GapReason::Expired, after: None, resumes_at, missed: None };
    let broken = [
        ("a hole", page(place, events(1, [4]), at(1, 4), at(1, 4))),
        ("a repeat", page(place, events(1, [3, 3]), at(1, 4), at(1, 4))),
        ("disorder", page(place, events(1, [4, 3]), at(1, 4), at(1, 4))),
        ("an event from before", page(place, events(1, [2, 3]), at(1, 4), at(1, 4))),
        ("it skips in silence", page(place, vec![], at(1, 4), at(1, 4))),
        ("it begins elsewhere", page(at(1, 3), events(1, [4]), at(1, 4), at(1, 4))),
        ("it goes back", page(place, vec![], at(1, 1), at(1, 4))),
        ("it never gets anywhere", page(place, vec![], place, at(1, 4))),
        (
            "its gap ends elsewhere",
            Page {
                gap: Some(gap(at(1, 3))),
                ..page(at(1, 2), events(1, 3..=4), at(1, 4), at(1, 4))
            },
        ),
    ];
    for (what, page) in broken {
        let mut joiner = waiting();
        joiner.on_wake(Wake::Head(Seq(4)));
        assert_eq!(drain(&mut joiner).1, Step::Read(place));
        joiner.on_page(page);
        let (items, step) = drain(&mut joiner);
        let told = matches!(&items[..], [Item::Gap(gap)] if gap.reason == GapReason::DataLoss);
        assert!(told && step == Step::Wait, "{what}: {items:?}, {step:?}");
        assert_eq!(joiner.at(), at(1, 4), "{what}");
    }
}

#[test]
fn a_hole_at_the_head_is_told_though_nothing_follows() {
    let mut joiner = Joiner::opened(page(at(1, 0), events(1, 1..=2), at(1, 2), at(2, 2)));
    let (items, step) = drain(&mut joiner);
    assert_eq!((seqs(&items), step), (vec![1, 2], Step::Read(at(1, 2))));
}

#[test]
fn a_shut_down_log_is_read_once_more() {
    let mut joiner = waiting();
    joiner.on_wake(Wake::Closed);
    assert_eq!(drain(&mut joiner).1, Step::Read(at(1, 2)));
    joiner.on_page(page(at(1, 2), vec![], at(1, 2), at(1, 2)));
    assert_eq!(drain(&mut joiner), (vec![], Step::Wait));
}
