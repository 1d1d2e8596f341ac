//! Places: filters and heartbeats, a log that went back, what readers send.

use std::{sync::Arc, time::Duration};

use broker::{Events, Page};
use delivery::room::{SubscriptionId, Wish};
use event::Clock;

use super::bench::{Bench, numbers, options, text};

#[test]
fn a_filtered_reader_is_told_its_place_with_the_heartbeat_once() {
    let mut bench = Bench::new(options());
    let (wire, mut admission) = bench.newcomer(1 << 20);
    admission.subscribing.as_mut().expect("it follows one").filter =
        Some(Arc::new("b.*".parse().expect("a filter")));
    bench.admit(admission);
    bench.publish(5, "a.one", 0);
    bench.publish(1, "b.one", 0);
    assert_eq!(numbers(&text(&wire)), [6]);
    let beat = |bench: &mut Bench| {
        (0..3).for_each(|_| bench.tick(Duration::from_secs(1)));
        text(&wire)
    };
    assert_eq!(beat(&mut bench), ": heartbeat\n\n", "it knows its place");
    bench.publish(2, "a.one", 0);
    assert_eq!(beat(&mut bench), format!(": heartbeat\nid: {}\n\n", bench.at(8)));
    assert_eq!(beat(&mut bench), ": heartbeat\n\n", "it was told");
}

#[test]
fn a_reader_ahead_of_its_ring_waits_for_it() {
    let mut bench = Bench::new(options());
    let (behind, _) = bench.reader(1 << 20);
    bench.append(4, "a.one", 0);
    let (ahead, admission) = bench.newcomer(1 << 20);
    bench.admit(admission);
    assert!(bench.room.take_wishes().is_empty());
    bench.tell();
    bench.publish(1, "a.one", 0);
    assert_eq!(numbers(&text(&behind)), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&text(&ahead)), [5]);
}

/// Numbers past a loss are another history's: who had them must be told at once, not when the log
/// has grown as long again.
#[test]
fn a_reader_that_had_what_the_log_lost_asks_at_once() {
    let mut bench = Bench::new(options());
    let (wire, key) = bench.reader(1 << 20);
    bench.publish(9, "a.one", 0);
    let gap = bench.lose_from(5);
    bench.tell();
    let Some(Wish::Fetch { after, .. }) = bench.room.take_wishes().pop() else {
        panic!("it does not know of the loss")
    };
    assert_eq!(after.seq.0, 9);
    let (after, next, head) = (bench.at(5), bench.at(5), bench.at(5));
    let page = Page { gap: Some(gap), after, events: Events::default(), skipped: 0, next, head };
    bench.room.on_page(key, SubscriptionId::FIRST, Ok(page), bench.clock.mono());
    bench.publish(1, "a.one", 0);
    let text = text(&wire);
    assert_eq!(numbers(&text), [1, 2, 3, 4, 5, 6, 7, 8, 9, 6]);
    assert!(text.contains(
        r#"event: gap
data: {"reason":"data_loss""#
    ));
}

#[test]
fn a_preamble_larger_than_the_socket_comes_whole_and_first() {
    let mut bench = Bench::new(options());
    let (wire, mut admission) = bench.newcomer(10);
    admission.preamble = format!("event: connected\ndata: {}\n\n", "x".repeat(5000)).into();
    let key = bench.admit(admission);
    bench.publish(2, "a.one", 0);
    let mut seen = text(&wire);
    while wire.borrow().full_since.is_some() {
        bench.writable(&wire, key, 333);
        seen += &text(&wire);
    }
    assert!(seen.starts_with("event: connected\ndata: xxx"));
    assert_eq!(numbers(&seen), [1, 2]);
}

#[test]
fn a_reader_may_send_a_little_and_not_much() {
    let mut bench = Bench::new(options());
    let (wire, key) = bench.reader(1 << 20);
    wire.borrow_mut().send(&[b'x'; 64 << 10]);
    bench.room.on_readable(key, bench.clock.mono());
    assert!(!wire.borrow().closed);
    wire.borrow_mut().send(b"x");
    bench.room.on_readable(key, bench.clock.mono());
    assert!(wire.borrow().closed);
}

#[test]
fn a_reader_that_closes_its_half_has_left() {
    let mut bench = Bench::new(options());
    let (wire, key) = bench.reader(1 << 20);
    wire.borrow_mut().half_closed = true;
    bench.room.on_readable(key, bench.clock.mono());
    assert!(wire.borrow().closed);
    let ended = r#"stream_ends_total{transport="sse",cause="client"}"#;
    assert_eq!(bench.metric(ended).as_deref(), Some("1"));
}

#[test]
fn a_lane_that_overflowed_is_made_up_for_from_the_log() {
    let mut bench = Bench::new(options());
    let (wire, _) = bench.reader(1 << 20);
    assert_eq!(bench.append(4000, "a.one", 0), [0]);
    assert!(bench.append(97, "a.one", 0).is_empty(), "it was told and has not looked");
    bench.tell();
    assert!(text(&wire).is_empty());
    let Some(Wish::Fetch { after, .. }) = bench.room.take_wishes().pop() else {
        panic!("the log is not asked")
    };
    assert_eq!(after, bench.at(0));
    assert_eq!(bench.append(1, "a.one", 0), [0], "it looked");
}
