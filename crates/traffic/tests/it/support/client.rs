//! Requests as clients send them.

use std::net::SocketAddr;

use guard::Arm;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use traffic::haproxy::{ARM_HEADER, arm_named};

use super::wait::PATIENCE;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Which arm says that it answered.
    pub(crate) arm: Option<Arm>,
}

/// A stream that is open.
pub(crate) struct Stream {
    pub(crate) answer: Answer,
    connection: BufReader<TcpStream>,
}

/// Sends a request with one more header line; returns the head of the answer.
pub(crate) async fn ask(to: SocketAddr, path: &str, header: &str) -> Answer {
    timeout(PATIENCE, open(to, path, header, "close")).await.unwrap().answer
}

/// Sends a request with a key.
pub(crate) async fn get(to: SocketAddr, key: &str, path: &str) -> Answer {
    ask(to, path, &format!("x-api-key: {key}")).await
}

/// Opens a stream with a key.
pub(crate) async fn stream(to: SocketAddr, key: &str) -> Stream {
    let header = format!("x-api-key: {key}");
    timeout(PATIENCE, open(to, "/stream", &header, "keep-alive")).await.unwrap()
}

/// Opens a WebSocket with a key.
pub(crate) async fn websocket(to: SocketAddr, key: &str) -> Stream {
    let header = format!(
        "x-api-key: {key}\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
    );
    timeout(PATIENCE, open(to, "/ws", &header, "upgrade")).await.unwrap()
}

async fn open(to: SocketAddr, path: &str, header: &str, connection: &str) -> Stream {
    let mut stream = BufReader::new(TcpStream::connect(to).await.unwrap());
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: edge\r\n{header}\r\nconnection: {connection}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Answer { status: 0, arm: None };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim_end();
        if line.is_empty() {
            return Stream { answer, connection: stream };
        }
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            answer.status = rest.split(' ').next().unwrap().parse().unwrap();
        }
        if let Some((ARM_HEADER, value)) = line.split_once(": ") {
            answer.arm = arm_named(value);
        }
    }
}

impl Stream {
    /// Waits until the other side ends it.
    pub(crate) async fn wait_for_end(mut self) {
        let mut rest = Vec::new();
        // A stream that is cut off ends with an error or without.
        let _ = timeout(PATIENCE, self.connection.read_to_end(&mut rest)).await.unwrap();
    }

    /// Returns whether it is open still, as far as this side knows.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut byte = [0; 1_024];
        loop {
            match self.connection.get_ref().try_read(&mut byte) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
    }
}
