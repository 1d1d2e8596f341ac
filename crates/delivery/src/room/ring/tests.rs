//! Places in a ring, what it forgets, what it counts.

use std::sync::Arc;

use event::{Epoch, Event, EventId, MonoMs, Position, Seq};

use super::{FRAME_BYTES, Place, Ring};
use crate::channel::Arrival;

fn at(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

/// Returns an event of 20 bytes beside its frame, which came at its number.
fn arrival(epoch: u64, seq: u64) -> Arrival {
    let (id, name) = (EventId::from_bits(seq.into()), "a".parse().expect("a name"));
    let event = Arc::new(Event::new(at(epoch, seq), id, name, vec![b'x'; 20].into()));
    Arrival { event, at: MonoMs(seq) }
}

fn ring(after: u64, last: u64) -> Ring {
    let mut ring = Ring::new(at(1, after));
    (after + 1..=last).for_each(|seq| ring.push(arrival(1, seq)));
    ring
}

const EVENT: u64 = 20 + FRAME_BYTES;

#[test]
fn a_place_is_at_ahead_or_outside() {
    let ring = ring(10, 13);
    for (place, expected) in [
        (at(1, 9), Place::Outside),
        (at(1, 10), Place::At(0)),
        (at(1, 12), Place::At(2)),
        (at(1, 13), Place::At(3)),
        (at(1, 14), Place::Ahead),
        (at(2, 10), Place::Outside),
        (at(2, 12), Place::Outside),
        (at(2, 13), Place::Outside),
        // Another history's numbers say nothing about what is to come in this one.
        (at(2, 14), Place::Outside),
    ] {
        assert_eq!(ring.place(place), expected, "{place}");
    }
    assert!(ring.slot(2).is_some() && ring.slot(3).is_none());
    assert_eq!(ring.came_at(1), Some(MonoMs(12)));
}

#[test]
fn what_is_not_next_restarts_the_ring_before_it() {
    let mut ring = ring(10, 13);
    ring.push(arrival(1, 12));
    assert_eq!((ring.len(), ring.last()), (3, at(1, 13)), "it has that one");
    ring.push(arrival(1, 20));
    assert_eq!((ring.len(), ring.place(at(1, 19))), (1, Place::At(0)));
    assert_eq!(ring.place(at(1, 13)), Place::Outside);
}

#[test]
fn another_owner_may_go_on_with_the_next_number() {
    let mut ring = ring(10, 13);
    ring.push(arrival(2, 14));
    assert_eq!(ring.place(at(1, 13)), Place::At(3));
    assert_eq!(ring.place(at(2, 14)), Place::At(4));
    ring.push(arrival(3, 12));
    assert_eq!((ring.len(), ring.place(at(3, 11))), (1, Place::At(0)), "that log went back");
}

#[test]
fn limits_forget_the_oldest() {
    let mut ring = ring(0, 10);
    ring.trim(6, u64::MAX);
    assert_eq!(
        (ring.len(), ring.place(at(1, 3)), ring.place(at(1, 4))),
        (6, Place::Outside, Place::At(0))
    );
    ring.trim(usize::MAX, 3 * EVENT);
    assert_eq!((ring.len(), ring.place(at(1, 7))), (3, Place::At(0)));
    ring.forget_before(MonoMs(10));
    assert_eq!((ring.len(), ring.place(at(1, 9))), (1, Place::At(0)));
    ring.trim(usize::MAX, EVENT - 1);
    assert_eq!((ring.len(), ring.place(at(1, 10))), (0, Place::At(0)), "one that is too big");
    ring.push(arrival(1, 11));
    assert_eq!(ring.place(at(1, 10)), Place::At(0));
}

#[test]
fn bytes_are_counted_over_all_that_it_forgets() {
    let mut ring = ring(0, 10);
    assert_eq!(ring.bytes_from(0), 10 * EVENT);
    assert_eq!(ring.bytes_from(7), 3 * EVENT);
    assert_eq!(ring.bytes_from(10), 0);
    let mark = ring.mark_before(4);
    assert_eq!(ring.bytes_since(mark), 6 * EVENT);
    ring.trim(2, u64::MAX);
    ring.push(arrival(1, 11));
    assert_eq!(ring.bytes_since(mark), 7 * EVENT);
    ring.restart(at(2, 0));
    assert_eq!((ring.bytes_from(0), ring.bytes_since(mark)), (0, 7 * EVENT));
    assert_eq!(ring.bytes_since(ring.mark()), 0);
}

#[test]
fn a_mark_moves_over_what_it_has_not_behind_it() {
    let ring = ring(0, 10);
    let page: Vec<_> = (3..=8).map(|seq| arrival(1, seq).event).collect();
    let mark = ring.mark_before(4).beyond(&page);
    assert_eq!(ring.bytes_since(mark), 2 * EVENT, "5 to 8 were new to it");
    let ahead = ring.mark().beyond(&[arrival(1, 11).event]);
    assert_eq!(ring.bytes_since(ahead), 0);
}

#[test]
fn room_that_a_burst_needed_is_given_back() {
    let mut ring = ring(0, 1000);
    ring.forget_through(Seq(990));
    ring.shrink();
    assert!(ring.slots.capacity() < 100, "{}", ring.slots.capacity());
    assert_eq!((ring.len(), ring.last()), (10, at(1, 1000)));
}
