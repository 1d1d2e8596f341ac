//! A WebSocket client that knows what is on the wire: it writes masked frames, and takes nothing
//! from a server that RFC 6455 does not allow it.

mod frame;

use std::{
    io::{BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use serde_json::Value;

pub(crate) use self::frame::{
    BINARY, CLOSE, CONTINUATION, Frame, PING, TEXT, compressed, fragmented, masked, raw,
};
use super::{
    http::{Answer, connect, read_head},
    server::Server,
    wait::PATIENCE,
};

/// The key of RFC 6455, 1.3, and the answer that it gives there.
pub(crate) const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What the server writes in a message of this type, besides `type`; `?` may be absent.
const FIELDS: [(&str, &[&str]); 7] = [
    ("connected", &["orgId", "backend", "realtimeStatus"]),
    ("subscribed", &["stream", "resume", "replayed", "lastEventId"]),
    ("event", &["stream", "cursor", "envelope"]),
    ("gap", &["stream", "reason", "after", "resumes_at", "missed"]),
    ("ack", &["ref", "id", "cursor"]),
    ("error", &["ref?", "code", "message", "request_id"]),
    ("goodbye", &["reason", "retry_ms"]),
];

/// Returns the head of a request for a WebSocket.
pub(crate) fn handshake(path: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {NONCE}\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Ws {
    pub(crate) head: Answer,
    reader: BufReader<TcpStream>,
    /// Whether the server may send compressed messages.
    deflates: bool,
    bytes_read: usize,
}

impl Ws {
    /// Writes bytes that begin with a request, and reads the answer's head.
    pub(crate) fn after(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut stream = connect(address);
        stream.write_all(bytes).expect("a request is taken");
        Ws::over(BufReader::new(stream))
    }

    /// Goes on with a connection on which a WebSocket was asked for.
    pub(crate) fn over(mut reader: BufReader<TcpStream>) -> Self {
        let head = read_head(&mut reader);
        let deflates = head.header("sec-websocket-extensions").is_some();
        Ws { head, reader, deflates, bytes_read: 0 }
    }

    /// Asks for a WebSocket; whatever the answer is.
    pub(crate) fn try_open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Ws::after(address, handshake(path, headers).as_bytes())
    }

    /// Opens one that must open, and reads `connected`.
    pub(crate) fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut ws = Ws::try_open(server.address, path, headers);
        assert_eq!(ws.head.status, 101, "{path}: {:?}", ws.head);
        assert_eq!(ws.head.header("sec-websocket-accept"), Some(ACCEPT));
        ws.expect("connected");
        ws
    }

    /// Opens one with a key.
    pub(crate) fn of(server: &Server, key: &str) -> Self {
        Ws::open(server, "/api/ws", &[("x-api-key", key)])
    }

    /// Opens one with a key that follows its own stream from now on.
    pub(crate) fn following(server: &Server, key: &str) -> Self {
        let mut ws = Ws::of(server, key);
        ws.say(r#"{"type":"subscribe"}"#);
        assert_eq!(ws.expect("subscribed")["resume"], "fresh");
        ws
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.socket().write_all(bytes).expect("bytes are taken");
    }

    /// Sends a message of text.
    pub(crate) fn say(&self, text: &str) {
        self.write(&masked(TEXT, text.as_bytes()));
    }

    /// Publishes under a reference, without waiting.
    pub(crate) fn publish(&self, reference: u64, name: &str, n: u64) {
        self.say(&format!(
            r#"{{"type":"publish","ref":{reference},"event":"{name}","payload":{{"n":{n}}}}}"#
        ));
    }

    /// Reads the next frame; `None` at the end.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let (frame, bytes) = frame::read(&mut self.reader, self.deflates)?;
        self.bytes_read += bytes;
        Some(frame)
    }

    /// Returns how many bytes of payloads have come over the wire.
    pub(crate) fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    /// Reads up to the next message; pings are answered.
    pub(crate) fn message(&mut self) -> Value {
        // Heartbeats come for ever; a message that is due does not take so long.
        let until = Instant::now() + PATIENCE;
        loop {
            match self.frame() {
                Some(Frame::Text(text)) => return checked(&text),
                Some(Frame::Ping(payload)) => {
                    assert!(Instant::now() < until, "waited in vain for a message");
                    self.write(&masked(frame::PONG, &payload));
                }
                Some(Frame::Pong(_)) => {}
                other => panic!("the connection does not go on: {other:?}"),
            }
        }
    }

    /// Reads the next message, which must be of this type.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: &str) -> Value {
        let message = self.message();
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Reads the next message, which must be an error; returns its text.
    #[track_caller]
    pub(crate) fn expect_error(&mut self, reference: &Value, code: &str) -> String {
        let error = self.expect("error");
        assert_eq!((&error["code"], &error["ref"]), (&code.into(), reference), "{error}");
        assert!(error["request_id"].as_str().is_some_and(|id| id.starts_with("req_")), "{error}");
        error["message"].as_str().expect("a message is text").to_owned()
    }

    /// Reads this many events and returns the `n` of their payloads.
    pub(crate) fn numbers(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| number(&self.expect("event"))).collect()
    }

    /// Reads the close frame, which must be next, answers it, and waits for the end.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> u16 {
        let frame = self.frame();
        let Some(Frame::Close(code, _)) = frame else { panic!("no close frame: {frame:?}") };
        let code = code.expect("the server says why");
        self.write(&masked(CLOSE, &code.to_be_bytes()));
        self.wait_for_end();
        code
    }

    /// Closes from this side, and waits for the answer and the end.
    pub(crate) fn close(mut self) {
        self.write(&masked(CLOSE, &1000_u16.to_be_bytes()));
        loop {
            match self.frame() {
                Some(Frame::Close(code, _)) => {
                    assert_eq!(code, Some(1000));
                    return self.wait_for_end();
                }
                Some(_) => {}
                None => panic!("the close frame was not answered"),
            }
        }
    }

    /// Waits for the end of the connection, before which nothing more may come.
    pub(crate) fn wait_for_end(&mut self) {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "something came behind the close frame: {rest:?}"),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection did not end: {error}"),
        }
    }
}

/// Returns the `n` of an event's payload.
pub(crate) fn number(event: &Value) -> u64 {
    let n = &event["envelope"]["payload"]["n"];
    n.as_u64().unwrap_or_else(|| panic!("no number in {event}"))
}

/// Reads a message, which has the fields of its type and no other.
fn checked(text: &str) -> Value {
    let message: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"));
    let kind = message["type"].as_str().unwrap_or_default();
    let known = FIELDS.iter().find(|(name, _)| *name == kind);
    let (_, fields) = known.unwrap_or_else(|| panic!("no type of the contract: {text}"));
    let has = message.as_object().expect("it has fields");
    for field in has.keys().filter(|name| *name != "type") {
        let is_known = fields.iter().any(|known| known.trim_end_matches('?') == field);
        assert!(is_known, "`{field}` in {text}");
    }
    for field in fields.iter().filter(|name| !name.ends_with('?')) {
        assert!(has.contains_key(*field), "no `{field}` in {text}");
    }
    message
}
