//! However a socket takes its bytes, they are the same bytes.

use std::sync::Arc;

use delivery::Filter;
use proptest::prelude::*;

use super::bench::{Bench, numbers, options, text};

const FILTERS: [Option<&str>; 3] = [None, Some("a.*"), Some("b.one")];

/// More writes than the bytes of any case.
const WRITES_MAX: usize = 100_000;

/// Publishes these events to a reader whose socket takes so many bytes at a time, the last number
/// over and over; returns all that it was sent.
fn sent(events: &[(bool, usize)], takes: &[usize], filter: Option<&str>) -> String {
    let mut bench = Bench::new(options());
    let (wire, mut admission) = bench.newcomer(takes[0]);
    admission.preamble = "event: connected\ndata: {}\n\n".into();
    let subscribing = admission.subscribing.as_mut().expect("it follows a stream");
    subscribing.filter = filter.map(|text| Arc::new(text.parse::<Filter>().expect("a filter")));
    let key = bench.admit(admission);
    for &(is_a, pad) in events {
        bench.publish(1, if is_a { "a.one" } else { "b.one" }, pad);
    }
    let last = *takes.last().expect("there is a first");
    let later = takes[1..].iter().copied().chain(std::iter::repeat(last));
    for takes in later.take(WRITES_MAX) {
        if wire.borrow().full_since.is_none() {
            return text(&wire);
        }
        bench.writable(&wire, key, takes);
    }
    panic!("the socket takes and takes, and there is no end")
}

#[test]
fn one_split_at_every_byte() {
    let events = [(true, 3), (false, 0), (true, 40), (true, 0), (false, 9)];
    for filter in FILTERS {
        let whole = sent(&events, &[1 << 20], filter);
        assert!(!numbers(&whole).is_empty());
        for first in 0..=whole.len() {
            assert_eq!(sent(&events, &[first, 1 << 20], filter), whole, "split at {first}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_splits(
        events in prop::collection::vec((any::<bool>(), 0..300_usize), 1..150),
        takes in prop::collection::vec(prop_oneof![1..700_usize, 700..20_000_usize], 1..60),
        filter in prop::sample::select(FILTERS.to_vec()),
    ) {
        let whole = sent(&events, &[1 << 20], filter);
        prop_assert_eq!(sent(&events, &takes, filter), whole);
    }
}
