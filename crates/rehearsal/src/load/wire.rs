//! An open stream, over either transport, as a reader takes it: message by message.

mod sse;
mod ws;

use std::{fmt, io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use event::Position;
use guard::Arm;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::record::Place;
use crate::http;

/// How long opening may take.
const OPEN: Duration = Duration::from_secs(10);

/// How long saying that one leaves may take.
const LEAVE: Duration = Duration::from_secs(1);

/// No head and no message of a server of ours is larger.
const BYTES_MAX: usize = 1 << 20;
const HEADERS_MAX: usize = 48;

/// How events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Sse,
    WebSocket,
}

/// What is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The organisation's events.
    Events,
    /// A thread of chat.
    Thread(String),
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The stream begins; the place of its head where it is fresh.
    Begins(Option<Place>),
    /// An envelope, or a message of chat.
    Event {
        place: Place,
        json: Bytes,
    },
    Gap {
        reason: String,
        resumes_at: Place,
    },
    Goodbye {
        retry_ms: u64,
    },
    /// Nothing that a reader keeps.
    Other,
}

/// How a stream came to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("closed")]
    Closed,
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// With the status, and after how many seconds to come again.
    #[error("refused with {status}")]
    Refused { status: u16, retry_after: Option<u64> },
    /// No server of ours says this.
    #[error("nonsense: {0}")]
    Nonsense(String),
}

/// Whom a stream is opened at, and as whom.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) router: SocketAddr,
    pub(super) key: String,
    pub(super) transport: Transport,
    pub(super) target: Target,
}

/// An open stream.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    buffer: BytesMut,
    transport: Transport,
    /// Which arm it is on, where the router says so.
    pub(super) arm: Option<Arm>,
}

/// What is read of a stream's beginning, in both transports.
#[derive(Deserialize)]
struct Began {
    #[serde(rename = "lastEventId")]
    last: Option<String>,
}

#[derive(Deserialize)]
struct GapData {
    reason: String,
    resumes_at: String,
}

#[derive(Deserialize)]
struct GoodbyeData {
    #[serde(default)]
    retry_ms: u64,
}

/// The head of an answer.
struct Head {
    status: u16,
    arm: Option<Arm>,
    retry_after: Option<u64>,
}

impl Stream {
    /// Opens a stream after a cursor, or at the head.
    pub(super) async fn open(way: &Way, after: Option<&str>) -> Result<Self, Ended> {
        let opening = async {
            let mut socket = TcpStream::connect(way.router).await?;
            let request = match way.transport {
                Transport::Sse => sse::request(way, after),
                Transport::WebSocket => ws::request(way),
            };
            socket.write_all(request.as_bytes()).await?;
            let (buffer, transport) = (BytesMut::new(), way.transport);
            let mut stream = Stream { socket, buffer, transport, arm: None };
            let head = stream.head().await?;
            stream.arm = head.arm;
            match (head.status, transport) {
                (200, Transport::Sse) => Ok(stream),
                (101, Transport::WebSocket) => {
                    stream.socket.write_all(&ws::subscribe(after)).await?;
                    Ok(stream)
                }
                (status, _) => Err(Ended::Refused { status, retry_after: head.retry_after }),
            }
        };
        let late = |_| Ended::Broken(io::ErrorKind::TimedOut.into());
        timeout(OPEN, opening).await.map_err(late)?
    }

    async fn head(&mut self) -> Result<Head, Ended> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut head = httparse::Response::new(&mut headers);
            let parsed = head.parse(&self.buffer);
            let parsed = parsed.map_err(|error| Ended::Nonsense(error.to_string()))?;
            if let httparse::Status::Complete(length) = parsed {
                let value = |name: &str| {
                    let mut headers = head.headers.iter();
                    let header = headers.find(|it| it.name.eq_ignore_ascii_case(name))?;
                    std::str::from_utf8(header.value).ok()
                };
                let read = Head {
                    status: head.code.unwrap_or_default(),
                    arm: value(http::ARM).and_then(http::arm_of),
                    retry_after: value("retry-after").and_then(|text| text.parse().ok()),
                };
                let _head = self.buffer.split_to(length);
                return Ok(read);
            }
            self.fill().await?;
        }
    }

    /// Reads the next message. Cancel safe: what was read stays in the buffer.
    pub(super) async fn next(&mut self) -> Result<Message, Ended> {
        loop {
            let found = match self.transport {
                Transport::Sse => sse::message(&mut self.buffer)?,
                Transport::WebSocket => match ws::frame(&mut self.buffer)? {
                    Some(ws::Incoming::Text(text)) => Some(ws::message(&text)?),
                    Some(ws::Incoming::Ping(payload)) => {
                        self.socket.write_all(&ws::pong(payload)).await?;
                        Some(Message::Other)
                    }
                    Some(ws::Incoming::Close) => return Err(Ended::Closed),
                    None => None,
                },
            };
            match found {
                Some(message) => return Ok(message),
                None => self.fill().await?,
            }
        }
    }

    /// Leaves as a client does: over a WebSocket it says so first.
    pub(super) async fn leave(mut self) {
        if self.transport == Transport::WebSocket {
            // Where that can't be said, it is gone all the same.
            let _said = timeout(LEAVE, self.socket.write_all(&ws::close())).await;
        }
    }

    async fn fill(&mut self) -> Result<(), Ended> {
        if self.buffer.len() > BYTES_MAX {
            return Err(Ended::Nonsense("a message without an end".into()));
        }
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err(Ended::Closed),
            _ => Ok(()),
        }
    }
}

impl Way {
    /// Returns the path and the headers that every request has.
    fn head(&self, of_thread: &str, of_events: &str) -> String {
        let path = match &self.target {
            Target::Events => of_events.to_owned(),
            Target::Thread(id) => format!("/v1/chat/threads/{id}/messages/{of_thread}"),
        };
        let key = &self.key;
        format!("GET {path} HTTP/1.1\r\nhost: rehearsal\r\nx-api-key: {key}\r\n")
    }
}

impl fmt::Debug for Way {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?} at {}", self.transport, self.target, self.router)
    }
}

fn place(cursor: &str) -> Result<Place, Ended> {
    let position: Position =
        cursor.parse().map_err(|_| Ended::Nonsense(format!("the cursor {cursor}")))?;
    Ok(Place { cursor: cursor.to_owned(), seq: position.seq.0 })
}

fn begins(json: &[u8]) -> Result<Message, Ended> {
    let began: Began = read(json)?;
    Ok(Message::Begins(began.last.as_deref().map(place).transpose()?))
}

fn gap(json: &[u8]) -> Result<Message, Ended> {
    let gap: GapData = read(json)?;
    Ok(Message::Gap { resumes_at: place(&gap.resumes_at)?, reason: gap.reason })
}

fn goodbye(json: &[u8]) -> Result<Message, Ended> {
    let GoodbyeData { retry_ms } = read(json)?;
    Ok(Message::Goodbye { retry_ms })
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Ended> {
    serde_json::from_slice(json).map_err(|error| Ended::Nonsense(error.to_string()))
}

#[cfg(test)]
mod tests;
