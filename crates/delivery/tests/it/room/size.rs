//! What an idle reader costs.

use std::time::Duration;

use delivery::{Socket, room::Room};

use super::bench::{Bench, options};

/// Generous: a reader's place, its socket's number and its share in two counters.
const READER_BYTES_MAX: usize = 1024;

#[test]
fn an_idle_reader_is_a_few_hundred_bytes() {
    let (bytes, wheel, seat) = (Room::<Socket>::READER_BYTES, size_of::<u64>(), size_of::<u32>());
    println!("{bytes} bytes of a reader, {wheel} in the wheel, {seat} of a seat");
    assert!(bytes + wheel + seat <= READER_BYTES_MAX);
}

#[test]
fn an_idle_reader_holds_nothing_but_its_place() {
    let mut bench = Bench::new(options());
    let readers: Vec<_> = (0..100).map(|_| bench.reader(1 << 20).0).collect();
    bench.publish(10, "a.one", 1000);
    for _ in 0..40 {
        bench.tick(Duration::from_secs(1));
    }
    let held = bench.room.holdings();
    assert_eq!((held.readers, held.beats, held.tables), (readers.len(), readers.len(), 1));
    assert_eq!((held.ring_events, held.page_events, held.rest_bytes, held.turns), (0, 0, 0, 0));
}
