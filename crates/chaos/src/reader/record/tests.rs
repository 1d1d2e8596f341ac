//! Each thing that can be wrong with what a reader sees is seen, and what is right is not.

use event::{Epoch, Seq};

use super::*;
use crate::payload::TICK;

struct Bench {
    record: Record,
}

impl Bench {
    /// A reader that begins, and one publisher that sent so many.
    fn new(sent: u64) -> Self {
        let facts = Arc::new(Facts::new(1));
        (0..sent).for_each(|_| drop(facts.begin(0, 1)));
        let mut record = Record::new(&facts);
        record.begins("fresh", Some(at(0)));
        Bench { record }
    }

    /// Takes the publisher's number `n`, with the identity `id`, in a place.
    fn take(&mut self, place: u64, n: u64, id: u64) -> Counts {
        self.record.event(at(place), json(n, id).as_bytes());
        self.record.counts
    }
}

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(7), Seq(seq))
}

fn json(n: u64, id: u64) -> String {
    let payload = Stamp { by: 0, n, first: n, of: 1 }.payload();
    format!(r#"{{"id":"evt_{id:026}","event":"{TICK}","payload":{payload}}}"#)
}

#[test]
fn what_comes_in_order_is_right() {
    let mut bench = Bench::new(5);
    for n in 0..5 {
        bench.take(n + 1, n, n);
    }
    assert_eq!(bench.record.counts, Counts { delivered: 5, ..Counts::default() });
    assert!(bench.record.late.is_empty() && bench.record.incidents.is_empty());
}

#[test]
fn a_number_that_is_not_the_next_is_seen() {
    let mut bench = Bench::new(5);
    bench.take(1, 0, 0);
    assert_eq!(bench.take(3, 1, 1).jumped, 1);
    assert_eq!(bench.take(3, 2, 2).jumped, 2);
    bench.record.gap(0, "data_loss", at(9));
    assert_eq!(bench.take(10, 3, 3).jumped, 2);
}

#[test]
fn a_second_time_is_seen_and_told_apart() {
    let mut bench = Bench::new(5);
    bench.take(1, 0, 0);
    let counts = bench.take(2, 0, 0);
    assert_eq!((counts.repeated, counts.told_again, counts.diverged), (1, 0, 0));
    bench.record.gap(0, "unknown_cursor", at(1));
    assert_eq!(bench.take(2, 0, 0).told_again, 1);
    assert_eq!(bench.take(3, 0, 0).repeated, 2);
}

#[test]
fn another_event_in_a_place_and_other_bytes_are_seen() {
    let facts = Arc::new(Facts::new(1));
    (0..5).for_each(|_| drop(facts.begin(0, 1)));
    let (mut one, mut other) = (Record::new(&facts), Record::new(&facts));
    one.event(at(1), json(0, 0).as_bytes());
    other.event(at(1), json(1, 1).as_bytes());
    assert_eq!((other.counts.diverged, other.counts.altered), (1, 0));
    other.event(at(2), json(0, 0).replace('{', "{ ").as_bytes());
    assert_eq!(other.counts.altered, 1);
    other.event(at(3), json(2, 2).replace("\"fill\"", "\"full\"").as_bytes());
    assert_eq!(other.counts.altered, 2);
    other.event(at(4), json(77, 77).as_bytes());
    assert_eq!(other.counts.altered, 3);
}

#[test]
fn what_comes_behind_a_later_one_is_kept() {
    let mut bench = Bench::new(9);
    bench.take(1, 3, 3);
    bench.take(2, 1, 1);
    assert_eq!(bench.record.late.len(), 1);
    assert_eq!((bench.record.late[0].n, bench.record.late[0].behind), (1, 3));
    bench.record.gap(0, "data_loss", at(2));
    bench.take(3, 2, 2);
    assert_eq!(bench.record.late.len(), 1, "a gap begins anew");
}

#[test]
fn a_second_event_of_one_number_has_a_place_of_its_own() {
    let mut bench = Bench::new(5);
    bench.take(1, 0, 0);
    let counts = bench.take(2, 0, 100);
    assert_eq!((counts.repeated, counts.delivered), (0, 2));
    assert_eq!(bench.take(3, 0, 100).repeated, 1);
}

#[test]
fn what_is_wrong_is_kept_with_what_came_before() {
    let mut bench = Bench::new(100);
    for n in 0..50 {
        bench.take(n + 1, n, n);
    }
    bench.take(52, 51, 51);
    assert_eq!(bench.record.incidents.len(), 1);
    let incident = &bench.record.incidents[0];
    assert!(incident.what.contains("without a gap"), "{incident:?}");
    assert!(incident.before.len() > 50, "{incident:?}");
}
