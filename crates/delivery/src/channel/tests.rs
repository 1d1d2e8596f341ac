//! Lanes: who is told when, and what a worker that did not look finds.

use std::sync::Arc;

use event::{Epoch, Event, EventId, Gap, GapReason, MonoMs, Position, Seq, StreamName};

use super::{Channel, Item, LaneLimits, Lease};

const LIMITS: LaneLimits = LaneLimits { events_max: 4, bytes_max: 1000 };

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(1), Seq(seq))
}

fn event(seq: u64, bytes: usize) -> Item {
    let (id, name) = (EventId::from_bits(seq.into()), "a".parse().expect("a name"));
    Item::Event(Arc::new(Event::new(at(seq), id, name, vec![b'x'; bytes].into())))
}

fn gap(seq: u64) -> Item {
    Item::Gap(Gap { reason: GapReason::DataLoss, after: None, resumes_at: at(seq), missed: None })
}

fn channel() -> Channel {
    Channel::new(StreamName::Ops, at(0), 2, LIMITS)
}

/// Returns the numbers that a worker finds, and where its ring begins anew.
fn look(channel: &Channel, worker: usize) -> (Vec<u64>, Option<u64>) {
    let look = channel.look(worker);
    let numbers = look.arrivals.iter().map(|arrival| arrival.event.position.seq.0).collect();
    (numbers, look.restart_after.map(|place| place.seq.0))
}

fn leave(channel: &Channel, items: impl IntoIterator<Item = Item>) -> Vec<usize> {
    channel.take_in(items, MonoMs(5))
}

#[test]
fn only_workers_with_readers_are_told_and_once_until_they_look() {
    let channel = channel();
    assert!(leave(&channel, [event(1, 1)]).is_empty());
    assert_eq!(channel.open_lane(1), at(1), "where the log is by then");
    assert_eq!(leave(&channel, [event(2, 1)]), [1]);
    assert!(leave(&channel, [event(3, 1)]).is_empty());
    assert_eq!(look(&channel, 1), (vec![2, 3], None));
    assert_eq!(look(&channel, 1), (vec![], None));
    assert_eq!(channel.open_lane(0), at(3));
    assert_eq!(leave(&channel, [event(4, 1)]), [0, 1]);
}

#[test]
fn a_lane_over_its_count_or_bytes_begins_anew_where_the_log_is() {
    for (first, second) in [(vec![event(1, 1), event(2, 1)], 3), (vec![event(1, 900)], 2)] {
        let channel = channel();
        channel.open_lane(0);
        leave(&channel, first);
        let more = (second..second + 3).map(|seq| event(seq, 50));
        assert!(leave(&channel, more).is_empty(), "it was told");
        leave(&channel, [event(second + 3, 1)]);
        assert_eq!(look(&channel, 0), (vec![], Some(second + 3)));
        assert_eq!(leave(&channel, [event(second + 4, 1)]), [0]);
        assert_eq!(look(&channel, 0), (vec![second + 4], None));
    }
}

#[test]
fn a_gap_in_the_log_makes_every_ring_begin_anew() {
    let channel = channel();
    channel.open_lane(0);
    assert_eq!(leave(&channel, [event(1, 1), gap(7), event(8, 1)]), [0]);
    assert_eq!(look(&channel, 0), (vec![], Some(8)));
    assert_eq!(channel.open_lane(1), at(8));
    assert_eq!(channel.restart(at(3)), [0, 1]);
    assert!(channel.restart(at(4)).is_empty(), "they were told");
    assert_eq!(look(&channel, 0), (vec![], Some(4)));
}

#[test]
fn a_lane_that_is_opened_again_has_nothing_of_before() {
    let channel = channel();
    channel.open_lane(0);
    leave(&channel, [event(1, 1)]);
    channel.close_lane(0);
    leave(&channel, [event(2, 1)]);
    assert_eq!(channel.open_lane(0), at(2));
    // The letter of before may have been lost with a turn that failed: the worker is told again.
    assert_eq!(leave(&channel, [event(3, 1)]), [0]);
    assert_eq!(look(&channel, 0), (vec![3], None));
}

#[test]
fn a_lease_counts_as_long_as_it_is_held() {
    let channel = Arc::new(channel());
    let (one, two) = (Lease::take(&channel), Lease::take(&channel));
    assert_eq!(channel.readers(), 2);
    drop(one);
    assert_eq!(two.channel().readers(), 1);
    drop(two);
    assert_eq!(channel.readers(), 0);
}
