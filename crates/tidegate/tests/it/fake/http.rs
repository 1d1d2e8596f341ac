//! The fake server's HTTP: requests in, answers and streams out.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use event::Position;

use super::{
    Fault, Shared,
    feed::{Next, next},
    log::place,
};

/// A request.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// Returns method and path.
    pub(super) fn target(&self) -> (&str, &str) {
        let mut words = self.head.split_whitespace();
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        (method, path.split('?').next().unwrap_or_default())
    }

    /// Returns a header; names are compared without case.
    pub(super) fn header(&self, wanted: &str) -> Option<String> {
        let named = |line: &str| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        };
        self.head.lines().find_map(named)
    }

    fn after(&self) -> Option<String> {
        let path = self.head.split_whitespace().nth(1)?;
        let query = path.split_once("after=").map(|(_, value)| value);
        self.header("last-event-id").or(query.map(ToOwned::to_owned))
    }
}

/// Reads one request.
pub(super) fn read(socket: &TcpStream) -> io::Result<Request> {
    let mut input = BufReader::with_capacity(1 << 20, socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut request = Request { head, body: String::new() };
    let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    request.body = String::from_utf8(body).unwrap();
    Ok(request)
}

/// Writes an answer.
pub(super) fn answer(mut socket: &TcpStream, status: u16, body: &str) -> io::Result<()> {
    let retry = if status == 503 { "retry-after: 0\r\n" } else { "" };
    let length = body.len();
    write!(socket, "HTTP/1.1 {status} X\r\n{retry}content-length: {length}\r\n\r\n{body}")
}

/// Writes a stream until it ends or its life does.
pub(super) fn stream(
    shared: &Shared,
    mut socket: &TcpStream,
    request: &Request,
    life: u32,
) -> io::Result<()> {
    let (chunked, refused) = {
        let log = shared.state.lock().unwrap();
        (log.has(Fault::Chunked), log.has(Fault::Unauthorized))
    };
    if refused {
        let body = r#"{"error":{"code":"unauthorized","message":"no such key","request_id":"r"}}"#;
        return answer(socket, 401, body);
    }
    let coding = if chunked { "transfer-encoding: chunked\r\n" } else { "" };
    write!(socket, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{coding}\r\n")?;
    let mut out = Out { socket, chunked };
    let after = request.after().and_then(|text| text.parse::<Position>().ok());
    let mut sent = match after {
        Some(after) => usize::try_from(after.seq.0).unwrap(),
        None => shared.state.lock().unwrap().events.len(),
    };
    out.write(&format!("retry: 20\n\nid: {}\nevent: connected\ndata: {{}}\n\n", place(sent)))?;
    let first = sent;
    loop {
        let next = {
            let mut log = shared.state.lock().unwrap();
            while log.events.len() == sent && log.life == life {
                log = shared.changed.wait_timeout(log, Duration::from_secs(10)).unwrap().0;
            }
            if log.life != life || log.has(Fault::Cut) && sent >= first + 2 {
                return Ok(());
            }
            next(&mut log, &mut sent)
        };
        out.write(&frames(&next))?;
    }
}

/// Writes what is sent next as frames of an event stream.
fn frames(next: &[Next]) -> String {
    let frame = |next: &Next| match next {
        Next::Event(position, json) => format!("id: {position}\nevent: a.b\ndata: {json}\n\n"),
        Next::Gap(resumes_at, data) => format!("id: {resumes_at}\nevent: gap\ndata: {data}\n\n"),
    };
    next.iter().map(frame).collect()
}

struct Out<'a> {
    socket: &'a TcpStream,
    chunked: bool,
}

impl Out<'_> {
    fn write(&mut self, text: &str) -> io::Result<()> {
        if !self.chunked {
            return self.socket.write_all(text.as_bytes());
        }
        for piece in text.as_bytes().chunks(7) {
            write!(self.socket, "{:x}\r\n", piece.len())?;
            self.socket.write_all(piece)?;
            self.socket.write_all(b"\r\n")?;
        }
        Ok(())
    }
}
