//! Cursors that resume, and those that can't: a gap, never an error status.

use serde_json::{Value, json};

use crate::support::{
    server::{KEY_A, KEY_B, Plan, Server},
    sse::{Frame, Sse},
};

fn open_at(server: &Server, last_event_id: &str) -> (Value, Sse) {
    let mut stream =
        server.stream("/api/stream", &[("x-api-key", KEY_A), ("last-event-id", last_event_id)]);
    (stream.connected(), stream)
}

/// Opens at a cursor that can't resume, and checks that it says so in both of its frames.
fn open_with_gap(server: &Server, last_event_id: &str, reason: &str) -> (Frame, Sse) {
    let (connected, mut stream) = open_at(server, last_event_id);
    assert_eq!(connected["resume"], "gap", "{last_event_id}");
    let gap = stream.next().expect("the gap comes at once");
    assert!(gap.is("gap"), "{gap:?}");
    let body = gap.json();
    assert_eq!(body["reason"], reason, "{last_event_id}");
    assert_eq!(body["after"], last_event_id);
    assert_eq!(body["resumes_at"], gap.cursor(), "the gap's id is where reading goes on");
    assert_eq!(connected["lastEventId"], gap.cursor());
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(4));
    (gap, stream)
}

#[test]
fn every_cursor_of_the_window_resumes_after_it() {
    let server = Plan::with_keys().start();
    let cursors: Vec<_> = (0..5).map(|n| server.publish_ok(KEY_A, "a", n)).collect();
    for (at, cursor) in cursors.iter().enumerate() {
        let (connected, mut stream) = open_at(&server, cursor);
        assert_eq!(
            (&connected["resume"], &connected["lastEventId"]),
            (&json!("resumed"), &json!(cursor))
        );
        assert_eq!(connected["replayed"], 4 - at);
        assert_eq!(stream.numbers(4 - at), (at as u64 + 1..5).collect::<Vec<_>>());
    }
}

#[test]
fn an_events_id_is_a_cursor_too() {
    let server = Plan::with_keys().start();
    (0..3).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let page = server.get("/api/events", KEY_A).json();
    let id = page["events"][1]["id"].as_str().expect("an id");
    let (connected, mut stream) = open_at(&server, id);
    assert_eq!((&connected["resume"], &connected["replayed"]), (&json!("resumed"), &json!(1)));
    assert_eq!(connected["lastEventId"], page["events"][1]["cursor"]);
    assert_eq!(stream.numbers(1), [2]);
    // An id that is older than all that is kept has expired.
    let (gap, mut stream) = open_with_gap(&server, "evt_00000000000000000000000001", "expired");
    assert_eq!(gap.json()["missed"], Value::Null);
    assert_eq!(stream.numbers(3), [0, 1, 2]);
    open_with_gap(&server, "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "unknown_cursor");
}

#[test]
fn what_is_no_cursor_gives_a_gap_from_the_windows_start() {
    let server = Plan::with_keys().start();
    (0..3).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let own = server.publish_ok(KEY_A, "a", 3);
    let epoch = own.split_once('-').expect("an epoch and a number").0;
    let unreadable = [
        "x".to_owned(),
        "mem-1".to_owned(),
        "1700000000000-0".to_owned(),
        "0000000000000-1".to_owned(),
        format!("{epoch}-01"),
        format!("{epoch}-"),
        format!("{epoch}-+1"),
        format!(" {epoch}-1x"),
        "evt_short".to_owned(),
        "ü†¶ €".to_owned(),
        "\"quoted\\".to_owned(),
        "<script>".to_owned(),
    ];
    for cursor in unreadable {
        let (gap, mut stream) = open_with_gap(&server, cursor.trim(), "unknown_cursor");
        assert_eq!(gap.json()["missed"], Value::Null);
        assert_eq!(stream.numbers(4), [0, 1, 2, 3], "{cursor}");
    }
    let long = "y".repeat(5000);
    let (connected, mut stream) = open_at(&server, &long);
    assert_eq!(connected["resume"], "gap");
    let gap = stream.next().expect("a gap").json();
    assert!(gap["after"].as_str().is_some_and(|after| after.len() == 64), "{gap}");
}

#[test]
fn a_query_may_hold_anything() {
    let server = Plan::with_keys().start();
    server.publish_ok(KEY_A, "a", 0);
    for after in ["%20", "a%20b", "%E2%82%AC", "%FF%FE", "%0A%0Ddata:%20x", "%00", "a+b", "%"] {
        let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={after}"));
        assert_eq!(stream.connected()["resume"], "gap", "{after}");
        assert_eq!(stream.next().expect("a gap").json()["reason"], "unknown_cursor");
        assert_eq!(stream.numbers(1), [0]);
        let page = server.get(&format!("/api/events?after={after}"), KEY_A).json();
        assert_eq!(page["gap"]["reason"], "unknown_cursor");
    }
    let mut stream = server.stream_as(KEY_A, "/api/stream?after=");
    assert_eq!(stream.connected()["resume"], "fresh", "an empty one counts as absent");
}

#[test]
fn a_cursor_of_another_organisation_is_unknown() {
    let server = Plan::with_keys().start();
    server.publish_ok(KEY_A, "a", 0);
    let foreign = server.publish_ok(KEY_B, "a", 0);
    let (_, mut stream) = open_with_gap(&server, &foreign, "unknown_cursor");
    assert_eq!(stream.numbers(1), [0]);
    let id = server.get("/api/events", KEY_B).json()["events"][0]["id"].clone();
    open_with_gap(&server, id.as_str().expect("an id"), "unknown_cursor");
}

#[test]
fn a_cursor_that_lies_ahead_has_diverged() {
    let server = Plan::with_keys().start();
    let own = server.publish_ok(KEY_A, "a", 0);
    let ahead = own.replace("-1", "-7");
    let (gap, mut stream) = open_with_gap(&server, &ahead, "diverged");
    assert_eq!(gap.cursor(), own);
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1]);
}

#[test]
fn an_expired_cursor_says_how_much_is_missing() {
    let server = Plan::with_keys().set("REALTIME_REPLAY_MAX_EVENTS", "200").start();
    let first = server.publish_ok(KEY_A, "a", 0);
    for batch in 0..10 {
        let list: Vec<_> = (1..=100)
            .map(|n| format!(r#"{{"event":"a","payload":{{"n":{}}}}}"#, batch * 100 + n))
            .collect();
        assert_eq!(server.publish(KEY_A, &format!("[{}]", list.join(","))).status, 201);
    }
    let (gap, mut stream) = open_with_gap(&server, &first, "expired");
    let missed = gap.json()["missed"].as_u64().expect("it is known how many");
    let next = stream.numbers(1)[0];
    assert_eq!(next, missed + 1, "missed is exact");
    let kept = 1001 - next;
    assert!((200..=400).contains(&kept), "at least so many, at most twice: {kept}");
    // The gap's own id resumes, and does not meet the gap again.
    let (connected, mut stream) = open_at(&server, gap.cursor());
    assert_eq!((&connected["resume"], &connected["replayed"]), (&json!("resumed"), &json!(kept)));
    assert_eq!(stream.numbers(1), [next]);
}
