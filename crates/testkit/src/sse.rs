//! A reader of an event stream, by the rules of the standard.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::http::{Answer, connect, read_head};

/// One block of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its place.
    pub id: Option<String>,
    /// Its kind.
    pub event: Option<String>,
    /// What it carries.
    pub data: Option<String>,
    /// How long to wait before a reconnect, in milliseconds.
    pub retry: Option<u32>,
    /// What is no field.
    pub comment: Option<String>,
}

impl Frame {
    /// Returns its data as JSON.
    pub fn json(&self) -> Value {
        let data = self.data.as_deref().expect("the frame has data");
        serde_json::from_str(data).expect("data is JSON")
    }

    /// Returns whether it is of this kind.
    pub fn is(&self, event: &str) -> bool {
        self.event.as_deref() == Some(event)
    }

    /// Returns its place.
    pub fn cursor(&self) -> &str {
        self.id.as_deref().expect("the frame has an id")
    }

    fn add(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "" => self.comment = Some(value),
            "id" => self.id = Some(value),
            "event" => self.event = Some(value),
            "retry" => self.retry = value.parse().ok(),
            "data" => {
                assert!(self.data.is_none(), "data is on one line");
                self.data = Some(value);
            }
            other => panic!("no field of the standard: {other}"),
        }
    }
}

/// An open event stream.
#[derive(Debug)]
pub struct Sse {
    /// The answer's head.
    pub head: Answer,
    reader: BufReader<TcpStream>,
}

impl Sse {
    /// Opens a stream; whatever the answer is.
    pub fn try_open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = connect(address);
        let mut head = format!("GET {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("a request is taken");
        Sse::over(BufReader::new(stream))
    }

    /// Goes on with a connection on which a stream was asked for.
    pub fn over(mut reader: BufReader<TcpStream>) -> Self {
        let head = read_head(&mut reader);
        Sse { head, reader }
    }

    /// Opens a stream that must open.
    pub fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let stream = Sse::try_open(address, path, headers);
        assert_eq!(stream.head.status, 200, "{path}: {:?}", stream.head);
        stream
    }

    /// Reads up to the next frame that carries an event, a `ping` too.
    pub fn opening(&mut self) -> Frame {
        loop {
            let frame = self.next().expect("the stream goes on");
            if frame.event.is_some() {
                return frame;
            }
        }
    }

    /// Reads up to the next event that is no heartbeat.
    pub fn event(&mut self) -> Frame {
        loop {
            let frame = self.opening();
            if !frame.is("ping") {
                return frame;
            }
        }
    }

    /// Reads to the end, before which only heartbeats may come.
    pub fn assert_end(&mut self) {
        for frame in self.by_ref() {
            assert!(frame.is("ping"), "it should end: {frame:?}");
        }
    }

    /// Reads `retry:` and `connected`, and returns what `connected` says.
    pub fn connected(&mut self) -> Value {
        let retry = self.next().expect("the stream begins");
        assert!((1000..=5000).contains(&retry.retry.expect("it begins with retry")), "{retry:?}");
        let connected = self.next().expect("the stream says how it begins");
        assert!(connected.is("connected"), "{connected:?}");
        connected.json()
    }

    /// Reads this many events and returns the `n` of their payloads.
    pub fn numbers(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| number(&self.event())).collect()
    }

    /// Returns the connection.
    pub fn socket(&self) -> &TcpStream {
        self.reader.get_ref()
    }
}

impl Iterator for Sse {
    type Item = Frame;

    /// Reads the next frame; `None` at the end.
    fn next(&mut self) -> Option<Frame> {
        let mut frame = Frame::default();
        let mut lines = 0;
        loop {
            let mut line = String::new();
            match self.reader.read_line(&mut line) {
                Ok(0) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Ok(_) => {}
                Err(error) => panic!("no frame came: {error}"),
            }
            match line.trim_end_matches('\n') {
                "" if lines > 0 => return Some(frame),
                "" => {}
                line => {
                    lines += 1;
                    frame.add(line);
                }
            }
        }
    }
}

/// Returns the `n` of an event's payload.
pub fn number(frame: &Frame) -> u64 {
    let envelope = frame.json();
    envelope["payload"]["n"].as_u64().unwrap_or_else(|| panic!("no number in {frame:?}"))
}
