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
        let mut reader = BufReader::new(stream);
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

    /// Reads up to the next frame that carries an event.
    fn any_event(&mut self) -> Frame {
        loop {
            let frame = self.next().expect("the stream goes on");
            if frame.event.is_some() {
                return frame;
            }
        }
    }

    /// Reads how the stream begins.
    pub(crate) fn opening(&mut self) -> Frame {
        self.any_event()
    }

    /// Reads up to the next event that is no heartbeat.
    pub(crate) fn event(&mut self) -> Frame {
        loop {
            let frame = self.any_event();
            if !frame.is("ping") {
                return frame;
            }
        }
    }

    /// Reads to the end, before which only heartbeats may come.
    pub(crate) fn assert_end(&mut self) {
        while let Some(frame) = self.next() {
            assert!(frame.is("ping"), "it should end: {frame:?}");
        }
    }
}
