//! The short way of publishing answers as the long way does.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
    net::TcpStream,
};

use crate::support::{
    http::{Answer, connect, read_answer, wait_for_end},
    server::{KEY_A, KEY_B, Plan, Server},
    sse::Sse,
};

const SHORT: &str = "connection: keep-alive";

/// A header that the short way does not take, and that asks for nothing.
const LONG: &str = "trailer: x";

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

/// Returns what two answers to one request have in common: no ids, times and places.
fn shape(answer: &Answer) -> (u16, BTreeMap<String, String>, String) {
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "x-request-id" if value.starts_with("req_") => "(its own)",
            "date" => "(a date)",
            "content-length" if answer.status == 201 => "(a length)",
            _ => value,
        };
        (name.clone(), value.to_owned())
    });
    let body = match answer.status {
        201 => String::new(),
        _ => answer.text().replace(answer.header("x-request-id").expect("it has an id"), "(id)"),
    };
    (answer.status, headers.collect(), body)
}

#[test]
fn both_ways_answer_alike() {
    let server = Plan::with_keys().set("TIDEGATE_PAYLOAD_BYTES_MAX", "1000").start();
    let key = format!("x-api-key: {KEY_A}");
    let large = format!(r#"{{"event":"a","payload":{{"x":"{}"}}}}"#, "y".repeat(1000));
    let one = r#"{"event":"a","payload":{"n":1}}"#;
    let cases: &[(&[&str], &str)] = &[
        (&[&key], one),
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
        let by = |way: &str| {
            let headers = [&[way], *headers].concat();
            shape(&ask(&mut opened(&server), &request(&headers, body)))
        };
        assert_eq!(by(SHORT), by(LONG), "{headers:?} {body}");
    }
    let stored = server.metric(
        r#"tidegate_http_requests_total{route="/api/events",method="POST",status_class="2xx"}"#,
    );
    assert_eq!(stored, 8.0, "both ways count for one route");
}

#[test]
fn a_key_is_the_same_on_both_ways() {
    let server = Plan::with_keys().start();
    let key = format!("x-api-key: {KEY_A}");
    let body = r#"{"event":"a"}"#;
    let by = |way: &str| {
        ask(&mut opened(&server), &request(&[way, &key, "idempotency-key: once"], body))
    };
    let (first, second) = (by(SHORT), by(LONG));
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.text(), second.text());
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(by(SHORT).header("idempotency-replayed"), Some("true"));
}

#[test]
fn requests_may_come_together_in_pieces_and_change_their_way() {
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
fn a_drain_ends_idle_publishers_and_answers_nobody_twice() {
    let mut server = Plan::with_keys().start();
    let mut reader = opened(&server);
    let whole = request(&[&format!("x-api-key: {KEY_A}")], r#"{"event":"a"}"#);
    assert_eq!(ask(&mut reader, &whole).status, 201);
    assert_eq!(server.terminate(), Some(0));
    wait_for_end(reader);
}
