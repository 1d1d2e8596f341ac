//! What a stream means, however its bytes are cut.

use std::time::Duration;

use super::Parser;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads pieces; an event is `name|data|id`.
fn read(pieces: &[&[u8]]) -> (Vec<String>, String, Option<Duration>) {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for piece in pieces {
        let on = |m: super::Message<'_>| {
            events.push(format!("{}|{}|{}", text(m.name), text(m.data), text(m.id)));
        };
        parser.feed(piece, on).unwrap();
    }
    (events, text(parser.last_id()), parser.retry())
}

#[track_caller]
fn check(stream: &str, expected: &[&str]) {
    let whole = read(&[stream.as_bytes()]);
    assert_eq!(whole.0, expected, "{stream:?}");
    for at in 0..=stream.len() {
        let (a, b) = stream.as_bytes().split_at(at);
        assert_eq!(read(&[a, b]), whole, "{stream:?} cut at {at}");
    }
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(read(&bytes), whole, "{stream:?} byte by byte");
}

#[test]
fn streams_are_read_by_the_rules() {
    check("", &[]);
    check("data: a\n\n", &["|a|"]);
    check("data: a\r\n\r\n", &["|a|"]);
    check("data: a\r\r", &["|a|"]);
    check("data: a\n\r\ndata: b\r\n\n", &["|a|", "|b|"]);
    check("data: a\r\n\ndata: b\n\n", &["|a|", "|b|"]);
    check("\u{feff}data: a\n\n", &["|a|"]);
    check("\u{feff}\n\u{feff}data: a\n\n", &[]);
    check("data: a\ndata: b\ndata\ndata:  c\n\n", &["|a\nb\n\n c|"]);
    check("data\n\n", &["||"]);
    check("data:\ndata:\n\n", &["|\n|"]);
    check("event: x\n\ndata: a\n\n", &["|a|"]);
    check("event: x\nevent: y\ndata: a\n\n", &["y|a|"]);
    check(": heartbeat\n\n:\n:data: a\n\n", &[]);
    check("data: a", &[]);
    check("data: a\n", &[]);
    check("id: 1\nevent: x\ndata: ä\n\ndata: b\n\n", &["x|ä|1", "|b|1"]);
    check("id: 1\ndata: a\n\nid\ndata: b\n\n", &["|a|1", "|b|"]);
    check("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", &["|a|1", "|b|1"]);
    check("Data: a\nfoo: b\n data: c\n\n", &[]);
    check("data:a:b\nid:7:8\n\n", &["|a:b|7:8"]);
}

#[test]
fn an_unfinished_event_moves_no_id() {
    let check = |stream: &str, id: &str| assert_eq!(read(&[stream.as_bytes()]).1, id, "{stream:?}");
    check("id: 1\ndata: a\n\nid: 2\ndata: b\n", "1");
    check("id: 1\ndata: a\n\nid: 2\n\n", "2");
    check(": heartbeat\nid: 3\n\n", "3");
}

#[test]
fn only_digits_are_a_time_to_wait() {
    let check = |stream: &str, ms: Option<u64>| {
        assert_eq!(read(&[stream.as_bytes()]).2, ms.map(Duration::from_millis), "{stream:?}");
    };
    check("retry: 250\n", Some(250));
    check("retry:1\nretry: x\nretry: -1\nretry\n", Some(1));
    check("retry: 99999999999999999999999\n", None);
}

#[test]
fn an_endless_event_is_refused() {
    let mut parser = Parser::default();
    let piece = vec![b'x'; 1 << 20];
    let taken = (0..100).take_while(|_| parser.feed(&piece, |_| ()).is_ok()).count();
    assert_eq!(taken, super::EVENT_BYTES_MAX >> 20);
}
