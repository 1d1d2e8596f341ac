//! Several streams on one connection: each by its name, each left and taken up again.

use serde_json::{Value, json};

use crate::support::{
    server::{KEY_A, KEY_ADMIN, KEY_B, Plan},
    ws::{Ws, number},
};

#[test]
fn several_streams_come_over_one_connection() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_ADMIN);
    ws.say(r#"{"type":"subscribe","stream":"ops","after":"x"}"#);
    ws.say(r#"{"type":"subscribe","stream":"events"}"#);
    let subscribed = ws.expect("subscribed");
    assert_eq!((&subscribed["stream"], &subscribed["resume"]), (&json!("ops"), &json!("gap")));
    assert_eq!(ws.expect("gap")["stream"], "ops");
    let (mut of_ops, mut of_events) = (0, 0);
    while of_ops == 0 || of_events == 0 {
        let message = ws.message();
        match (message["type"].as_str(), message["stream"].as_str()) {
            (Some("event"), Some("ops")) => {
                of_ops += 1;
                assert_ne!(message["envelope"]["org_id"], "org_a", "the server's own");
            }
            (Some("event"), Some("events")) => of_events += number(&message),
            (Some("subscribed"), Some("events")) => drop(server.publish_ok(KEY_A, "a", 7)),
            _ => panic!("{message}"),
        }
    }
    assert_eq!(of_events, 7);
}

#[test]
fn a_stream_is_followed_once() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::following(&server, KEY_A);
    ws.say(r#"{"type":"subscribe","ref":"again","stream":"events","after":"x"}"#);
    let message = ws.expect_error(&json!("again"), "conflict");
    assert!(message.contains("already"), "{message}");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(ws.numbers(1), [1], "once, and as if nothing had been asked");
    ws.publish(1, "a", 2);
    let mut kinds = [ws.message(), ws.message()].map(|m| m["type"].to_string());
    kinds.sort();
    assert_eq!(kinds, ["\"ack\"", "\"event\""], "once");
}

#[test]
fn a_stream_that_was_left_sends_nothing_and_is_taken_up_without_a_loss() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::following(&server, KEY_A);
    server.publish_ok(KEY_A, "a", 1);
    let last = ws.expect("event")["cursor"].clone();
    ws.say(r#"{"type":"unsubscribe","stream":"events"}"#);
    // Whoever has the second acknowledgement would have had the events before it.
    for n in [2, 3] {
        ws.publish(n, "a", n);
        assert_eq!(ws.expect("ack")["ref"], n);
        server.publish_ok(KEY_A, "a", n + 10);
    }
    ws.say(&json!({"type": "subscribe", "after": last}).to_string());
    let subscribed = ws.expect("subscribed");
    assert_eq!((&subscribed["resume"], &subscribed["replayed"]), (&json!("resumed"), &json!(4)));
    assert_eq!(ws.numbers(4), [2, 12, 3, 13]);
    server.publish_ok(KEY_A, "a", 4);
    assert_eq!(ws.numbers(1), [4]);
}

#[test]
fn a_stream_that_is_not_followed_cannot_be_left() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_ADMIN);
    let leave = r#"{"type":"unsubscribe","ref":1,"stream":"events"}"#;
    ws.say(leave);
    ws.expect_error(&json!(1), "not_found");
    ws.say(r#"{"type":"subscribe"}"#);
    ws.expect("subscribed");
    ws.say(r#"{"type":"unsubscribe","ref":1,"stream":"ops"}"#);
    ws.expect_error(&json!(1), "not_found");
    ws.say(leave);
    ws.say(leave);
    ws.expect_error(&json!(1), "not_found");
}

#[test]
fn other_streams_are_refused_by_name() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    let table = [
        ("thread:1", "not_found"),
        ("chain:eth", "not_found"),
        ("thread:", "not_found"),
        ("ops", "forbidden"),
        ("org:org_b", "validation_error"),
        ("org_b", "validation_error"),
        ("probe", "validation_error"),
        ("", "validation_error"),
        ("EVENTS", "validation_error"),
        ("events ", "validation_error"),
    ];
    for (stream, code) in table {
        for kind in ["subscribe", "unsubscribe"] {
            ws.say(&json!({"type": kind, "stream": stream, "ref": stream}).to_string());
            ws.expect_error(&json!(stream), code);
        }
    }
    ws.say(r#"{"type":"subscribe"}"#);
    assert_eq!(ws.expect("subscribed")["resume"], "fresh", "a refusal leaves nothing behind");
}

#[test]
fn an_organisation_reads_its_own_events_only() {
    let server = Plan::with_keys().start();
    let mut of_a = Ws::following(&server, KEY_A);
    let mut of_b = Ws::following(&server, KEY_B);
    of_a.publish(1, "a", 1);
    of_b.publish(1, "a", 2);
    let read = |ws: &mut Ws| -> Vec<Value> {
        let mut both = vec![ws.message(), ws.message()];
        both.sort_by_key(|message| message["type"].to_string());
        both
    };
    for (ws, n, org) in [(&mut of_a, 1, "org_a"), (&mut of_b, 2, "org_b")] {
        let both = read(ws);
        assert_eq!((&both[0]["type"], number(&both[1])), (&json!("ack"), n));
        assert_eq!(both[1]["envelope"]["org_id"], org);
    }
}

#[test]
fn a_slip_does_not_end_the_connection() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    let slips = [
        ("", Value::Null),
        ("null", Value::Null),
        ("[]", Value::Null),
        ("{", Value::Null),
        (r#"{"type":"hello","ref":1}"#, json!(1)),
        (r#"{"type":"subscribe","to":"ops","ref":"x"}"#, json!("x")),
        (r#"{"type":"subscribe","ref":{}}"#, Value::Null),
        (r#"{"type":"publish","event":"a"}"#, Value::Null),
        (r#"{"type":"publish","ref":1.50,"event":"a","after":"x"}"#, json!(1.5)),
        (r#"{"type":"unsubscribe","ref":2}"#, json!(2)),
        (r#"{"type":"auth","ref":3}"#, json!(3)),
    ];
    for (text, reference) in slips {
        ws.say(text);
        let message = ws.expect_error(&reference, "validation_error");
        assert!(!message.is_empty(), "{text}");
    }
    ws.publish(1, "a", 1);
    ws.expect("ack");
}
