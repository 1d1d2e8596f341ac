//! Streams and WebSockets are opened alike on the fast path and the slow one.

use std::io::{BufRead, BufReader, Read, Write};

use crate::support::{
    http::{connect, read_head},
    paths::{FAST, SLOW, Shape, fast_answers, plans},
    server::{KEY_A, Server},
    ws::handshake,
};

/// Sends a head and a further line; returns what the answer is like, and how what follows begins.
fn ask(server: &Server, head: &str, line: &str) -> (Shape, String) {
    let mut socket = connect(server.address);
    let head = head.replacen("\r\n", &format!("\r\n{line}\r\n"), 1);
    socket.write_all(head.as_bytes()).expect("a request is taken");
    let mut reader = BufReader::new(socket);
    let mut answer = read_head(&mut reader);
    let begin = match answer.status {
        200 => connected(&mut reader),
        101 => message(&mut reader),
        _ => {
            let length = answer.header("content-length").expect("an error has a length");
            answer.body = vec![0; length.parse().expect("a length is a number")];
            reader.read_exact(&mut answer.body).expect("the body comes");
            String::new()
        }
    };
    (Shape::of(&answer), begin)
}

/// Reads what an event stream begins with, up to the end of `connected`.
fn connected(reader: &mut impl BufRead) -> String {
    let mut lines = reader.lines().map(|line| line.expect("the stream goes on"));
    let retry = lines.next().expect("it begins");
    assert!(retry.starts_with("retry: "), "{retry}");
    let begin: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("data: ")).collect();
    begin.join("\n")
}

/// Reads the first message of a WebSocket.
fn message(reader: &mut impl Read) -> String {
    let mut head = [0; 2];
    reader.read_exact(&mut head).expect("a frame comes");
    assert!(head[0] == 0x81 && head[1] < 126, "it is text, and short: {head:?}");
    let mut text = vec![0; head[1].into()];
    reader.read_exact(&mut text).expect("the frame comes");
    String::from_utf8(text).expect("text is UTF-8")
}

/// Asks everything on both paths; returns how many were opened on each.
fn opened_alike(server: &Server, heads: &[String]) -> usize {
    let mut opened = 0;
    for head in heads {
        let (fast, slow) = (ask(server, head, FAST), ask(server, head, SLOW));
        assert_eq!(fast, slow, "{head}");
        opened += usize::from(matches!(fast.0.status, 101 | 200));
    }
    opened
}

#[test]
fn streams_are_answered_alike() {
    for (plan, is_fast) in plans() {
        let server = plan.start();
        let cursor = server.publish_ok(KEY_A, "a.b", 1);
        let resume = format!("last-event-id: {cursor}");
        let key = format!("x-api-key: {KEY_A}");
        let bearer = format!("authorization: Bearer {KEY_A}");
        let cases: &[(&str, &[&str])] = &[
            ("", &[&key]),
            ("", &[&bearer]),
            ("", &[&key, "x-request-id: mine"]),
            ("", &[&key, "x-request-id: not one"]),
            ("", &[&key, &resume]),
            ("", &[&key, "last-event-id: nonsense"]),
            ("?after=0", &[&key]),
            ("?after=nonsense", &[&key]),
            ("?events=a.b", &[&key]),
            ("?events=", &[&key]),
            ("?events=%00", &[&key]),
            ("?stream=ops", &[&key]),
            ("?stream=thread:1", &[&key]),
            ("?stream=nonsense", &[&key]),
            ("?after=0&after=1", &[&key]),
            ("?ticket=nonsense", &[]),
            ("", &[]),
            ("", &["x-api-key: nobody"]),
            ("", &["x-api-key: key-a-publish-only"]),
            ("", &[&key, &key]),
            ("", &[&key, "accept: text/plain"]),
            ("", &[&key, "origin: https://app.example.com"]),
        ];
        let heads: Vec<_> = cases
            .iter()
            .flat_map(|(query, headers)| {
                let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
                ["1.1", "1.0"].map(|version| {
                    format!("GET /api/stream{query} HTTP/{version}\r\nhost: a\r\n{headers}\r\n")
                })
            })
            .collect();
        let opened = opened_alike(&server, &heads);
        assert!(opened >= 20, "most of them are good: {opened}");
        let with_origin = 2;
        let expected = if is_fast { opened - with_origin } else { 0 };
        assert_eq!(fast_answers(server, "/api/stream"), expected);
    }
}

#[test]
fn websockets_are_answered_alike() {
    for (plan, is_fast) in plans() {
        let server = plan.set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
        let good = handshake("/api/ws", &[("x-api-key", KEY_A)]);
        let with = |line: &str| good.replacen("\r\n", &format!("\r\n{line}\r\n"), 1);
        let heads = [
            good.clone(),
            with("x-request-id: mine"),
            with("sec-websocket-protocol: x"),
            with("sec-websocket-extensions: permessage-deflate"),
            with("sec-websocket-extensions: permessage-deflate; server_max_window_bits=3"),
            with("origin: https://app.example.com"),
            with("origin: https://other.example.com"),
            with("sec-websocket-version: 8"),
            with("x-api-key: nobody"),
            good.replace("version: 13", "version: 8"),
            good.replace("upgrade: websocket\r\n", ""),
            good.replace("connection: Upgrade", "connection: close"),
            good.replace("HTTP/1.1", "HTTP/1.0"),
            good.replace("/api/ws", "/api/wsx"),
            handshake("/api/ws?ticket=nonsense", &[]),
            handshake("/api/ws", &[]),
            handshake("/api/ws", &[("x-api-key", "nobody")]),
            handshake("/api/ws", &[("x-api-key", "key-a-publish-only")]),
        ];
        let opened = opened_alike(&server, &heads);
        assert!(opened >= 7, "many of them are good: {opened}");
        let expected = if is_fast { opened } else { 0 };
        assert_eq!(fast_answers(server, "/api/ws"), expected);
    }
}
