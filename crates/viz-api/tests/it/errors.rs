//! Errors have one form, whoever finds them: a route, the router, or the parser below it.

use crate::support::{
    http::{Answer, Request, exchange},
    server::{KEY_A, KEY_ADMIN, Plan, Server},
};

#[test]
fn the_router_refuses_in_the_one_form() {
    let server = Plan::with_keys().start();
    server.get("/nowhere", KEY_A).assert_error(404, "not_found");
    server.get("/api/events/", KEY_A).assert_error(404, "not_found");
    server.get("//api/events", KEY_A).assert_error(404, "not_found");
    for (method, path) in [("DELETE", "/api/events"), ("POST", "/health"), ("PUT", "/api/stream")] {
        let answer = server.send(&Request::new(method, path).key(KEY_A));
        answer.assert_error(405, "method_not_allowed");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{answer:?}");
    }
    let answer = server.send(&Request::get("/api/events"));
    answer.assert_error(401, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn the_parser_refuses_in_the_one_form() {
    let server = Plan::with_keys().start();
    let raw = |bytes: &[u8]| exchange(server.address, bytes, false);
    let filler = "a".repeat(1 << 20);
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    let malformed = [
        "not http at all\r\n\r\n",
        "GET /health HTTP/9.9\r\n\r\n",
        "GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /he\0alth HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /api/events HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        "POST /api/events HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ];
    for request in malformed {
        let answer = raw(request.as_bytes());
        answer.assert_error(400, "validation_error");
        assert!(answer.header("date").is_some(), "{answer:?}");
    }
    for headers in [format!("x: {filler}\r\n"), many] {
        let answer = raw(format!("GET /health HTTP/1.1\r\n{headers}\r\n").as_bytes());
        answer.assert_error(431, "unsupported");
    }
    let one_below: String = (0..97).map(|n| format!("x-{n}: 1\r\n")).collect();
    let answer =
        raw(format!("GET /health HTTP/1.1\r\n{one_below}connection: close\r\n\r\n").as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Which of them counts would depend on who reads them: a proxy, a gateway, or this server.
#[test]
fn a_parameter_stands_once() {
    let server = Plan::with_keys().start();
    let table = [
        ("/api/stream", &["stream", "after", "events", "ticket"][..]),
        ("/api/events", &["stream", "after", "limit"]),
        ("/api/ws", &["ticket"]),
        ("/api/admin/ledger", &["stream"]),
    ];
    for (path, names) in table {
        for name in names {
            let twice = format!("{path}?{name}=events&other=1&{name}=events");
            let message = server.get(&twice, KEY_ADMIN).assert_error(400, "validation_error");
            assert!(message.contains(&format!("`{name}`")), "{message}");
        }
    }
    let encoded = server.get("/api/events?limit=1&%6Cimit=2", KEY_A);
    encoded.assert_error(400, "validation_error");
    assert_eq!(server.get("/api/events?other=1&other=2", KEY_A).status, 200);
}

#[test]
fn a_message_is_short_whatever_it_repeats() {
    let server = Plan::with_keys().start();
    let long = "ä".repeat(50_000);
    for body in [
        format!(r#"{{"event":"a","{long}":1}}"#),
        format!(r#"{{"event":"a","payload":{{"{long}":1,"{long}":2}}}}"#),
    ] {
        let message = server.publish(KEY_A, &body).assert_error(400, "validation_error");
        assert!((200..600).contains(&message.len()) && message.ends_with('…'), "{message}");
    }
}

#[test]
fn an_address_is_at_most_8_kib() {
    let server = Plan::with_keys().start();
    let path = |bytes: usize| format!("/api/events?{}", "a".repeat(bytes - "/api/events?".len()));
    assert_eq!(server.get(&path(8 << 10), KEY_A).status, 200);
    for bytes in [(8 << 10) + 1, 60_000] {
        server.get(&path(bytes), KEY_A).assert_error(414, "unsupported");
    }
    // Beyond what is read of a head at all, it no longer matters which part of it is too long.
    server.get(&path(1 << 20), KEY_A).assert_error(431, "unsupported");
}

#[test]
fn a_body_is_refused_by_its_stated_and_by_its_real_length() {
    let server = Plan::with_keys().set("TIDEGATE_BODY_BYTES_MAX", "2048").start();
    let body = |bytes: usize| {
        let frame = r#"{"event":"a","payload":{"x":""}}"#;
        frame.replace("\"\"", &format!("\"{}\"", "a".repeat(bytes - frame.len())))
    };
    assert_eq!(server.publish(KEY_A, &body(2048)).status, 201);
    server.publish(KEY_A, &body(2049)).assert_error(413, "too_large");
    assert_eq!(chunked(&server, &body(2048)).status, 201);
    chunked(&server, &body(2049)).assert_error(413, "too_large");
    chunked(&server, &body(1 << 20)).assert_error(413, "too_large");
    let stated = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\ncontent-length: 99999999999\r\n\r\n"
    );
    exchange(server.address, stated.as_bytes(), false).assert_error(413, "too_large");
    let page = server.get("/api/events", KEY_A).json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(2), "nothing else was stored");
}

/// A large refused body must not cost the publisher the reason.
#[test]
fn who_sends_far_too_much_still_reads_why() {
    let server = Plan::with_keys().start();
    for _ in 0..5 {
        let body = format!(r#"{{"event":"a","payload":{{"x":"{}"}}}}"#, "a".repeat(24 << 20));
        server.publish(KEY_A, &body).assert_error(413, "too_large");
        chunked(&server, &body).assert_error(413, "too_large");
    }
}

fn chunked(server: &Server, body: &str) -> Answer {
    let mut bytes = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for piece in body.as_bytes().chunks(1000) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    exchange(server.address, &bytes, false)
}

#[test]
fn a_body_is_plain_json() {
    let server = Plan::with_keys().start();
    let body = br#"{"event":"a"}"#;
    let post = || Request::post("/api/events").key(KEY_A).body(body);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"] {
        let answer = server.send(&post().header("content-type", kind));
        answer.assert_error(415, "unsupported");
    }
    for encoding in ["gzip", "br", "identity, gzip"] {
        let request = post().header("content-type", "application/json");
        let answer = server.send(&request.header("content-encoding", encoding));
        answer.assert_error(415, "unsupported");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let request = post().header("content-type", kind).header("content-encoding", "identity");
        assert_eq!(server.send(&request).status, 201, "{kind}");
    }
    assert_eq!(server.send(&post()).status, 201, "a publisher may leave the type out");
}

#[test]
fn a_request_id_is_echoed_where_it_is_usable() {
    let server = Plan::with_keys().start();
    let ask = |id: &str| server.send(&Request::get("/nowhere").header("x-request-id", id));
    for id in ["a", "trace-1:2/3", &"x".repeat(128)] {
        let answer = ask(id);
        assert_eq!(answer.header("x-request-id"), Some(id));
        answer.assert_error(404, "not_found");
    }
    for id in ["two words", "quo\"te", "back\\slash", &"x".repeat(129), "ümlaut"] {
        let answer = ask(id);
        answer.assert_error(404, "not_found");
        assert!(answer.header("x-request-id").is_some_and(|new| new.starts_with("req_")));
    }
    let first = server.get("/health", KEY_A);
    let second = server.get("/health", KEY_A);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}
