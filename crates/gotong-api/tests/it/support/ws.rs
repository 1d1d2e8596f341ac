//! A WebSocket's client.

use std::{
    io::{BufReader, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};
use tungstenite::{
    Message, WebSocket,
    protocol::{CloseFrame, Role},
};

use super::http::{Answer, connect, read_head};

/// An open WebSocket.
pub(crate) struct Ws(WebSocket<TcpStream>);

impl Ws {
    /// Opens one with a key; the status where that is refused.
    pub(crate) fn try_open(address: SocketAddr, path: &str, key: &str) -> Result<Self, u16> {
        let (stream, answer) = Ws::ask(address, path, key);
        match answer.status {
            101 => Ok(Ws(WebSocket::from_raw_socket(stream, Role::Client, None))),
            status => Err(status),
        }
    }

    /// Asks for one that compresses, and returns how that is answered.
    pub(crate) fn head(address: SocketAddr, path: &str, key: &str) -> Answer {
        let offer = format!("{key}\r\nsec-websocket-extensions: permessage-deflate");
        Ws::ask(address, path, &offer).1
    }

    fn ask(address: SocketAddr, path: &str, key: &str) -> (TcpStream, Answer) {
        let mut stream = connect(address);
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nx-api-key: {key}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a request is taken");
        // Byte by byte: what follows the head is frames.
        let answer = read_head(&mut BufReader::with_capacity(1, &stream));
        (stream, answer)
    }

    /// Opens one that must open.
    pub(crate) fn open(address: SocketAddr, path: &str, key: &str) -> Self {
        Ws::try_open(address, path, key).unwrap_or_else(|status| panic!("{path}: {status}"))
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).expect("it is taken");
    }

    /// Returns the next message, or how the connection was closed.
    pub(crate) fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            match self.0.read().expect("a message comes") {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Message::Close(frame) => return Err(frame),
                _ => {}
            }
        }
    }

    /// Waits for the server's next ping.
    pub(crate) fn next_ping(&mut self) {
        while !matches!(self.0.read().expect("a frame comes"), Message::Ping(_)) {}
    }

    /// Waits for the next frame, and returns whether the connection ended without one.
    pub(crate) fn is_cut(&mut self) -> bool {
        self.0.read().is_err()
    }

    /// Returns the next message of a type, passing over others.
    pub(crate) fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().unwrap_or_else(|closed| panic!("closed: {closed:?}"));
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Sends a message to the thread and returns what is answered.
    pub(crate) fn send(&mut self, reference: u64, body: &str, request_id: &str) -> Value {
        self.say(&json!({
            "type": "send", "ref": reference, "body": body, "request_id": request_id,
        }));
        loop {
            let message = self.next().unwrap_or_else(|closed| panic!("closed: {closed:?}"));
            if message["ref"] == reference {
                return message;
            }
        }
    }
}
