//! Requests, as chat's routes want them. Pure.

use super::cast;
use crate::{args::Transport, server::Opening, ws};

const THREADS: &str = "/v1/chat/threads";

/// How many messages are read at one time, as many as the server gives.
pub(super) const PAGE: u64 = 200;

fn post(path: &str, author: usize, more: &str, body: &str) -> Vec<u8> {
    let (key, length) = (cast::key(author), body.len());
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\n{more}content-type: \
         application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Makes a thread.
pub(super) fn make_thread(author: usize) -> Vec<u8> {
    post(THREADS, author, "", r#"{"scope_id":"bench","privacy_level":"public"}"#)
}

/// Joins one.
pub(super) fn join(thread: &str, author: usize) -> Vec<u8> {
    post(&format!("{THREADS}/{thread}/join"), author, "", "{}")
}

/// Sends a message, whose text needs no escapes.
pub(super) fn send(thread: &str, author: usize, text: &str, request_id: Option<&str>) -> Vec<u8> {
    let id = request_id.map(|id| format!("idempotency-key: {id}\r\n")).unwrap_or_default();
    let path = format!("{THREADS}/{thread}/messages/send");
    post(&path, author, &id, &format!(r#"{{"body":"{text}"}}"#))
}

/// Reads the messages after a number.
pub(super) fn page(thread: &str, after: u64) -> Vec<u8> {
    let key = cast::reader_key();
    format!(
        "GET {THREADS}/{thread}/messages?after={after}&limit={PAGE} HTTP/1.1\r\nhost: \
         bench\r\nx-api-key: {key}\r\n\r\n"
    )
    .into_bytes()
}

/// Opens a thread as it goes on.
pub(super) fn open(thread: &str, transport: Transport) -> Opening {
    let key = cast::reader_key();
    let head = |route: &str| {
        format!(
            "GET {THREADS}/{thread}/messages/{route} HTTP/1.1\r\nhost: bench\r\nx-api-key: \
             {key}\r\n"
        )
    };
    match transport {
        Transport::Sse => Opening::sse(format!("{}\r\n", head("stream")), "event: ping"),
        Transport::Ws => {
            let request = format!("{}{}\r\n", head("ws"), ws::UPGRADE);
            Opening::ws(request, None, r#""type":"subscribed""#)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: &[u8], parts: &[&str]) {
        let text = String::from_utf8_lossy(request);
        parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    }

    #[test]
    fn requests_say_who_wants_what() {
        let author = "x-api-key: bench-key-of-author-3\r\n";
        check(&make_thread(3), &["POST /v1/chat/threads HTTP/1.1\r\n", author, "\r\n\r\n{"]);
        check(&join("t", 3), &["/v1/chat/threads/t/join", "content-length: 2\r\n\r\n{}"]);
        let sent = send("t", 3, "hello", Some("r-1"));
        check(
            &sent,
            &["/t/messages/send", author, "idempotency-key: r-1\r\n", r#"{"body":"hello"}"#],
        );
        let plain = send("t", 3, "hello", None);
        assert!(!String::from_utf8_lossy(&plain).contains("idempotency"));
        let reader = "x-api-key: bench-key-of-reader\r\n\r\n";
        check(&page("t", 7), &["GET /v1/chat/threads/t/messages?after=7&limit=200 ", reader]);
        check(&open("t", Transport::Sse).request, &["/t/messages/stream ", reader]);
        let ws = open("t", Transport::Ws);
        check(&ws.request, &["/t/messages/ws ", "upgrade: websocket\r\n"]);
        assert_eq!((ws.status, ws.request.ends_with(b"\r\n\r\n")), (101, true));
    }
}
