//! A client that knows what is on the wire: it writes bytes and reads one answer.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use super::wait::PATIENCE;

/// A request on a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Request { method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.as_bytes())
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Returns its bytes; the connection ends with the answer.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method != "GET" {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("connection: close\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    pub(crate) fn send_to(&self, address: SocketAddr) -> Answer {
        exchange(address, &self.bytes())
    }

    /// Sends it where connections may break; nothing where no whole answer came.
    pub(crate) fn try_send_to(&self, address: SocketAddr) -> Option<Answer> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(&self.bytes()).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let mut answer = read_head(&mut BufReader::new(&*bytes));
        answer.body = bytes.split_off(end + 4);
        let length = answer.header("content-length").map(|text| text.parse());
        length.is_none_or(|length| length == Ok(answer.body.len())).then_some(answer)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text()))
    }

    /// Checks the one form of every error and returns its message.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str) -> String {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{text}");
        let body = self.json();
        let error = body["error"].as_object().expect("the body is an error");
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{text}");
        assert_eq!(error.len(), 3, "{text}");
        assert_eq!(error["code"], code, "{text}");
        assert_eq!(error["request_id"].as_str(), self.header("x-request-id"), "{text}");
        assert!(error["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{text}");
        let message = error["message"].as_str().expect("a message is text").to_owned();
        assert!(!message.is_empty(), "{text}");
        message
    }
}

/// Connects, with a time after which reading has failed.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream
}

/// Writes bytes on a new connection and reads one answer.
fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = connect(address);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    read_answer(&mut BufReader::new(stream))
}

/// Reads an answer's head: status and headers.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Answer {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let bytes = reader.read_line(&mut line).expect("an answer comes");
        assert!(bytes > 0, "the connection ended without an answer: {lines:?}");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let status = lines[0].split(' ').nth(1).and_then(|text| text.parse().ok());
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {lines:?}")),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: Vec::new(),
    }
}

/// Reads an answer whose length its head states, or which ends with the connection.
fn read_answer(reader: &mut impl BufRead) -> Answer {
    let mut answer = read_head(reader);
    // An event stream has no end that could be waited for.
    let is_stream = answer.header("content-type") == Some("text/event-stream");
    if is_stream || answer.status == 204 {
        return answer;
    }
    match answer.header("content-length").and_then(|text| text.parse().ok()) {
        Some(length) => {
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body).expect("the body comes");
        }
        None => {
            reader.read_to_end(&mut answer.body).expect("the body ends");
        }
    }
    answer
}
