//! A client that knows what is on the wire: it writes bytes and reads one answer.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::wait::PATIENCE;

/// A request on a connection of its own.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Returns one without headers or a body.
    pub fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Request { method, path, headers: Vec::new(), body: Vec::new() }
    }

    /// Returns a GET.
    pub fn get(path: &str) -> Self {
        Request::new("GET", path)
    }

    /// Returns a POST.
    pub fn post(path: &str) -> Self {
        Request::new("POST", path)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Adds a key.
    pub fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    /// Adds a token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets a body that is JSON.
    pub fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.as_bytes())
    }

    /// Sets a body.
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Returns its bytes; the connection ends with the answer.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || ["POST", "PUT", "PATCH", "DELETE"].contains(&&*self.method) {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("connection: close\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it, and returns the answer.
    ///
    /// # Panics
    /// Panics where no whole answer comes.
    pub fn send_to(&self, address: SocketAddr) -> Answer {
        exchange(address, &self.bytes(), self.method == "HEAD")
    }

    /// Sends it where connections may break; nothing where no whole answer came.
    pub fn try_send_to(&self, address: SocketAddr) -> Option<Answer> {
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
pub struct Answer {
    /// The code of its first line.
    pub status: u16,
    /// Its headers, in their order.
    pub headers: Vec<(String, String)>,
    /// What came behind its head.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// Panics where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text()))
    }

    /// Checks the one form of every error and returns its message.
    ///
    /// # Panics
    /// Panics where it has another form.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str) -> String {
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
///
/// # Panics
/// Panics where that fails.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream
}

/// Writes bytes on a new connection and reads one answer.
///
/// # Panics
/// Panics where that fails.
pub fn exchange(address: SocketAddr, bytes: &[u8], is_head: bool) -> Answer {
    let mut stream = connect(address);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    read_answer(&mut BufReader::new(stream), is_head)
}

/// Reads an answer's head: status and headers.
///
/// # Panics
/// Panics where that fails.
pub fn read_head(reader: &mut impl BufRead) -> Answer {
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
///
/// # Panics
/// Panics where that fails.
pub fn read_answer(reader: &mut impl BufRead, is_head: bool) -> Answer {
    let mut answer = read_head(reader);
    // An event stream has no end that could be waited for.
    let is_stream = answer.header("content-type") == Some("text/event-stream");
    if is_head || is_stream || answer.status == 204 {
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

/// Waits for the peer's end of a connection; what it still sent is thrown away.
///
/// # Panics
/// Panics where that fails.
pub fn wait_for_end(mut stream: impl Read) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the connection did not end: {error}"),
        }
    }
}
