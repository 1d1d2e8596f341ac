//! An open stream of events, over either transport, as a reader takes it: message by message.

mod sse;
mod ws;

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use event::Position;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::field::KEY;

/// How long opening may take.
const OPEN: Duration = Duration::from_secs(10);

/// A small receive buffer, so that the server feels it when a reader stops reading.
const BUFFER_BYTES: u32 = 16 << 10;

/// No message of ours is larger.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// How events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transport {
    Sse,
    WebSocket,
}

impl Transport {
    pub(crate) fn other(self) -> Self {
        match self {
            Transport::Sse => Transport::WebSocket,
            Transport::WebSocket => Transport::Sse,
        }
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The stream begins; the place of its head where it is fresh.
    Begins {
        resume: String,
        last: Option<Position>,
    },
    Event {
        at: Position,
        json: Bytes,
    },
    Gap {
        reason: String,
        resumes_at: Position,
    },
    Goodbye(String),
    /// Nothing that a reader keeps.
    Other,
}

/// How a stream came to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("closed")]
    Closed,
    #[error("{0}")]
    Broken(#[from] io::Error),
    #[error("refused with {0}")]
    Refused(u16),
    /// No server of ours says this.
    #[error("nonsense: {0}")]
    Nonsense(String),
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    buffer: BytesMut,
    transport: Transport,
}

#[derive(Deserialize)]
struct Began {
    resume: String,
    #[serde(rename = "lastEventId")]
    last: Option<String>,
}

#[derive(Deserialize)]
struct GapData {
    reason: String,
    resumes_at: String,
}

impl Stream {
    /// Opens a stream after a place, or at the head.
    pub(crate) async fn open(
        address: SocketAddr,
        transport: Transport,
        after: Option<Position>,
    ) -> Result<Self, Ended> {
        let opening = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(BUFFER_BYTES)?;
            let mut socket = socket.connect(address).await?;
            let after = after.map(|after| after.to_string());
            let request = match transport {
                Transport::Sse => sse::request(KEY, after.as_deref()),
                Transport::WebSocket => ws::request(KEY),
            };
            socket.write_all(request.as_bytes()).await?;
            if let Transport::WebSocket = transport {
                socket.write_all(&ws::subscribe(after.as_deref())).await?;
            }
            let mut stream = Stream { socket, buffer: BytesMut::new(), transport };
            match (stream.status().await?, transport) {
                (200, Transport::Sse) | (101, Transport::WebSocket) => Ok(stream),
                (status, _) => Err(Ended::Refused(status)),
            }
        };
        let late = |_| Ended::Broken(io::ErrorKind::TimedOut.into());
        timeout(OPEN, opening).await.map_err(late)?
    }

    /// Reads the answer's head.
    async fn status(&mut self) -> Result<u16, Ended> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                let status = head.get(9..12).and_then(|text| std::str::from_utf8(text).ok());
                let nonsense = || Ended::Nonsense(String::from_utf8_lossy(&head).into_owned());
                return status.and_then(|text| text.parse().ok()).ok_or_else(nonsense);
            }
            self.fill().await?;
        }
    }

    /// Reads the next message. Cancel safe: what was read stays in the buffer.
    pub(crate) async fn next(&mut self) -> Result<Message, Ended> {
        loop {
            let found = match self.transport {
                Transport::Sse => sse::message(&mut self.buffer)?,
                Transport::WebSocket => match ws::frame(&mut self.buffer)? {
                    Some(ws::Frame::Text(text)) => Some(ws::message(&text)?),
                    Some(ws::Frame::Ping(payload)) => {
                        self.socket.write_all(&ws::pong(&payload)).await?;
                        Some(Message::Other)
                    }
                    Some(ws::Frame::Close) => return Err(Ended::Closed),
                    None => None,
                },
            };
            if let Some(message) = found {
                return Ok(message);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Ended> {
        if self.buffer.len() > MESSAGE_BYTES_MAX {
            return Err(Ended::Nonsense("a message without an end".into()));
        }
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err(Ended::Closed),
            _ => Ok(()),
        }
    }
}

fn position(text: &str) -> Result<Position, Ended> {
    text.parse().map_err(|_| Ended::Nonsense(format!("the cursor {text}")))
}

fn begins(json: &[u8]) -> Result<Message, Ended> {
    let began: Began = read(json)?;
    let last = began.last.as_deref().map(position).transpose()?;
    Ok(Message::Begins { resume: began.resume, last })
}

fn gap(json: &[u8]) -> Result<Message, Ended> {
    let gap: GapData = read(json)?;
    Ok(Message::Gap { reason: gap.reason, resumes_at: position(&gap.resumes_at)? })
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Ended> {
    let nonsense = |error| format!("{error} in {}", String::from_utf8_lossy(json));
    serde_json::from_slice(json).map_err(|error| Ended::Nonsense(nonsense(error)))
}

#[cfg(test)]
mod tests;
