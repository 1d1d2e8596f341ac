//! Which requests are opened on the fast path.

use super::{HEADERS_MAX, parse};

#[test]
fn only_the_ordinary_request_takes_the_fast_path() {
    let check = |text: &str, expected: bool| {
        assert_eq!(parse(text.as_bytes()).is_some(), expected, "{text:?}");
    };
    let plain = "host: a\r\nx-api-key: k\r\n\r\n";
    check(&format!("GET /api/stream HTTP/1.1\r\n{plain}"), true);
    check(&format!("GET /api/stream?after=1-2 HTTP/1.0\r\n{plain}"), true);
    check(&format!("GET /api/ws HTTP/1.1\r\nupgrade: websocket\r\n{plain}"), true);
    check(&format!("GET /api/ws HTTP/1.1\r\norigin: https://a.example\r\n{plain}"), true);
    check(&format!("GET /api/stream HTTP/1.1\r\nupgrade: websocket\r\n{plain}"), false);
    check(&format!("GET /api/wss HTTP/1.1\r\nupgrade: websocket\r\n{plain}"), false);
    for line in [
        "GET /api/stream/ticket HTTP/1.1",
        "GET /api/streams HTTP/1.1",
        "POST /api/stream HTTP/1.1",
        "HEAD /api/stream HTTP/1.1",
        "GET /api/stream?ticket=x HTTP/1.1",
        "GET /api/stream HTTP/2.0",
        "GET /api/stream",
    ] {
        check(&format!("{line}\r\n{plain}"), false);
    }
    for header in
        ["content-length: 0", "expect: 100-continue", "origin: https://a.example", "trailer: x"]
    {
        check(&format!("GET /api/stream HTTP/1.1\r\n{header}\r\n{plain}"), false);
    }
    let many = "a: b\r\n".repeat(HEADERS_MAX + 1);
    check(&format!("GET /api/stream HTTP/1.1\r\n{many}\r\n"), false);
    check("GET /api/stream HTTP/1.1\r\nbad header: x\r\n\r\n", false);
}
