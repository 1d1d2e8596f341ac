//! An attempt that is repeated takes effect once, and is answered as the first one was.

use std::thread;

use crate::support::{
    http::{Answer, Request},
    server::{KEY_A, KEY_ADMIN, KEY_B, Plan, Server},
};

fn publish(server: &Server, api_key: &str, key: &str, body: &str) -> Answer {
    let request = Request::post("/api/events").key(api_key).json(body);
    server.send(&request.header("idempotency-key", key))
}

fn count(server: &Server, key: &str) -> usize {
    let page = server.get("/api/events?limit=500", key).json();
    page["events"].as_array().map_or(0, Vec::len)
}

const BODY: &str = r#"{"event":"a","payload":{"n":1}}"#;

#[test]
fn the_same_request_is_answered_the_same_and_stored_once() {
    let server = Plan::with_keys().start();
    let first = publish(&server, KEY_A, "k", BODY);
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
    let again = publish(&server, KEY_A, "k", BODY);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(again.body, first.body);
    let list = r#"[{"event":"a"},{"event":"b"}]"#;
    let first = publish(&server, KEY_A, "list", list);
    let again = publish(&server, KEY_A, "list", list);
    assert_eq!((again.body, again.status), (first.body, 201));
    assert_eq!(count(&server, KEY_A), 3);
    assert_eq!(server.metric(r#"tidegate_idempotency_total{result="first"}"#), 2.0);
    assert_eq!(server.metric(r#"tidegate_idempotency_total{result="replayed"}"#), 2.0);
}

#[test]
fn another_body_is_a_conflict() {
    let server = Plan::with_keys().start();
    publish(&server, KEY_A, "k", BODY);
    for other in [r#"{"event":"a","payload":{"n":2}}"#, r#"{"event":"a","payload":{"n": 1}}"#] {
        publish(&server, KEY_A, "k", other).assert_error(409, "idempotency_conflict");
    }
    assert_eq!(count(&server, KEY_A), 1);
    assert_eq!(server.metric(r#"tidegate_idempotency_total{result="conflict"}"#), 2.0);
}

#[test]
fn a_key_belongs_to_its_organisation() {
    let server = Plan::with_keys().start();
    publish(&server, KEY_A, "k", BODY);
    let other = publish(&server, KEY_B, "k", BODY);
    assert_eq!((other.status, other.header("idempotency-replayed")), (201, None));
    let colleague = publish(&server, KEY_ADMIN, "k", BODY);
    assert_eq!(
        colleague.header("idempotency-replayed"),
        Some("true"),
        "one organisation, one scope"
    );
    assert_eq!((count(&server, KEY_A), count(&server, KEY_B)), (1, 1));
}

#[test]
fn a_refused_attempt_does_not_use_the_key_up() {
    let server = Plan::with_keys().start();
    publish(&server, KEY_A, "k", "{").assert_error(400, "validation_error");
    let first = publish(&server, KEY_A, "k", BODY);
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
}

#[test]
fn a_key_is_1_to_255_visible_characters() {
    let server = Plan::with_keys().start();
    for key in ["a", "!~", &"k".repeat(255)] {
        assert_eq!(publish(&server, KEY_A, key, BODY).status, 201, "{key}");
    }
    for key in ["", "two words", "ümlaut", "tab\there", &"k".repeat(256)] {
        publish(&server, KEY_A, key, BODY).assert_error(400, "validation_error");
    }
    let twice = Request::post("/api/events").key(KEY_A).json(BODY);
    let twice = twice.header("idempotency-key", "x").header("idempotency-key", "y");
    server.send(&twice).assert_error(400, "validation_error");
    assert_eq!(count(&server, KEY_A), 3);
}

#[test]
fn attempts_at_the_same_time_take_effect_once() {
    let server = Plan::with_keys().start();
    for round in 0..5 {
        let key = format!("round-{round}");
        let answers: Vec<_> = thread::scope(|scope| {
            let attempts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| publish(&server, KEY_A, &key, BODY))).collect();
            attempts.into_iter().map(|attempt| attempt.join().expect("no attempt panics")).collect()
        });
        assert!(
            answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body)
        );
        let first = answers.iter().filter(|a| a.header("idempotency-replayed").is_none()).count();
        assert_eq!((first, count(&server, KEY_A)), (1, round + 1));
    }
}

#[test]
fn a_key_outlives_a_restart() {
    let server = Plan::with_keys().start();
    let first = publish(&server, KEY_A, "k", BODY);
    let server = server.restart();
    let again = publish(&server, KEY_A, "k", BODY);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(again.body, first.body);
    publish(&server, KEY_A, "k", r#"{"event":"b"}"#).assert_error(409, "idempotency_conflict");
    assert_eq!(count(&server, KEY_A), 1);
}
