//! Who falls too far behind is closed; who does not is not.

use std::time::Duration;

use broker::Page;
use delivery::{
    DeliveryOptions,
    room::{SubscriptionId, Wish},
};
use event::Clock;

use super::bench::{Bench, numbers, options, text};

const LAGGED: &str = r#"lag_closes_total{transport="sse"}"#;

#[test]
fn a_reader_over_its_limit_in_bytes_is_closed_at_the_tick() {
    let mut bench = Bench::new(options());
    let (slow, _) = bench.reader(5);
    let (fast, _) = bench.reader(1 << 20);
    bench.publish(9, "a.one", 900);
    bench.tick(Duration::from_secs(1));
    assert!(!slow.borrow().closed, "9 events of about 1,000 bytes are within 10,000");
    bench.publish(3, "a.one", 900);
    bench.tick(Duration::from_secs(1));
    assert!(slow.borrow().closed);
    assert_eq!(numbers(&text(&fast)).len(), 12);
    assert_eq!(bench.metric(LAGGED).as_deref(), Some("1"));
}

#[test]
fn a_reader_that_takes_nothing_for_too_long_is_closed() {
    let mut bench = Bench::new(options());
    let (slow, _) = bench.reader(5);
    bench.publish(1, "a.one", 0);
    bench.tick(Duration::from_secs(30));
    assert!(!slow.borrow().closed);
    bench.tick(Duration::from_millis(1));
    assert!(slow.borrow().closed);
}

#[test]
fn a_reader_whose_next_event_is_too_old_is_closed_though_it_takes_a_little() {
    let mut bench = Bench::new(options());
    let (slow, key) = bench.reader(5);
    bench.publish(50, "a.one", 0);
    for _ in 0..4 {
        bench.tick(Duration::from_secs(10));
        bench.writable(&slow, key, 30);
    }
    bench.tick(Duration::from_secs(1));
    assert!(slow.borrow().closed);
}

#[test]
fn an_idle_reader_never_lags() {
    let mut bench = Bench::new(options());
    let (wire, _) = bench.reader(1 << 30);
    for _ in 0..100 {
        bench.tick(Duration::from_secs(1));
    }
    assert!(!wire.borrow().closed);
    // Every third second, from a moment within the first three.
    assert!((33..=34).contains(&text(&wire).matches(": heartbeat\n\n").count()));
}

/// What a reader took while it was up to date must not count once it is behind its ring.
#[test]
fn a_reader_that_has_just_fallen_behind_its_ring_is_not_closed_for_what_it_took() {
    let mut bench = Bench::new(DeliveryOptions { ring_events_max: 3, ..options() });
    let (wire, key) = bench.reader(1 << 20);
    for _ in 0..40 {
        bench.publish(1, "a.one", 900);
    }
    wire.borrow_mut().takes = 5;
    let events: Vec<_> = (0..4).map(|_| bench.next_event("a.one", 900)).collect();
    // Its worker was too slow for the lane, and the ring begins anew beyond them.
    bench.channel.restart(bench.at(44));
    bench.tell();
    let Some(Wish::Fetch { after, .. }) = bench.room.take_wishes().pop() else {
        panic!("it has to ask the log")
    };
    let (next, head) = (bench.at(44), bench.at(44));
    let page = Page { gap: None, after, events: events.into(), skipped: 0, next, head };
    bench.room.on_page(key, SubscriptionId::FIRST, Ok(page), bench.clock.mono());
    assert!(wire.borrow().full_since.is_some());
    bench.tick(Duration::from_secs(1));
    assert!(!wire.borrow().closed, "it is 4 KB behind, not 44");
}

#[test]
fn what_a_slow_reader_took_last_does_not_count() {
    let mut bench = Bench::new(options());
    let (wire, key) = bench.reader(0);
    bench.publish(9, "a.one", 900);
    bench.writable(&wire, key, 8_500);
    assert!(wire.borrow().full_since.is_some());
    bench.publish(5, "a.one", 900);
    bench.tick(Duration::from_secs(1));
    assert!(!wire.borrow().closed, "it is 5 KB behind, not 14");
}
