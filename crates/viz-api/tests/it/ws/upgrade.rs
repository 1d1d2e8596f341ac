//! How a request becomes a WebSocket, and what is answered where it does not.

use std::io::{BufReader, Write};

use serde_json::json;

use crate::support::{
    http::{Answer, Request, connect, read_answer},
    server::{KEY_A, Plan, Server},
    wait::until,
    ws::{NONCE, TEXT, Ws, handshake, masked},
};

fn ask(server: &Server, bytes: &str) -> Answer {
    let mut socket = connect(server.address);
    socket.write_all(bytes.as_bytes()).expect("a request is taken");
    read_answer(&mut BufReader::new(socket), false)
}

#[test]
fn what_is_answered_agrees_to_what_was_asked() {
    let server = Plan::with_keys().start();
    let headers =
        [("x-api-key", KEY_A), ("x-request-id", "my-id"), ("sec-websocket-protocol", "x")];
    let ws = Ws::open(&server, "/api/ws", &headers);
    for (name, value) in
        [("upgrade", "websocket"), ("connection", "upgrade"), ("x-request-id", "my-id")]
    {
        assert_eq!(ws.head.header(name), Some(value));
    }
    for name in ["sec-websocket-extensions", "sec-websocket-protocol", "content-length"] {
        assert_eq!(ws.head.header(name), None, "{name}");
    }
    let requests =
        r#"tidegate_http_requests_total{route="/api/ws",method="GET",status_class="1xx"}"#;
    assert_eq!(server.metric(requests), 1.0);
}

#[test]
fn a_request_that_is_no_handshake_is_told_so() {
    let server = Plan::with_keys().start();
    let good = handshake("/api/ws", &[("x-api-key", KEY_A)]);
    let without = |line: &str| {
        assert!(good.contains(line), "{line}");
        good.replace(line, "")
    };
    let upgrade = "this path is for WebSockets";
    let table = [
        (without("connection: Upgrade\r\n"), upgrade),
        (without("upgrade: websocket\r\n"), upgrade),
        (good.replace("HTTP/1.1", "HTTP/1.0"), upgrade),
        (good.replace("connection: Upgrade", "connection: close"), upgrade),
        (good.replace("upgrade: websocket", "upgrade: h2c"), upgrade),
        (without("sec-websocket-version: 13\r\n"), "has to be 13"),
        (good.replace("version: 13", "version: 8"), "has to be 13"),
        (without(&format!("sec-websocket-key: {NONCE}\r\n")), "16 bytes in base64"),
        (good.replace(NONCE, "x"), "16 bytes in base64"),
        (good.replace("\r\n\r\n", "\r\ncontent-length: 5\r\n\r\nhello"), "no body"),
        (good.replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), "no body"),
    ];
    for (request, part) in &table {
        let answer = ask(&server, request);
        let message = answer.assert_error(400, "validation_error");
        assert!(message.contains(part), "{message}: {request}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{request}");
        assert_eq!(answer.header("upgrade"), None);
    }
    let invalid = r#"tidegate_stream_connects_total{transport="websocket",result="invalid"}"#;
    assert_eq!(server.metric(invalid), table.len() as f64);
    assert_eq!(server.metric(r#"tidegate_streams_open{transport="websocket"}"#), 0.0);
}

#[test]
fn a_credential_comes_before_all_of_that() {
    let server = Plan::with_keys().start();
    server.send(&Request::get("/api/ws")).assert_error(401, "unauthorized");
    server.get("/api/ws", KEY_A).assert_error(400, "validation_error");
}

#[test]
fn other_methods_open_nothing() {
    let server = Plan::with_keys().start();
    let good = handshake("/api/ws", &[("x-api-key", KEY_A)]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = ask(&server, &good.replacen("GET", method, 1));
        answer.assert_error(405, "method_not_allowed");
    }
    let mut socket = connect(server.address);
    let head = good.replacen("GET", "HEAD", 1);
    socket.write_all(head.as_bytes()).expect("a request is taken");
    let answer = read_answer(&mut BufReader::new(socket), true);
    assert_eq!((answer.status, answer.header("sec-websocket-accept")), (400, None));
    let text = server.send(&Request::get("/metrics")).text();
    assert!(!text.contains(r#"stream_connects_total{transport="websocket""#), "{text}");
}

#[test]
fn a_page_of_another_origin_needs_a_credential_like_everybody() {
    let origin = "https://app.example.com";
    let server = Plan::with_keys().set("TIDEGATE_CORS_ORIGINS", origin).start();
    for origin in [origin, "https://evil.example.com", "null"] {
        let refused = Ws::try_open(server.address, "/api/ws", &[("origin", origin)]);
        assert_eq!(refused.head.status, 401, "a browser sends nothing by itself that would do");
        drop(Ws::open(&server, "/api/ws", &[("origin", origin), ("x-api-key", KEY_A)]));
    }
    let preflight = Request::new("OPTIONS", "/api/ws")
        .header("origin", origin)
        .header("access-control-request-method", "GET");
    assert_eq!(server.send(&preflight).status, 200);
}

#[test]
fn what_comes_right_behind_the_request_is_honoured() {
    let server = Plan::with_keys().start();
    let head = handshake("/api/ws", &[("x-api-key", KEY_A)]);
    let publish =
        |n: u32| masked(TEXT, format!(r#"{{"type":"publish","ref":{n},"event":"a"}}"#).as_bytes());
    // From half a frame to more than a request's head may have.
    for count in [1, 10, 2000] {
        let frames: Vec<u8> = (0..count).flat_map(publish).collect();
        for cut in [frames.len(), frames.len() - 5, 3] {
            let (at_once, later) = frames.split_at(cut);
            let mut ws = Ws::after(server.address, &[head.as_bytes(), at_once].concat());
            assert_eq!(ws.head.status, 101);
            ws.write(later);
            ws.expect("connected");
            for n in 0..count {
                assert_eq!(ws.expect("ack")["ref"], n);
            }
        }
    }
}

#[test]
fn a_connection_that_had_other_requests_becomes_one() {
    let server = Plan::with_keys().start();
    let mut socket = connect(server.address);
    socket.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is taken");
    let mut reader = BufReader::new(socket);
    assert_eq!(read_answer(&mut reader, false).status, 200);
    let refused = handshake("/api/ws", &[("x-api-key", "unknown-key")]);
    reader.get_mut().write_all(refused.as_bytes()).expect("it is taken");
    assert_eq!(read_answer(&mut reader, false).status, 401, "and it may try again");
    let good = handshake("/api/ws", &[("x-api-key", KEY_A)]);
    reader.get_mut().write_all(good.as_bytes()).expect("it is taken");
    let mut ws = Ws::over(reader);
    ws.expect("connected");
    ws.publish(1, "a", 1);
    assert_eq!(ws.expect("ack")["ref"], json!(1));
}

#[test]
fn those_who_leave_at_any_moment_leave_nothing_behind() {
    let server = Plan::with_keys().start();
    let head = handshake("/api/ws", &[("x-api-key", KEY_A)]);
    for n in 0..200 {
        let mut socket = connect(server.address);
        match n % 4 {
            0 => socket.write_all(&head.as_bytes()[..head.len() / 2]).expect("it is taken"),
            1 => socket.write_all(head.as_bytes()).expect("it is taken"),
            2 => drop(Ws::of(&server, KEY_A)),
            _ => drop(Ws::following(&server, KEY_A)),
        }
    }
    until("all are gone", || {
        server.metric(r#"tidegate_streams_open{transport="websocket"}"#) == 0.0
    });
    server.publish_ok(KEY_A, "a", 1);
}
