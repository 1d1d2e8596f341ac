//! `?events=`: what is left out moves the cursor all the same.

use crate::support::server::{KEY_A, Plan};

#[test]
fn a_filter_lets_through_what_it_names() {
    let server = Plan::with_keys().start();
    let mut stream = server.stream_as(KEY_A, "/api/stream?events=action.*,signal.detected");
    assert_eq!(stream.connected()["replayed"], 0);
    let names =
        ["action.created", "signal.lost", "action.", "signal.detected", "actions", "action.x"];
    for (n, name) in names.into_iter().enumerate() {
        server.publish_ok(KEY_A, name, n as u64);
    }
    assert_eq!(stream.numbers(4), [0, 2, 3, 5]);
}

#[test]
fn the_replays_count_is_what_will_be_sent() {
    let server = Plan::with_keys().start();
    let after = server.publish_ok(KEY_A, "a", 0);
    let event = |n: u64| {
        let name = if n.is_multiple_of(3) { "c" } else { "d.e" };
        format!(r#"{{"event":"{name}","payload":{{"n":{n}}}}}"#)
    };
    let list = format!("[{}]", (1..=450).map(event).collect::<Vec<_>>().join(","));
    // Twice, so that it is more than the first page of a replay.
    assert_eq!(server.publish(KEY_A, &list).status, 201);
    assert_eq!(server.publish(KEY_A, &list).status, 201);
    let table = [("c", 300), ("d.*", 600), ("*", 900), ("c,d.e", 900), ("x", 0), ("a", 0)];
    let mut streams = Vec::new();
    for (events, count) in table {
        let path = format!("/api/stream?events={events},last&after={after}");
        let mut stream = server.stream_as(KEY_A, &path);
        let connected = stream.connected();
        assert_eq!(connected["resume"], "resumed", "{events}");
        assert_eq!(connected["replayed"], count, "{events}");
        stream.numbers(count);
        streams.push(stream);
    }
    server.publish_ok(KEY_A, "last", 9999);
    for stream in &mut streams {
        assert_eq!(stream.numbers(1), [9999], "no more than the count came before");
    }
}

#[test]
fn a_malformed_filter_is_refused() {
    let server = Plan::with_keys().start();
    let many = vec!["a"; 33].join(",");
    for events in ["", "A", "a,,b", "*a", "a*b", "**", "a%20b", "gap", &many] {
        let answer = server.get(&format!("/api/stream?events={events}"), KEY_A);
        answer.assert_error(400, "validation_error");
    }
}
