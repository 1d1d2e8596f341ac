//! A reader of an event stream, by the rules of the standard.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use super::http::{Answer, connect, read_head};

/// One block of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<u32>,
    pub(crate) comment: Option<String>,
}

impl Frame {
    pub(crate) fn json(&self) -> Value {
        let data = self.data.as_deref().expect("the frame has data");
        serde_json::from_str(data).expect("data is JSON")
    }

    pub(crate) fn is(&self, event: &str) -> bool {
        self.event.as_deref() == Some(event)
    }

    pub(crate) fn cursor(&self) -> &str {
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
pub(crate) struct Sse {
    pub(crate) head: Answer,
    reader: BufReader<TcpStream>,
}

impl Sse {
    /// Opens a stream; whatever the answer is.
    pub(crate) fn try_open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
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
    pub(crate) fn over(mut reader: BufReader<TcpStream>) -> Self {
        let head = read_head(&mut reader);
        Sse { head, reader }
    }

    /// Opens a stream that must open.
    pub(crate) fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let stream = Sse::try_open(address, path, headers);
        assert_eq!(stream.head.status, 200, "{path}: {:?}", stream.head);
        stream
    }

    /// Reads the next frame; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Frame> {
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

    /// Reads up to the next frame that carries an event; heartbeats are left out.
    pub(crate) fn event(&mut self) -> Frame {
        loop {
            let frame = self.next().expect("the stream goes on");
            if frame.event.is_some() {
                return frame;
            }
        }
    }

    /// Reads `retry:` and `connected`, and returns what `connected` says.
    pub(crate) fn connected(&mut self) -> Value {
        let retry = self.next().expect("the stream begins");
        assert!((1000..=5000).contains(&retry.retry.expect("it begins with retry")), "{retry:?}");
        let connected = self.next().expect("the stream says how it begins");
        assert!(connected.is("connected"), "{connected:?}");
        connected.json()
    }

    /// Reads this many events and returns the `n` of their payloads.
    pub(crate) fn numbers(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| number(&self.event())).collect()
    }

    /// Returns the connection.
    pub(crate) fn socket(&self) -> &TcpStream {
        self.reader.get_ref()
    }
}

/// Returns the `n` of an event's payload.
pub(crate) fn number(frame: &Frame) -> u64 {
    let envelope = frame.json();
    envelope["payload"]["n"].as_u64().unwrap_or_else(|| panic!("no number in {frame:?}"))
}
