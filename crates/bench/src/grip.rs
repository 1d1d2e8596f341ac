//! A backend for Pushpin: it lets every stream be held open (GRIP, <https://pushpin.org/docs/protocols/grip/>).
//!
//! It runs in this process, so that its work is not counted as the server's.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::net;

const BODY: &str = "event: connected\ndata: {}\n\n";

/// How long one request may take; it comes whole, from this machine.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(2);

const HEAD_BYTES_MAX: usize = 16 << 10;

/// The backend; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Backend {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Starts it.
    ///
    /// # Errors
    /// Fails where no port or thread can be had.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = net::listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let serve = move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                // A request that breaks off is asked for again, or its reader is missed.
                let _broken_off = stream.and_then(answer);
            }
        };
        let thread = thread::Builder::new().name("grip-backend".to_owned()).spawn(serve)?;
        Ok(Backend { address, end, thread: Some(thread) })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let _wakes_it = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIME_MAX))?;
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => head.extend_from_slice(&buffer[..read]),
        }
    }
    let text = String::from_utf8_lossy(&head);
    let channel = text.split_whitespace().nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    stream.write_all(hold(&channel).as_bytes())
}

fn hold(channel: &str) -> String {
    let length = BODY.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nGrip-Hold: stream\r\n\
         Grip-Channel: {channel}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{BODY}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_held_as_its_channel() {
        let backend = Backend::start().unwrap();
        for channel in ["a", "bench000001"] {
            let mut stream = TcpStream::connect(backend.address()).unwrap();
            write!(stream, "GET /{channel} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert_eq!(text, hold(channel));
        }
    }
}
