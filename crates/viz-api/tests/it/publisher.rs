//! The fast path of publishing answers as the slow path does.

use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
};

use crate::support::{
    http::{Answer, Request, connect, read_answer, wait_for_end},
    paths::{FAST, SLOW, Shape, fast_answers, plans},
    server::{KEY_A, KEY_B, Plan, Server},
    sse::Sse,
    wait::until,
};

const ROUTE: &str = "/api/events";

fn opened(server: &Server) -> BufReader<TcpStream> {
    BufReader::new(connect(server.address))
}

fn request(headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!("POST /api/events HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn ask(reader: &mut BufReader<TcpStream>, request: &str) -> Answer {
    reader.get_mut().write_all(request.as_bytes()).expect("it is taken");
    read_answer(reader, false)
}

#[test]
fn both_paths_answer_alike() {
    for (plan, is_fast) in plans() {
        let server = plan.set("TIDEGATE_PAYLOAD_BYTES_MAX", "1000").start();
        let asked = both_paths_answer_alike_of(&server);
        let stored = server.metric(
            r#"tidegate_http_requests_total{route="/api/events",method="POST",status_class="2xx"}"#,
        );
        assert_eq!(stored, 10.0, "both paths count for one route");
        assert_eq!(fast_answers(server, ROUTE), if is_fast { asked } else { 0 });
    }
}

/// Asks everything on both paths; returns how often on each.
fn both_paths_answer_alike_of(server: &Server) -> usize {
    let key = format!("x-api-key: {KEY_A}");
    let large = format!(r#"{{"event":"a","payload":{{"x":"{}"}}}}"#, "y".repeat(1000));
    let one = r#"{"event":"a","payload":{"n":1}}"#;
    let cases: &[(&[&str], &str)] = &[
        (&[&key], one),
        (&[&key, "connection: keep-alive"], one),
        (&[&key], r#"[{"event":"a"},{"event":"b"}]"#),
        (&[&key, "x-request-id: mine"], one),
        (&[&key, "x-request-id: mine"], "{}"),
        (&[&key, "content-type: application/json; charset=utf-8"], one),
        (&[&key, "content-type: text/plain"], one),
        (&[&key, "content-encoding: gzip"], one),
        (&[&key], ""),
        (&[&key], "[]"),
        (&[&key], "{"),
        (&[&key], r#"{"event":"connected"}"#),
        (&[&key], &large),
        (&[], one),
        (&["x-api-key: nobody"], one),
        (&[&key, &key], one),
        (&["authorization: Basic eA=="], one),
        (&[&key, "idempotency-key: a", "idempotency-key: b"], one),
        (&[&key, "idempotency-key: a\tb"], one),
    ];
    for (headers, body) in cases {
        let by = |path: &str| {
            let headers = [&[path], *headers].concat();
            Shape::of(&ask(&mut opened(server), &request(&headers, body)))
        };
        assert_eq!(by(FAST), by(SLOW), "{headers:?} {body}");
    }
    cases.len()
}

#[test]
fn what_breaks_off_is_answered_alike() {
    let server = Plan::with_keys().start();
    let key = format!("x-api-key: {KEY_A}");
    let body = r#"{"event":"a"}"#;
    let by = |path: &str, missing: usize| {
        let whole = request(&[path, &key], body);
        let mut stream = connect(server.address);
        stream.write_all(&whole.as_bytes()[..whole.len() - missing]).expect("it is taken");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("it ends");
        (!bytes.is_empty()).then(|| Shape::of(&read_answer(&mut &bytes[..], false)))
    };
    for missing in [1, body.len() - 1, body.len(), body.len() + 1, body.len() + 30] {
        assert_eq!(by(FAST, missing), by(SLOW, missing), "{missing} bytes are missing");
    }
    let broke_off = by(FAST, 1).map(|shape| shape.status);
    assert_eq!(broke_off, Some(400), "who still listens is told");
}

#[test]
fn a_key_is_the_same_on_both_paths() {
    let server = Plan::with_keys().start();
    let key = format!("x-api-key: {KEY_A}");
    let body = r#"{"event":"a"}"#;
    let by = |way: &str| {
        ask(&mut opened(&server), &request(&[way, &key, "idempotency-key: once"], body))
    };
    let (first, second) = (by(FAST), by(SLOW));
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.text(), second.text());
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(by(FAST).header("idempotency-replayed"), Some("true"));
}

#[test]
fn requests_may_come_together_in_pieces_and_change_their_path() {
    let server = Plan::with_keys().start();
    let (a, b) = (format!("x-api-key: {KEY_A}"), format!("x-api-key: {KEY_B}"));
    let body = r#"{"event":"a"}"#;
    let chunked = format!(
        "POST /api/events HTTP/1.1\r\n{a}\r\ntransfer-encoding: chunked\r\n\r\nd\r\n{body}\r\n0\r\n\r\n"
    );
    let all = [
        request(&[&a], body),
        request(&[&b], body),
        request(&[&a], "{}"),
        request(&[&a], body),
        chunked,
        request(&[&a], body),
        "GET /health HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        format!("GET /api/stream?after=0 HTTP/1.1\r\n{a}\r\n\r\n"),
    ]
    .concat();
    for piece in [1, 7, 100, all.len()] {
        let mut reader = opened(&server);
        for bytes in all.as_bytes().chunks(piece) {
            reader.get_mut().write_all(bytes).expect("it is taken");
        }
        for status in [201, 201, 400, 201, 201, 201, 200] {
            assert_eq!(read_answer(&mut reader, false).status, status, "pieces of {piece}");
        }
        let mut stream = Sse::over(reader);
        assert_eq!(stream.connected()["orgId"], "org_a");
        assert_eq!(stream.event().json()["reason"], "unknown_cursor");
    }
}

#[test]
fn a_publisher_that_leaves_in_the_middle_has_published_nothing() {
    let server = Plan::with_keys().start();
    let whole = request(&[&format!("x-api-key: {KEY_A}")], r#"{"event":"a"}"#);
    for bytes in [1, 20, 60, whole.len() - 1] {
        let mut stream = connect(server.address);
        stream.write_all(&whole.as_bytes()[..bytes]).expect("it is taken");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        wait_for_end(stream);
    }
    let page = server.get("/api/events", KEY_A);
    assert_eq!(page.json()["events"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_drain_ends_idle_publishers() {
    let mut server = Plan::with_keys().start();
    let mut reader = opened(&server);
    let whole = request(&[&format!("x-api-key: {KEY_A}")], r#"{"event":"a"}"#);
    assert_eq!(ask(&mut reader, &whole).status, 201);
    assert_eq!(server.terminate(), Some(0));
    wait_for_end(reader);
}

#[test]
fn a_publish_that_is_under_way_when_a_drain_begins_is_finished() {
    let [(plan, _), _] = plans();
    let mut server = plan.start();
    let mut reader = opened(&server);
    let whole = request(&[&format!("x-api-key: {KEY_A}")], r#"{"event":"a","payload":{"n":7}}"#);
    let (begin, rest) = whole.split_at(whole.len() - 5);
    reader.get_mut().write_all(begin.as_bytes()).expect("it is taken");
    until("the body is waited for", || server.log().has("waits for a body"));
    server.signal("-TERM");
    until("the end has begun", || server.log().phases().contains(&"draining".to_owned()));
    let answer = ask(&mut reader, rest);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("connection"), Some("close"));
    wait_for_end(reader);
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.log().has("answered on the fast path"));
    let server = Plan::with_keys().start_in(server.folder.clone());
    let page = server.send(&Request::get(ROUTE).key(KEY_A)).json();
    assert_eq!(page["events"][0]["payload"]["n"], 7, "what was acknowledged is kept");
}
