//! A room that is told to fail: what it does wrong is the same wherever a socket is full, live and
//! from the log, and nothing else goes wrong.

use std::{sync::Arc, time::Duration};

use broker::{Item, Page};
use delivery::{
    inject::{Chance, Cut, Faults},
    room::{ReaderKey, Wish},
};
use event::Clock;

use super::bench::{Bench, Shared, numbers, options, text};

/// Odd, so that the last event has no next one to wait for.
const EVENTS: u64 = 61;

/// How many bytes a socket takes at a time.
const TAKES: [usize; 6] = [1, 7, 60, 61, 130, 1 << 20];

fn faults() -> Faults {
    let (lose, repeat, reorder) = (Chance::new(1, 5), Chance::new(1, 5), Chance::new(2, 5));
    Faults { seed: 7, lose, repeat, reorder, cut: None }
}

fn failing() -> Bench {
    let mut bench = Bench::new(options());
    bench.room.inject(faults());
    bench
}

/// Lets a reader take so many bytes at a time until there is no more.
fn drained(bench: &mut Bench, wire: &Shared, key: ReaderKey, takes: usize) {
    loop {
        let before = wire.borrow().written.len();
        bench.writable(wire, key, takes);
        if wire.borrow().written.len() == before {
            return;
        }
    }
}

fn live(takes: usize) -> Vec<u64> {
    let mut bench = failing();
    let (wire, key) = bench.reader(takes);
    for _ in 0..EVENTS {
        bench.publish(1, "a.one", 0);
        bench.writable(&wire, key, takes);
    }
    drained(&mut bench, &wire, key, takes);
    numbers(&text(&wire))
}

fn replayed(takes: usize) -> Vec<u64> {
    let mut bench = failing();
    let after = bench.at(0);
    let events: Vec<_> = (0..EVENTS).map(|_| bench.next_event("a.one", 0)).collect();
    bench.channel.take_in(events.iter().cloned().map(Item::Event), bench.clock.mono());
    let (wire, mut admission) = bench.newcomer(takes);
    let subscribing = admission.subscribing.as_mut().expect("it follows a stream");
    subscribing.after = after;
    subscribing.first = Arc::from(events);
    let key = bench.admit(admission);
    drained(&mut bench, &wire, key, takes);
    numbers(&text(&wire))
}

#[test]
fn what_goes_wrong_is_the_same_however_little_a_socket_takes() {
    let expected = live(1 << 20);
    let mut all = expected.clone();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() < EVENTS as usize, "some are lost");
    assert!(expected.len() > all.len(), "some come twice");
    assert!(!expected.is_sorted(), "some change places");
    let apart = |two: &[u64]| two[1] > two[0] + 1;
    assert!(expected.windows(2).any(apart), "{expected:?}");
    for takes in TAKES {
        assert_eq!(live(takes), expected, "live, {takes} bytes at a time");
        assert_eq!(replayed(takes), expected, "from the log, {takes} bytes at a time");
    }
}

#[test]
fn an_event_waits_for_the_next_one_behind_which_it_comes() {
    let mut bench = Bench::new(options());
    bench.room.inject(Faults { reorder: Some(Chance::ALWAYS), ..Faults::default() });
    let (wire, _) = bench.reader(1 << 20);
    for (seq, sent) in [(1, vec![1]), (2, vec![]), (3, vec![3, 2]), (4, vec![]), (5, vec![5, 4])] {
        bench.publish(1, "a.one", 0);
        assert_eq!(numbers(&text(&wire)), sent, "at {seq}");
    }
}

#[test]
fn an_event_without_a_next_one_comes_from_the_log() {
    let mut bench = Bench::new(options());
    bench.room.inject(Faults { reorder: Some(Chance::ALWAYS), ..Faults::default() });
    let (wire, key) = bench.reader(1 << 20);
    bench.publish(1, "a.one", 0);
    let held = bench.next_event("a.one", 0);
    bench.channel.take_in([Item::Event(Arc::clone(&held))], bench.clock.mono());
    bench.tell();
    for _ in 0..options().lag_max.as_secs() + options().heartbeat.as_secs() + 1 {
        bench.tick(Duration::from_secs(1));
    }
    assert_eq!(numbers(&text(&wire)), [1]);
    let Some(Wish::Fetch { after, subscription, .. }) = bench.room.take_wishes().pop() else {
        panic!("the log is asked")
    };
    assert_eq!(after, bench.at(1));
    let (next, head) = (held.position, held.position);
    let page = Page { gap: None, after, events: [held].into(), skipped: 0, next, head };
    bench.room.on_page(key, subscription, Ok(page), bench.clock.mono());
    assert_eq!(numbers(&text(&wire)), [2]);
}

#[test]
fn who_is_cut_is_told_nothing() {
    let mut bench = Bench::new(options());
    let cut = Some(Cut { share: Chance::ALWAYS, every: Duration::from_secs(2) });
    bench.room.inject(Faults { cut, ..Faults::default() });
    let (wire, _) = bench.reader(1 << 20);
    for _ in 0..2 {
        bench.tick(Duration::from_secs(1));
        assert!(!wire.borrow().closed);
    }
    bench.tick(Duration::from_secs(1));
    assert!(wire.borrow().closed);
    assert!(!text(&wire).contains("goodbye"));
    let ended = bench.metric(r#"stream_ends_total{transport="sse",cause="injected"}"#);
    assert_eq!(ended.as_deref(), Some("1"));
}
