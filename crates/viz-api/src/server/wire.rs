//! The bytes below HTTP: knows whether an answer is still under way, and gives the parser's own
//! refusals the form that every error has.
//!
//! Each answer of the router carries a request id; a head without one is the parser's.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use event::UnixMs;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::{
    error::{ApiError, Code},
    request::{http_date, new_request_id},
};

/// How long a peer may take nothing of an answer.
const STALL_MAX: Duration = Duration::from_secs(60);

/// A connection's stream.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// What was read of it before; it is read again first.
    read: Bytes,
    /// Whether bytes were handed in that may not have left.
    unflushed: bool,
    /// What is written in the place of the parser's own answer.
    instead: Bytes,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, read: Bytes) -> Self {
        Wire { stream, read, unflushed: false, instead: Bytes::new(), stalled: None }
    }

    /// Returns the stream where no earlier answer is still under way on it.
    ///
    /// # Errors
    /// Fails where one is, as with a peer that asks on before it has read.
    pub(super) fn into_quiet_stream(self) -> io::Result<TcpStream> {
        if self.unflushed {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an answer is under way"));
        }
        Ok(self.stream)
    }

    /// Gives up on a peer that takes nothing for too long.
    fn poll_progress<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL_MAX)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.instead.has_remaining() {
            let polled = Pin::new(&mut self.stream).poll_write(cx, &self.instead);
            let bytes = ready!(self.poll_progress(cx, polled))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.advance(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.has_remaining() {
            let fits = self.read.len().min(buffer.remaining());
            buffer.put_slice(&self.read.split_to(fits));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        self.unflushed = true;
        if let Some(instead) = in_our_form(bytes) {
            self.instead = instead;
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_progress(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns what to write in the place of a refusal that the parser wrote itself.
fn in_our_form(bytes: &[u8]) -> Option<Bytes> {
    let head = bytes.strip_prefix(b"HTTP/1.1 ")?;
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    if !bytes.ends_with(b"\r\n\r\n") || contains(b"x-request-id") {
        return None;
    }
    let (code, status, message) = match head.get(..3)? {
        b"400" => (Code::ValidationError, "400 Bad Request", "the request is not HTTP/1.1"),
        b"414" => (Code::Unsupported, "414 URI Too Long", "the address is too long"),
        b"431" => (
            Code::Unsupported,
            "431 Request Header Fields Too Large",
            "the request's headers are too large or too many",
        ),
        _ => return None,
    };
    let id = new_request_id();
    let body = ApiError::new(code, message).body(&id);
    let length = body.len();
    let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
    let date = http_date(UnixMs(now_ms));
    Some(
        format!(
            "HTTP/1.1 {status}\r\ndate: {date}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n{body}"
        )
        .into(),
    )
}
