//! The end of the process, as those who are connected see it.

use std::{collections::BTreeSet, sync::Mutex, thread};

use serde_json::{Value, json};

use crate::support::{
    http::connect,
    server::{KEY_A, Plan},
    ws::{Frame, TEXT, Ws, handshake, masked, raw},
};

#[test]
fn those_who_are_connected_are_sent_away_spread() {
    let mut server = Plan::with_keys().start();
    let cursor = server.publish_ok(KEY_A, "a", 0);
    let mut all: Vec<_> = (0..20).map(|_| Ws::following(&server, KEY_A)).collect();
    all.extend((0..20).map(|_| Ws::of(&server, KEY_A)));
    server.signal("-TERM");
    let mut retries = BTreeSet::new();
    for mut ws in all {
        let goodbye = ws.expect("goodbye");
        assert_eq!(goodbye["reason"], "drain");
        let retry = goodbye["retry_ms"].as_u64().expect("it says when to come back");
        assert!((100..=10_000).contains(&retry), "{retry}");
        retries.insert(retry);
        assert_eq!(ws.closed(), 1001);
    }
    assert!(retries.len() > 10, "they come back spread: {retries:?}");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log().text());
    let server = Plan::with_keys().start_in(server.folder.clone());
    let mut ws = Ws::of(&server, KEY_A);
    ws.say(&json!({"type": "subscribe", "after": cursor}).to_string());
    assert_eq!(ws.expect("subscribed")["resume"], "resumed");
}

/// Publishes one after the other until it is sent away; returns the cursors that it was told.
fn publish_to_the_end(mut ws: Ws, first: u64) -> Vec<(u64, Value)> {
    let mut acknowledged = Vec::new();
    let mut n = first;
    loop {
        ws.publish(n, "a", n);
        let answer = ws.message();
        match answer["type"].as_str() {
            Some("ack") => acknowledged.push((n, answer["cursor"].clone())),
            Some("error") => assert_eq!(answer["code"], "unavailable", "{answer}"),
            Some("goodbye") => {
                // Between the farewell and the close frame there is nothing.
                assert_eq!(ws.closed(), 1001);
                return acknowledged;
            }
            _ => panic!("{answer}"),
        }
        n += 1;
    }
}

#[test]
fn what_was_acknowledged_before_the_end_is_there_after_it() {
    let plan = Plan::with_keys().set("REALTIME_REPLAY_MAX_EVENTS", "1000000");
    let mut server = plan.start();
    let mut reader = Ws::following(&server, KEY_A);
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for writer in 0..8 {
            let ws = Ws::of(&server, KEY_A);
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                let own = publish_to_the_end(ws, writer * 10_000_000);
                acknowledged.lock().expect("no writer panics").extend(own);
            });
        }
        (0..500).for_each(|_| drop(reader.expect("event")));
        server.signal("-TERM");
        // Whoever does not read is not to hold the others up.
        drop(reader);
    });
    assert_eq!(server.wait().code(), Some(0), "{}", server.log().text());
    let acknowledged = acknowledged.into_inner().expect("no writer panics");
    assert!(acknowledged.len() >= 500);
    let server = plan.start_in(server.folder.clone());
    let mut ws = Ws::of(&server, KEY_A);
    ws.say(r#"{"type":"subscribe","after":"from the beginning"}"#);
    let count = ws.expect("subscribed")["replayed"].as_u64().expect("a number");
    ws.expect("gap");
    let event =
        |event: Value| (event["envelope"]["payload"]["n"].as_u64(), event["cursor"].to_string());
    let there: BTreeSet<_> = (0..count).map(|_| event(ws.expect("event"))).collect();
    for (n, cursor) in acknowledged {
        assert!(there.contains(&(Some(n), cursor.to_string())), "{n} at {cursor} is lost");
    }
}

/// Who holds something half done must neither keep the process alive nor turn its end into a
/// failure.
#[test]
fn what_is_half_done_does_not_hold_up_the_end() {
    let mut server = Plan::with_keys().set("TIDEGATE_DRAIN_SECONDS", "4").start();
    let half_frame = Ws::following(&server, KEY_A);
    half_frame.write(&masked(TEXT, b"{\"type\":")[..9]);
    let half_message = Ws::of(&server, KEY_A);
    half_message.write(&raw(TEXT, b"{\"type\":"));
    // It takes the farewell, and never answers the close frame.
    let mute = Ws::following(&server, KEY_A);
    // It never reads anything.
    let deaf = Ws::of(&server, KEY_A);
    deaf.write(&masked(9, &[7; 125]).repeat(5000));
    let half_head = connect(server.address);
    let head = handshake("/api/ws", &[("x-api-key", KEY_A)]);
    std::io::Write::write_all(&mut &half_head, &head.as_bytes()[..50]).expect("it is taken");
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    for mut ws in [half_frame, half_message, mute] {
        assert_eq!(ws.expect("goodbye")["reason"], "drain");
        assert!(matches!(ws.frame(), Some(Frame::Close(Some(1001), _))));
        ws.wait_for_end();
    }
}

#[test]
fn a_crash_loses_no_more_than_it_says() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::following(&server, KEY_A);
    server.publish_ok(KEY_A, "a", 1);
    let cursor = ws.expect("event")["cursor"].clone();
    let server = server.crash_and_restart();
    assert_eq!(ws.frame(), None);
    let mut ws = Ws::of(&server, KEY_A);
    ws.say(&json!({"type": "subscribe", "after": cursor}).to_string());
    let subscribed = ws.expect("subscribed");
    if subscribed["resume"] == "gap" {
        assert_eq!(ws.expect("gap")["reason"], "data_loss");
    }
    server.publish_ok(KEY_A, "a", 2);
    assert_eq!(ws.numbers(1), [2]);
}
