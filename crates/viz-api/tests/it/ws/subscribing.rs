//! Where a subscription begins: at the head, after a cursor of either transport, behind a gap.

use serde_json::{Value, json};

use crate::support::{
    server::{KEY_A, Plan, Server},
    ws::{Ws, number},
};

/// Subscribes after a cursor; returns what the server says to that.
fn subscribe_after(ws: &mut Ws, after: &str) -> Value {
    ws.say(&json!({"type": "subscribe", "after": after}).to_string());
    ws.expect("subscribed")
}

fn publish_many(server: &Server, count: u64) {
    let event = |n| format!(r#"{{"event":"a","payload":{{"n":{n}}}}}"#);
    let list: Vec<_> = (0..count).map(event).collect();
    assert_eq!(server.publish(KEY_A, &format!("[{}]", list.join(","))).status, 201);
}

#[test]
fn a_connection_says_what_it_is_and_then_nothing_that_was_not_asked_for() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::try_open(server.address, "/api/ws", &[("x-api-key", KEY_A)]);
    assert_eq!(ws.head.status, 101);
    let expected = json!({
        "type": "connected", "orgId": "org_a", "backend": "memory", "realtimeStatus": "healthy",
    });
    assert_eq!(ws.expect("connected"), expected);
    server.publish_ok(KEY_A, "a", 1);
    ws.say(r#"{"type":"subscribe"}"#);
    assert_eq!(ws.expect("subscribed")["replayed"], 0, "what was before it is not sent");
    let cursor = server.publish_ok(KEY_A, "a", 2);
    let event = ws.expect("event");
    assert_eq!((&event["cursor"], number(&event)), (&json!(cursor), 2));
    ws.close();
}

#[test]
fn a_fresh_subscription_begins_at_the_head() {
    let server = Plan::with_keys().start();
    let head = server.publish_ok(KEY_A, "before", 0);
    for message in [
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","stream":"events"}"#,
        r#"{"type":"subscribe","after":""}"#,
        r#"{"type":"subscribe","stream":null,"after":null,"ref":1}"#,
    ] {
        let mut ws = Ws::of(&server, KEY_A);
        ws.say(message);
        let expected = json!({
            "type": "subscribed", "stream": "events", "resume": "fresh", "replayed": 0,
            "lastEventId": head,
        });
        assert_eq!(ws.expect("subscribed"), expected, "{message}");
    }
    assert_eq!(server.metric(r#"tidegate_replays_total{resume="fresh"}"#), 4.0);
}

#[test]
fn both_transports_carry_the_same_events_under_the_same_cursors() {
    let server = Plan::with_keys().start();
    let mut sse = server.stream_as(KEY_A, "/api/stream");
    sse.connected();
    let mut ws = Ws::following(&server, KEY_A);
    publish_many(&server, 300);
    (300..400).for_each(|n| drop(server.publish_ok(KEY_A, "b", n)));
    for n in 0..400 {
        let (frame, event) = (sse.event(), ws.expect("event"));
        assert_eq!((&event["cursor"], &event["envelope"]), (&json!(frame.cursor()), &frame.json()));
        assert_eq!(frame.event.as_deref(), event["envelope"]["event"].as_str());
        assert_eq!((&event["stream"], number(&event)), (&json!("events"), n));
    }
}

#[test]
fn a_cursor_of_one_transport_is_good_for_the_other() {
    let server = Plan::with_keys().start();
    let mut sse = server.stream_as(KEY_A, "/api/stream");
    sse.connected();
    (0..10).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let cursor = (0..4).map(|_| sse.event()).last().expect("four").cursor().to_owned();
    let mut ws = Ws::of(&server, KEY_A);
    let subscribed = subscribe_after(&mut ws, &cursor);
    assert_eq!(
        (&subscribed["resume"], &subscribed["replayed"], &subscribed["lastEventId"]),
        (&json!("resumed"), &json!(6), &json!(cursor))
    );
    assert_eq!(ws.numbers(3), [4, 5, 6]);
    let cursor = ws.expect("event")["cursor"].as_str().expect("a cursor").to_owned();
    let mut sse = server.stream_as(KEY_A, &format!("/api/stream?after={cursor}"));
    assert_eq!(sse.connected()["resume"], "resumed");
    assert_eq!(sse.numbers(2), [8, 9]);
    let event = ws.expect("event");
    let mut by_id = Ws::of(&server, KEY_A);
    let id = event["envelope"]["id"].as_str().expect("an id");
    assert_eq!(subscribe_after(&mut by_id, id)["resume"], "resumed", "an event's id will do");
    assert_eq!(by_id.numbers(1), [9]);
}

#[test]
fn a_cursor_of_before_a_restart_resumes() {
    let server = Plan::with_keys().start();
    let mut sse = server.stream_as(KEY_A, "/api/stream");
    sse.connected();
    (0..5).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let cursor = (0..2).map(|_| sse.event()).last().expect("two").cursor().to_owned();
    let server = server.restart();
    server.publish_ok(KEY_A, "a", 5);
    let mut ws = Ws::of(&server, KEY_A);
    assert_eq!(subscribe_after(&mut ws, &cursor)["resume"], "resumed");
    assert_eq!(ws.numbers(4), [2, 3, 4, 5]);
}

#[test]
fn a_replay_goes_over_to_live_without_hole_or_repeat() {
    let server = Plan::with_keys().start();
    let after = server.publish_ok(KEY_A, "a", 1000);
    publish_many(&server, 300);
    std::thread::scope(|scope| {
        scope.spawn(|| (300..600).for_each(|n| drop(server.publish_ok(KEY_A, "a", n))));
        for _ in 0..5 {
            scope.spawn(|| {
                let mut ws = Ws::of(&server, KEY_A);
                let subscribed = subscribe_after(&mut ws, &after);
                assert!(subscribed["replayed"].as_u64() >= Some(300), "{subscribed}");
                assert_eq!(ws.numbers(600), (0..600).collect::<Vec<_>>());
            });
        }
    });
}

#[test]
fn what_is_no_cursor_is_a_gap_and_no_error() {
    let server = Plan::with_keys().start();
    let first = server.publish_ok(KEY_A, "a", 0);
    let foreign = format!("0000000000001-{}", u64::MAX);
    for after in ["x", "-1", "null", "\"\\\n", "<script>", "ä", &foreign, &"9".repeat(5000)] {
        let mut ws = Ws::of(&server, KEY_A);
        let subscribed = subscribe_after(&mut ws, after);
        assert_eq!((&subscribed["resume"], &subscribed["replayed"]), (&json!("gap"), &json!(1)));
        let gap = ws.expect("gap");
        assert_eq!(
            (&gap["reason"], &gap["stream"], &gap["missed"]),
            (&json!("unknown_cursor"), &json!("events"), &Value::Null)
        );
        assert_eq!(gap["resumes_at"], subscribed["lastEventId"]);
        let event = ws.expect("event");
        assert_eq!(event["cursor"], json!(first), "it goes on from the window's start");
        // The gap's own place is a cursor, after which there is no further gap.
        let mut again = Ws::of(&server, KEY_A);
        let resumes_at = gap["resumes_at"].as_str().expect("a cursor");
        assert_eq!(subscribe_after(&mut again, resumes_at)["resume"], "resumed");
    }
}

#[test]
fn a_cursor_that_is_too_old_has_expired() {
    let server = Plan::with_keys().set("REALTIME_REPLAY_MAX_EVENTS", "200").start();
    let old = server.publish_ok(KEY_A, "a", 9999);
    (0..4).for_each(|_| publish_many(&server, 250));
    let mut ws = Ws::of(&server, KEY_A);
    let subscribed = subscribe_after(&mut ws, &old);
    assert_eq!(subscribed["resume"], "gap");
    let gap = ws.expect("gap");
    assert_eq!((&gap["reason"], &gap["after"]), (&json!("expired"), &json!(old)));
    let replayed = subscribed["replayed"].as_u64().expect("a number");
    assert!((200..=400).contains(&replayed), "{replayed}");
    assert_eq!(gap["missed"], 1000 - replayed, "what is missing is known");
    assert_eq!(ws.numbers(replayed as usize).last(), Some(&249));
    assert_eq!(server.metric(r#"tidegate_gaps_total{reason="expired"}"#), 1.0);
}
