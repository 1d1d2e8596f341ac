//! How a stream opens, what it carries, and in which order.

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_B, Plan},
    sse::Sse,
};

#[test]
fn a_fresh_stream_says_how_it_begins_and_goes_on_live() {
    let server = Plan::with_keys().start();
    let head = server.publish_ok(KEY_A, "before", 0);
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    assert_eq!(stream.head.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.head.header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(stream.head.header("x-accel-buffering"), Some("no"));
    assert!(stream.head.header("x-request-id").is_some());
    assert!(stream.head.header("date").is_some());
    let connected = stream.connected();
    let expected = serde_json::json!({
        "status": "ok", "orgId": "org_a", "backend": "memory", "realtimeStatus": "healthy",
        "resume": "fresh", "replayed": 0, "lastEventId": head,
    });
    assert_eq!(connected, expected);
    let cursor = server.publish_ok(KEY_A, "action.created", 1);
    let frame = stream.event();
    assert_eq!((frame.cursor(), frame.event.as_deref()), (&*cursor, Some("action.created")));
    let envelope = frame.json();
    let fields: Vec<_> = envelope.as_object().expect("an envelope").keys().cloned().collect();
    assert_eq!(fields, ["event", "id", "org_id", "payload", "timestamp", "version"]);
    assert_eq!(envelope["payload"]["n"], 1);
}

#[test]
fn the_first_frames_carry_the_cursor_that_resumes() {
    let server = Plan::with_keys().start();
    let head = server.publish_ok(KEY_A, "a", 0);
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.next().expect("it begins with retry");
    assert_eq!(stream.next().expect("then connected").cursor(), head);
}

#[test]
fn missed_events_come_before_live_ones_without_hole_or_repeat() {
    let server = Plan::with_keys().start();
    let after = server.publish_ok(KEY_A, "a", 0);
    let list: Vec<_> =
        (1..=300).map(|n| format!(r#"{{"event":"a","payload":{{"n":{n}}}}}"#)).collect();
    assert_eq!(server.publish(KEY_A, &format!("[{}]", list.join(","))).status, 201);
    std::thread::scope(|scope| {
        scope.spawn(|| (301..=600).for_each(|n| drop(server.publish_ok(KEY_A, "a", n))));
        let readers: Vec<_> = (0..5)
            .map(|_| {
                let path = format!("/api/stream?after={after}");
                let server = &server;
                scope.spawn(move || {
                    let mut stream = server.stream_as(KEY_A, &path);
                    let connected = stream.connected();
                    assert_eq!(connected["resume"], "resumed");
                    assert_eq!(connected["lastEventId"], *after_of(&path));
                    assert!(connected["replayed"].as_u64() >= Some(300), "{connected}");
                    stream.numbers(600)
                })
            })
            .collect();
        for reader in readers {
            let numbers = reader.join().expect("no reader panics");
            assert_eq!(numbers, (1..=600).collect::<Vec<_>>());
        }
    });
}

fn after_of(path: &str) -> &str {
    path.split_once("after=").map_or("", |(_, after)| after)
}

#[test]
fn the_header_wins_over_the_query() {
    let server = Plan::with_keys().start();
    let cursors: Vec<_> = (0..3).map(|n| server.publish_ok(KEY_A, "a", n)).collect();
    let path = format!("/api/stream?after={}", cursors[0]);
    let mut stream = server.stream(&path, &[("x-api-key", KEY_A), ("last-event-id", &cursors[1])]);
    assert_eq!(stream.connected()["replayed"], 1);
    assert_eq!(stream.numbers(1), [2]);
    let mut stream = server.stream(&path, &[("x-api-key", KEY_A), ("last-event-id", "")]);
    assert_eq!(stream.connected()["replayed"], 2, "an empty header counts as absent");
    assert_eq!(stream.numbers(2), [1, 2]);
}

#[test]
fn an_organisation_reads_its_own_events_only() {
    let server = Plan::with_keys().start();
    let mut of_a = server.stream_as(KEY_A, "/api/stream");
    let mut of_b = server.stream_as(KEY_B, "/api/stream");
    assert_eq!(
        (of_a.connected()["orgId"].clone(), of_b.connected()["orgId"].clone()),
        ("org_a".into(), "org_b".into())
    );
    server.publish_ok(KEY_A, "a", 1);
    server.publish_ok(KEY_B, "a", 2);
    assert_eq!(of_b.numbers(1), [2]);
    assert_eq!(of_a.numbers(1), [1]);
    server.publish_ok(KEY_B, "a", 3);
    server.publish_ok(KEY_A, "a", 4);
    assert_eq!(of_a.numbers(1), [4]);
}

#[test]
fn other_streams_are_refused_by_name() {
    let server = Plan::with_keys().start();
    for stream in ["thread:1", "chain:eth"] {
        server.get(&format!("/api/stream?stream={stream}"), KEY_A).assert_error(404, "not_found");
        server.get(&format!("/api/events?stream={stream}"), KEY_A).assert_error(404, "not_found");
    }
    for stream in ["org:org_b", "org_b", "probe", "", "events%20", "EVENTS"] {
        let answer = server.get(&format!("/api/stream?stream={stream}"), KEY_A);
        answer.assert_error(400, "validation_error");
    }
    let mut own = server.stream_as(KEY_A, "/api/stream?stream=events");
    assert_eq!(own.connected()["resume"], "fresh");
}

#[test]
fn head_is_answered_without_opening_a_stream() {
    let server = Plan::with_keys().start();
    let answer = server.send(&Request::new("HEAD", "/api/stream").key(KEY_A));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let answer = server.send(&Request::new("HEAD", "/api/stream"));
    assert_eq!(answer.status, 401);
    assert_eq!(server.metric(r#"tidegate_streams_open{transport="sse"}"#), 0.0);
    let text = server.send(&Request::get("/metrics")).text();
    assert!(!text.contains("tidegate_stream_connects_total{"), "it asked for no stream: {text}");
}

#[test]
fn an_old_client_gets_a_stream_that_ends_with_its_connection() {
    let server = Plan::with_keys().start();
    let mut socket = crate::support::http::connect(server.address);
    let request = format!("GET /api/stream HTTP/1.0\r\nx-api-key: {KEY_A}\r\n\r\n");
    std::io::Write::write_all(&mut socket, request.as_bytes()).expect("it is taken");
    let mut stream = Sse::over(std::io::BufReader::new(socket));
    assert_eq!(stream.head.header("transfer-encoding"), None);
    assert_eq!(stream.connected()["resume"], "fresh");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1]);
}
