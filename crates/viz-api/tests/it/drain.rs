//! The end of a process, as its readers and its load balancer see it.

use std::{
    io::{BufReader, Write},
    net::TcpStream,
};

use crate::support::{
    http::{Request, connect, read_answer, wait_for_end},
    server::{KEY_A, Plan},
    wait::until,
};

#[test]
fn readers_are_sent_away_spread_and_accepting_stops_at_once() {
    let mut server = Plan::with_keys().start();
    let cursor = server.publish_ok(KEY_A, "a", 0);
    let mut streams: Vec<_> = (0..40).map(|_| server.stream_as(KEY_A, "/api/stream")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.connected()));
    server.signal("-TERM");
    let mut retries: Vec<u64> = Vec::new();
    for stream in &mut streams {
        let goodbye = stream.event();
        assert!(goodbye.is("goodbye"), "{goodbye:?}");
        assert_eq!(goodbye.id, None, "it moves no cursor");
        let body = goodbye.json();
        assert_eq!(
            (&body["reason"], body.as_object().map(serde_json::Map::len)),
            (&"drain".into(), Some(2))
        );
        let retry = body["retry_ms"].as_u64().expect("it says when to come back");
        assert_eq!(goodbye.retry.map(u64::from), Some(retry), "a plain EventSource is told too");
        retries.push(retry);
        assert_eq!(stream.next(), None, "goodbye is the last of it");
    }
    assert!(retries.iter().all(|retry| (100..=10_000).contains(retry)), "{retries:?}");
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > 10, "they come back spread: {retries:?}");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log().text());
    let server = Plan::with_keys().start_in(server.folder.clone());
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={cursor}"));
    assert_eq!(stream.connected()["resume"], "resumed");
}

#[test]
fn nobody_is_accepted_while_readers_still_leave() {
    let mut server = Plan::with_keys().start();
    let mut streams: Vec<_> = (0..20).map(|_| server.stream_as(KEY_A, "/api/stream")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.connected()));
    server.signal("-TERM");
    until("new connections are refused", || TcpStream::connect(server.address).is_err());
    drop(streams);
    assert_eq!(server.wait().code(), Some(0));
}

/// Who holds a request open must neither keep the process alive nor turn its end into a failure.
#[test]
fn half_a_request_does_not_hold_up_the_end() {
    let mut server = Plan::with_keys().set("TIDEGATE_DRAIN_SECONDS", "5").start();
    let mut idle = connect(server.address);
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is taken");
    let mut idle = BufReader::new(idle);
    assert_eq!(read_answer(&mut idle, false).status, 200);
    let mut head = connect(server.address);
    head.write_all(b"GET /health HTTP/1.1\r\nhost: ").expect("it is taken");
    let mut body = connect(server.address);
    let request = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\nexpect: 100-continue\r\ncontent-length: 20\r\n\r\n"
    );
    body.write_all(request.as_bytes()).expect("it is taken");
    let mut body = BufReader::new(body);
    // The server asks for the rest of it: a request is only then known to be under way. One that
    // nobody has read yet is no unfinished one.
    assert_eq!(read_answer_100(&mut body), 100);
    body.get_mut().write_all(b"{").expect("it is taken");
    assert_eq!(server.get("/health", KEY_A).status, 200);
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    wait_for_end(idle);
    wait_for_end(head);
    wait_for_end(body);
    let text = server.log().text();
    assert!(server.log().has("unfinished requests were cut off"), "{text}");
}

#[test]
fn a_request_that_is_under_way_is_finished() {
    let mut server = Plan::with_keys().start();
    let mut slow = connect(server.address);
    let body = r#"{"event":"a","payload":{"n":7}}"#;
    let head = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).expect("it is taken");
    let mut slow = BufReader::new(slow);
    // The server asks for the body once the request has passed the gate for new ones.
    assert_eq!(read_answer_100(&mut slow), 100);
    server.signal("-TERM");
    until("the end has begun", || TcpStream::connect(server.address).is_err());
    slow.get_mut().write_all(body.as_bytes()).expect("it is taken");
    let answer = read_answer(&mut slow, false);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(server.wait().code(), Some(0));
    let server = Plan::with_keys().start_in(server.folder.clone());
    let page = server.send(&Request::get("/api/events").key(KEY_A)).json();
    assert_eq!(page["events"][0]["payload"]["n"], 7, "what was acknowledged is kept");
}

fn read_answer_100(reader: &mut BufReader<TcpStream>) -> u16 {
    crate::support::http::read_head(reader).status
}

#[test]
fn both_signals_end_it() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Plan::with_keys().start();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0));
        assert_eq!(server.log().phases(), ["starting", "ready", "draining", "stopped"]);
    }
}
