//! What is sent to each server.

use super::*;
use crate::{args::ServerName, stamp::Mark};

fn payloads() -> Payloads {
    Payloads::new(Mark::new(1), 0)
}

fn stamps() -> [Stamp; 3] {
    [(0, 1), (0, 2), (4, 1)].map(|(stream, number)| Stamp { stream, number, sent_us: 9 })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn opens(dialect: &dyn Dialect, begin: &Begin, parts: &[&str]) {
    let request = text(&dialect.open(4, begin).request);
    assert!(request.ends_with("\r\n\r\n"), "{request}");
    parts.iter().for_each(|part| assert!(request.contains(part), "{part}: {request}"));
}

/// Checks the requests of three events on two streams, and that every stamp is in them once.
#[track_caller]
fn publishes(dialect: &dyn Dialect, answers: usize, parts: &[&str]) {
    let publishing = dialect.publish(&stamps());
    assert_eq!(publishing.answers, answers);
    let request = text(&publishing.bytes);
    parts.iter().for_each(|part| assert!(request.contains(part), "{part}: {request}"));
    let mut seen = Vec::new();
    payloads().mark().scan(&publishing.bytes, |stamp| seen.push(stamp));
    assert_eq!(seen, stamps());
}

fn back(cursor: Option<&str>) -> Begin {
    Begin::Back { events: 7, cursor: cursor.map(ToOwned::to_owned) }
}

#[test]
fn tidegate_has_organisations_and_lists() {
    let sse = tidegate::dialect(Transport::Sse, payloads());
    let key = "x-api-key: bench-key-00000004\r\n";
    opens(&sse, &Begin::Live, &["GET /api/stream HTTP/1.1\r\n", key]);
    opens(&sse, &back(Some("e-5")), &["last-event-id: e-5\r\n"]);
    publishes(&sse, 2, &["POST /api/events HTTP/1.1\r\n", r#"[{"event":"bench.tick""#, key]);
    let ws = tidegate::dialect(Transport::Ws, payloads());
    opens(&ws, &Begin::Live, &["GET /api/ws HTTP/1.1\r\n", "upgrade: websocket\r\n", key]);
    let opening = ws.open(0, &back(Some("e-5")));
    assert_eq!(opening.status, 101);
    assert_eq!(opening.then, Some(crate::ws::masked_text(r#"{"type":"subscribe","after":"e-5"}"#)));
    let answer = br#"[{"id":"a","cursor":"e-1"},{"id":"b","cursor":"e-2","org_id":"x"}]"#;
    assert_eq!(sse.cursor(answer).as_deref(), Some("e-2"));
    assert_eq!(sse.cursor(b"{}"), None);
}

#[test]
fn nchan_has_channels_and_single_messages() {
    let sse = nchan::dialect(Transport::Sse, payloads());
    opens(&sse, &Begin::Live, &["GET /subscribe/bench000004 HTTP/1.1\r\n", "text/event-stream"]);
    opens(&sse, &back(None), &["GET /replay/bench000004 HTTP/1.1\r\n"]);
    publishes(&sse, 3, &["POST /publish/bench000000 ", "POST /publish/bench000004 "]);
    opens(&nchan::dialect(Transport::Ws, payloads()), &Begin::Live, &["upgrade: websocket\r\n"]);
}

#[test]
fn pushpin_has_items() {
    let dialect = pushpin::dialect(payloads());
    opens(&dialect, &Begin::Live, &["GET /bench000004 HTTP/1.0\r\n"]);
    publishes(&dialect, 1, &["POST /publish/ ", r#""channel":"bench000004""#]);
    let bytes = dialect.publish(&stamps()).bytes;
    let (_, body) =
        text(&bytes).split_once("\r\n\r\n").map(|(a, b)| (a.len(), b.to_owned())).unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let content = body["items"][2]["formats"]["http-stream"]["content"].as_str().unwrap();
    assert!(content.starts_with("id: ") && content.ends_with("}}\n\n"), "{content:?}");
}

#[test]
fn the_floor_gets_ready_frames() {
    let dialect = floor::dialect(Transport::Sse, payloads());
    opens(&dialect, &back(None), &["GET /4 HTTP/1.1\r\n", "back: 7\r\n"]);
    publishes(&dialect, 2, &["POST /0 HTTP/1.1\r\n", "events: 2\r\n", "\n\nid: "]);
    let ws = floor::dialect(Transport::Ws, payloads());
    publishes(&ws, 2, &["POST /4 HTTP/1.1\r\n", "events: 1\r\n", r#"{"type":"event""#]);
}

#[test]
fn what_a_peer_does_not_do_is_said() {
    let check = |name, work, transport, offered: bool| {
        assert_eq!(not_offered(name, work, transport).is_none(), offered, "{name:?} {work:?}");
    };
    check(ServerName::Pushpin, WorkName::Fanout, Transport::Sse, true);
    check(ServerName::Pushpin, WorkName::Fanout, Transport::Ws, false);
    check(ServerName::Pushpin, WorkName::Replay, Transport::Sse, false);
    check(ServerName::Nchan, WorkName::Replay, Transport::Ws, true);
    check(ServerName::TidegateRedis, WorkName::Replay, Transport::Ws, true);
    check(ServerName::RedisFunction, WorkName::Publish, Transport::Sse, true);
    check(ServerName::RedisFunction, WorkName::Fanout, Transport::Sse, true);
    check(ServerName::RedisFunction, WorkName::Idle, Transport::Sse, false);
}
