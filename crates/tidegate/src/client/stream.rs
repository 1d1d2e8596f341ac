//! One open stream of Server-Sent Events, as bytes.
//!
//! `http://` goes over a bare socket: an audit reads many hundred streams on the machine that also
//! runs the server, and what the reader costs is what is left for it. `https://` takes the
//! ordinary client.

use std::{io, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};

use super::{
    head::{self, Body, HEAD_BYTES_MAX, Head},
    refusal::Refusal,
};
use crate::target::Target;

/// How long connecting and the head of the answer may take.
const OPEN_TIME_MAX: Duration = Duration::from_secs(15);

/// A segment's size on an ordinary network. Loopback's is 64 KiB: with a small receive buffer that
/// is more than the window ever is, and the sender falls back on its timer for each segment.
const ETHERNET_MSS: u32 = 1448;

/// How much of an error's body is read.
const ERROR_BODY_MAX: usize = 16 << 10;

/// What to read, and from where on.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamRequest {
    /// The query, encoded, without `?`.
    pub(crate) query: String,
    /// The cursor of an earlier stream.
    pub(crate) last_event_id: Option<String>,
    /// The size of the socket's receive buffer, where it is not to be the system's.
    pub(crate) receive_buffer: Option<u32>,
}

/// An open stream.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Over a bare socket.
    Plain(Box<Plain>),
    /// Through the ordinary client.
    Tls(reqwest::Response),
}

/// A stream over a bare socket.
#[derive(Debug)]
pub(crate) struct Plain {
    socket: TcpStream,
    body: Body,
    buffer: Vec<u8>,
    /// What came with the head and was not handed on yet, from the buffer's beginning.
    ready: usize,
}

impl Stream {
    /// Opens a stream.
    ///
    /// # Errors
    /// Fails where the server can't be reached, or answers with anything but an event stream.
    pub(crate) async fn open(
        target: &Target,
        api: &super::Api,
        request: &StreamRequest,
    ) -> Result<Self, Refusal> {
        let url = target.shown();
        let opened = timeout(OPEN_TIME_MAX, async {
            if target.base().scheme() == "https" {
                return api.open_stream(request).await.map(Stream::Tls);
            }
            Plain::open(target, request).await.map(|plain| Stream::Plain(Box::new(plain)))
        });
        opened.await.unwrap_or_else(|_| Err(Refusal::timed_out(url)))
    }

    /// Waits for bytes and hands them on; returns whether more may come.
    ///
    /// # Errors
    /// Fails where the connection breaks.
    ///
    /// # Cancel safety
    /// Nothing is lost: bytes are handed on in the same poll in which they are taken.
    pub(crate) async fn read(&mut self, mut on: impl FnMut(&[u8])) -> io::Result<bool> {
        match self {
            Stream::Plain(plain) => plain.read(on).await,
            Stream::Tls(response) => match response.chunk().await {
                Ok(Some(bytes)) => {
                    on(&bytes);
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }
}

impl Plain {
    async fn open(target: &Target, request: &StreamRequest) -> Result<Self, Refusal> {
        let url = target.shown();
        let unreachable = |error: io::Error| Refusal::unreachable(url, error);
        let mut socket = connect(target, request).await.map_err(unreachable)?;
        socket.write_all(asked(target, request).as_bytes()).await.map_err(unreachable)?;
        let mut buffer = vec![0; HEAD_BYTES_MAX];
        let mut filled = 0;
        let head = loop {
            let read = socket.read(&mut buffer[filled..]).await.map_err(unreachable)?;
            if read == 0 {
                return Err(unreachable(io::ErrorKind::UnexpectedEof.into()));
            }
            filled += read;
            let garbled = |e: io::Error| Refusal::Garbled { url: url.into(), what: e.to_string() };
            if let Some(head) = head::parse(&buffer[..filled]).map_err(garbled)? {
                break head;
            }
        };
        buffer.copy_within(head.length..filled, 0);
        let ready = filled - head.length;
        let Head { status, content_type, retry_after, body, .. } = head;
        let mut plain = Plain { socket, body, buffer, ready };
        if status != 200 {
            let text = plain.error_body().await;
            return Err(Refusal::from_answer(status, retry_after.as_deref(), &text));
        }
        if !content_type.starts_with("text/event-stream") {
            let what = format!("`{content_type}` instead of an event stream");
            return Err(Refusal::Garbled { url: url.to_owned(), what });
        }
        Ok(plain)
    }

    async fn read(&mut self, on: impl FnMut(&[u8])) -> io::Result<bool> {
        let mut came = std::mem::take(&mut self.ready);
        if came == 0 {
            came = self.socket.read(&mut self.buffer).await?;
            if came == 0 {
                return Ok(false);
            }
        }
        self.body.take(&self.buffer[..came], on)
    }

    /// Reads what an error says about itself, as far as it comes.
    async fn error_body(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while text.len() < ERROR_BODY_MAX && !matches!(self.body, Body::Length(0)) {
            match self.read(|bytes| text.extend_from_slice(bytes)).await {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            }
        }
        text
    }
}

async fn connect(target: &Target, request: &StreamRequest) -> io::Result<TcpStream> {
    let host = target.base().host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = target.base().port_or_known_default().unwrap_or(80);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = request.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
            SockRef::from(&socket).set_tcp_mss(ETHERNET_MSS)?;
        }
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes the request's head.
fn asked(target: &Target, request: &StreamRequest) -> String {
    let base = target.base();
    let path = base.path().trim_end_matches('/');
    let host = base.host_str().unwrap_or_default();
    let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (name, value) = target.credential.header();
    let resume = request.last_event_id.as_ref();
    let resume = resume.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
    format!(
        "GET {path}{} HTTP/1.1\r\nhost: {host}{port}\r\naccept: text/event-stream\r\n\
         cache-control: no-store\r\nuser-agent: tidegate/{}\r\n{name}: {value}\r\n{resume}\r\n",
        request.path(),
        node_runtime::VERSION,
    )
}

impl StreamRequest {
    /// Returns the path with the query.
    pub(super) fn path(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("/api/stream{mark}{}", self.query)
    }
}
