//! A round over the readers of a stream: some leave in the middle of it, some take their turns.

use std::time::Duration;

use broker::{Events, Page, ReadError};
use delivery::{
    DeliveryOptions,
    room::{ReaderKey, SubscriptionId, Wish},
};
use event::Clock;

use super::bench::{Bench, numbers, options, text};

#[test]
fn the_last_reader_may_die_after_its_first_write_of_a_round() {
    let mut bench = Bench::new(options());
    let (wire, _) = bench.reader(1 << 20);
    wire.borrow_mut().dies_next = true;
    // More than one write takes, so that the second one finds the connection gone.
    bench.publish(300, "a.one", 0);
    assert!(bench.room.is_empty());
    assert_eq!(bench.room.holdings().tables, 0);
    assert_eq!(bench.channel.readers(), 0);
}

#[test]
fn readers_that_die_in_a_round_cost_nobody_else_an_event() {
    let mut bench = Bench::new(options());
    let readers: Vec<_> = (0..20).map(|_| bench.reader(1 << 20).0).collect();
    for wire in readers.iter().step_by(3) {
        wire.borrow_mut().dead = true;
    }
    bench.publish(3, "a.one", 0);
    bench.publish(3, "a.one", 0);
    assert_eq!(bench.room.len(), 13);
    for wire in readers.iter().filter(|wire| !wire.borrow().dead) {
        assert_eq!(numbers(&text(wire)), [1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn a_reader_with_much_to_take_stands_once_among_the_unfinished() {
    let mut bench = Bench::new(options());
    let (wire, _) = bench.reader(1 << 20);
    wire.borrow_mut().interrupts = 1_000;
    for _ in 0..20 {
        bench.publish(1, "a.one", 0);
    }
    assert!(bench.room.is_unfinished());
    assert_eq!(bench.room.holdings().turns, 1);
    while bench.room.is_unfinished() {
        bench.room.go_on(bench.clock.mono());
    }
    assert_eq!(numbers(&text(&wire)), (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_key_of_a_reader_that_left_is_not_its_successor() {
    let mut bench = Bench::new(options());
    let (first, gone) = bench.reader(1 << 20);
    bench.room.on_lost(gone);
    assert!(first.borrow().closed);
    let (second, key) = bench.reader(1 << 20);
    assert_ne!(gone, key);
    assert_eq!(key, ReaderKey::from_bits(key.to_bits()));
    bench.room.on_lost(gone);
    bench.room.on_writable(gone, bench.clock.mono());
    bench.room.on_page(gone, SubscriptionId::FIRST, Err(unavailable()), bench.clock.mono());
    bench.publish(1, "a.one", 0);
    assert_eq!(numbers(&text(&second)), [1]);
}

/// Lets a reader at 1 fall behind its ring, gives it this page, and returns what it is sent.
fn answered(page: impl Fn(&Bench) -> Result<Page, ReadError>) -> (Bench, String) {
    let mut bench = Bench::new(DeliveryOptions { ring_events_max: 2, ..options() });
    let (wire, key) = bench.reader(1);
    bench.publish(1, "a.one", 0);
    bench.publish(5, "a.one", 0);
    bench.writable(&wire, key, 1 << 20);
    let Some(Wish::Fetch { after, .. }) = bench.room.take_wishes().pop() else {
        panic!("it fell behind its ring")
    };
    assert_eq!(after, bench.at(1));
    assert_eq!(numbers(&text(&wire)), [1]);
    bench.room.on_page(key, SubscriptionId::FIRST, page(&bench), bench.clock.mono());
    let sent = text(&wire);
    (bench, sent)
}

#[test]
fn a_page_that_is_not_whole_becomes_a_gap() {
    for (after, next) in [(1, 6), (4, 4)] {
        let (bench, sent) = answered(|bench| {
            let (after, next, head) = (bench.at(after), bench.at(next), bench.at(6));
            Ok(Page { gap: None, after, events: Events::default(), skipped: 0, next, head })
        });
        let place = bench.at(6);
        assert!(sent.starts_with(&format!("id: {place}\nevent: gap\ndata: ")), "{sent}");
        assert!(sent.contains("data_loss"));
    }
}

#[test]
fn a_page_that_can_not_be_had_is_asked_for_at_the_next_tick() {
    let (mut bench, sent) = answered(|_| Err(unavailable()));
    assert_eq!(sent, "");
    assert!(bench.room.take_wishes().is_empty());
    bench.tick(Duration::from_secs(1));
    assert_eq!(bench.room.take_wishes().len(), 1);
}

fn unavailable() -> ReadError {
    ReadError::Unavailable { reason: "a test".to_owned() }
}
