//! Requests in forms that are allowed and seldom seen, and connections that ask more than once.

use std::{
    io::{BufReader, Write},
    net::TcpStream,
};

use crate::support::{
    http::{Answer, Request, connect, exchange, read_answer, read_head, wait_for_end},
    server::{KEY_A, Plan, Server},
    sse::Sse,
};

fn raw(server: &Server, request: &str) -> Answer {
    exchange(server.address, request.as_bytes(), false)
}

fn opened(server: &Server, bytes: &str) -> BufReader<TcpStream> {
    let mut stream = connect(server.address);
    stream.write_all(bytes.as_bytes()).expect("it is taken");
    BufReader::new(stream)
}

#[test]
fn requests_that_came_before_a_stream_are_answered_first() {
    let server = Plan::with_keys().start();
    let health = "GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    let publish = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\ncontent-length: 13\r\n\r\n{{\"event\":\"a\"}}"
    );
    let stream = format!("GET /api/stream HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n");
    let mut reader = opened(&server, &format!("{health}{publish}{health}{stream}"));
    for status in [200, 201, 200] {
        assert_eq!(read_answer(&mut reader, false).status, status);
    }
    let mut stream = Sse::over(reader);
    assert_eq!(stream.head.header("connection"), Some("close"));
    let connected = stream.connected();
    assert!(
        connected["lastEventId"].as_str().is_some_and(|cursor| cursor.ends_with("-1")),
        "{connected}"
    );
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1]);
}

#[test]
fn what_comes_after_a_stream_was_asked_for_is_not_answered() {
    let server = Plan::with_keys().start();
    let stream = format!("GET /api/stream HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n");
    let mut stream = Sse::over(opened(&server, &format!("{stream}GET /health HTTP/1.1\r\n\r\n")));
    stream.connected();
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1]);
}

#[test]
fn one_connection_serves_many_requests_and_then_a_stream() {
    let server = Plan::with_keys().start();
    let mut reader = opened(&server, "");
    for n in 0..50 {
        let request =
            format!("GET /api/events?limit={} HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n", n + 1);
        reader.get_mut().write_all(request.as_bytes()).expect("it is taken");
        assert_eq!(read_answer(&mut reader, false).status, 200);
    }
    let refused = "GET /api/stream HTTP/1.1\r\nhost: a\r\n\r\n";
    reader.get_mut().write_all(refused.as_bytes()).expect("it is taken");
    read_answer(&mut reader, false).assert_error(401, "unauthorized");
    let stream = format!("GET /api/stream HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n");
    reader.get_mut().write_all(stream.as_bytes()).expect("it is taken");
    assert_eq!(Sse::over(reader).connected()["resume"], "fresh");
}

#[test]
fn an_address_may_be_absolute() {
    let server = Plan::with_keys().start();
    let answer = raw(
        &server,
        "GET http://tidegate.example/health?x=1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(answer.status, 200);
    raw(&server, "GET http://tidegate.example HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .assert_error(404, "not_found");
}

#[test]
fn forms_for_proxies_are_refused_in_the_one_form() {
    let server = Plan::with_keys().start();
    for request in [
        "CONNECT tidegate.example:443 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "GET /../etc/passwd HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "GET /api%2fevents HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ] {
        raw(&server, request).assert_error(404, "not_found");
    }
    assert_eq!(server.get("/health", KEY_A).status, 200);
    // A preface of HTTP/2 is no request of HTTP/1.1.
    wait_for_end(opened(&server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
}

#[test]
fn a_body_is_asked_for_only_where_it_would_be_taken() {
    let server = Plan::with_keys().start();
    let head = |key: &str, length: usize| {
        format!(
            "POST /api/events HTTP/1.1\r\nx-api-key: {key}\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut reader = opened(&server, &head(KEY_A, 13));
    let mut asked = read_head(&mut reader);
    assert_eq!((asked.status, asked.headers.len()), (100, 0), "{asked:?}");
    reader.get_mut().write_all(br#"{"event":"a"}"#).expect("it is taken");
    asked = read_answer(&mut reader, false);
    assert_eq!(asked.status, 201);
    for (head, status, code) in [
        (head("unknown-key", 13), 401, "unauthorized"),
        (head("key-a-subscribe-only", 13), 403, "forbidden"),
        (head(KEY_A, 1 << 40), 413, "too_large"),
    ] {
        read_answer(&mut opened(&server, &head), false).assert_error(status, code);
    }
}

#[test]
fn headers_that_stand_twice_are_read_the_safe_way() {
    let server = Plan::with_keys().start();
    let first = server.publish_ok(KEY_A, "a", 0);
    let second = server.publish_ok(KEY_A, "a", 1);
    let headers = [("x-api-key", KEY_A), ("last-event-id", &*first), ("last-event-id", &*second)];
    let mut stream = server.stream("/api/stream", &headers);
    assert_ne!(stream.connected()["resume"], "fresh", "never an error, never a silent hole");
    let smuggled = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\ncontent-length: 4\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         d\r\n{{\"event\":\"a\"}}\r\n0\r\n\r\n"
    );
    let answer = raw(&server, &smuggled);
    assert!(answer.status == 201 || answer.status == 400, "{answer:?}");
    let mut reader = opened(&server, &smuggled.replace("connection: close\r\n", ""));
    let answer = read_answer(&mut reader, false);
    assert!(answer.status == 400 || answer.header("connection") == Some("close"), "{answer:?}");
    wait_for_end(reader);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let server = Plan::with_keys().start();
    for path in ["/health", "/api/health", "/api/events", "/metrics", "/nowhere", "/api/stream"] {
        let mut reader = opened(
            &server,
            &format!("HEAD {path} HTTP/1.1\r\nx-api-key: {KEY_A}\r\nconnection: close\r\n\r\n"),
        );
        let head = read_head(&mut reader);
        assert!([200, 404].contains(&head.status), "{path}: {head:?}");
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut rest).expect("it ends");
        assert_eq!(rest, b"", "{path}");
    }
    let answer = server.send(&Request::new("HEAD", "/api/events"));
    assert_eq!(answer.status, 401);
}

#[test]
fn a_stream_may_be_asked_for_with_a_body() {
    let server = Plan::with_keys().start();
    let request =
        format!("GET /api/stream HTTP/1.1\r\nx-api-key: {KEY_A}\r\ncontent-length: 5\r\n\r\nhello");
    let mut stream = Sse::over(opened(&server, &request));
    stream.connected();
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1]);
}
