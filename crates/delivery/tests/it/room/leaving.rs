//! Farewells: at a deadline, in a drain, with a full socket; and what is left when all are gone.

use std::time::Duration;

use event::Clock;

use super::bench::{Bench, numbers, options, text};

#[test]
fn a_credential_that_expires_ends_the_stream_with_a_farewell() {
    let mut bench = Bench::new(options());
    let (wire, mut admission) = bench.newcomer(1 << 20);
    admission.expires = Some(bench.clock.mono().plus(Duration::from_secs(5)));
    bench.admit(admission);
    bench.publish(1, "a.one", 0);
    bench.tick(Duration::from_secs(4));
    assert!(!wire.borrow().closed);
    bench.tick(Duration::from_secs(1));
    let text = text(&wire);
    assert_eq!(numbers(&text), [1]);
    assert!(text.contains("event: goodbye\ndata: {\"reason\":\"token_expired\""), "{text}");
    assert!(wire.borrow().closed);
    let ended = r#"stream_ends_total{transport="sse",cause="token_expired"}"#;
    assert_eq!(bench.metric(ended).as_deref(), Some("1"));
}

#[test]
fn a_drain_spreads_the_farewells_and_leaves_nobody() {
    let mut bench = Bench::new(options());
    let readers: Vec<_> = (0..200).map(|_| bench.reader(1 << 20).0).collect();
    bench.room.drain(Duration::from_secs(10), bench.clock.mono());
    let mut left = vec![bench.room.len()];
    for _ in 0..10 {
        bench.tick(Duration::from_secs(1));
        left.push(bench.room.len());
    }
    assert!(left.windows(2).all(|two| two[0] > two[1] && two[0] - two[1] < 60), "{left:?}");
    assert_eq!(left.last(), Some(&0));
    assert!(readers.iter().all(|wire| text(wire).contains("\"reason\":\"drain\"")));
}

#[test]
fn a_reader_that_comes_in_a_drain_leaves_within_it() {
    let mut bench = Bench::new(options());
    bench.room.drain(Duration::from_secs(2), bench.clock.mono());
    bench.tick(Duration::from_secs(1));
    let (early, _) = bench.reader(1 << 20);
    bench.tick(Duration::from_secs(1));
    let (late, _) = bench.reader(1 << 20);
    bench.tick(Duration::ZERO);
    for wire in [early, late] {
        assert!(text(&wire).contains("event: goodbye"));
        assert!(wire.borrow().closed);
    }
}

#[test]
fn a_drain_cuts_off_who_takes_nothing() {
    let mut bench = Bench::new(options());
    let (full, _) = bench.reader(0);
    bench.publish(1, "a.one", 0);
    bench.room.drain(Duration::ZERO, bench.clock.mono());
    bench.tick(Duration::ZERO);
    assert!(full.borrow().closed);
}

#[test]
fn a_farewell_that_does_not_get_through_is_not_waited_for() {
    let mut bench = Bench::new(options());
    let (slow, _) = bench.reader(10);
    bench.room.drain(Duration::ZERO, bench.clock.mono());
    bench.tick(Duration::ZERO);
    assert_eq!(bench.room.len(), 1, "half of its farewell is on its way");
    bench.tick(Duration::from_millis(500));
    assert!(slow.borrow().closed);
    assert!(bench.room.is_empty());
}

#[test]
fn a_farewell_that_gets_through_late_is_whole() {
    let mut bench = Bench::new(options());
    let (slow, key) = bench.reader(10);
    bench.room.drain(Duration::ZERO, bench.clock.mono());
    bench.tick(Duration::ZERO);
    bench.writable(&slow, key, 1 << 20);
    assert!(text(&slow).ends_with("}\n\n"));
    assert!(slow.borrow().closed);
}

#[test]
fn readers_that_left_leave_no_deadline_behind() {
    let mut bench = Bench::new(options());
    for _ in 0..10_000 {
        let (_, mut admission) = bench.newcomer(1 << 20);
        admission.expires = Some(bench.clock.mono().plus(Duration::from_secs(86_400)));
        let key = bench.admit(admission);
        bench.room.on_lost(key);
    }
    for _ in 0..4 {
        bench.tick(Duration::from_secs(1));
    }
    let held = bench.room.holdings();
    assert!(held.deadlines < 200, "{held:?}");
    assert_eq!((held.readers, held.tables, held.beats, held.turns), (0, 0, 0, 0));
    assert_eq!(bench.channel.readers(), 0);
    assert_eq!(bench.metric(r#"streams_open{transport="sse"}"#).as_deref(), Some("0"));
}

#[test]
fn all_can_be_cut_off_at_once() {
    let mut bench = Bench::new(options());
    let readers: Vec<_> = (0..10).map(|_| bench.reader(1 << 20).0).collect();
    bench.room.cut_all();
    assert!(readers.iter().all(|wire| wire.borrow().closed));
    assert_eq!(bench.room.holdings(), delivery::room::Holdings::default());
    assert_eq!(bench.metric(r#"streams_open{transport="sse"}"#).as_deref(), Some("0"));
    let (wire, _) = bench.reader(1 << 20);
    bench.publish(1, "a.one", 0);
    assert_eq!(numbers(&text(&wire)), [1], "the room goes on");
}
