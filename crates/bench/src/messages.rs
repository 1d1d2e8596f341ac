//! Cuts what a server sends into messages. Pure.
//!
//! Of a message that comes in pieces only the beginning is kept: the cursor, the stamp and all that
//! the server says itself stand there, and payloads may be large.

mod sse;
#[cfg(test)]
mod tests;
mod ws;

pub(crate) use self::sse::Fields;
use self::{sse::Events, ws::Frames};

/// More than any message has before its payload's stamp.
pub(crate) const BEGINNING_BYTES: usize = 1024;

/// One message, or its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// A block of an event stream.
    Event(&'a [u8]),
    /// A WebSocket's text.
    Text(&'a [u8]),
    /// The server wants a pong.
    Ping(&'a [u8]),
    /// The server ends the WebSocket.
    Close(u16),
}

/// What has come of messages that are not whole.
#[derive(Debug)]
pub(crate) enum Messages {
    /// Of an event stream.
    Sse(Events),
    /// Of a WebSocket.
    Ws(Frames),
}

impl Messages {
    /// Returns those of an event stream; of each at least so many bytes are kept.
    pub(crate) fn sse(kept: usize) -> Self {
        Messages::Sse(Events::new(kept))
    }

    /// Returns those of a WebSocket; of each at least so many bytes are kept.
    pub(crate) fn ws(kept: usize) -> Self {
        Messages::Ws(Frames::new(kept))
    }

    /// Returns how they come, as people read it.
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Messages::Sse(_) => "SSE",
            Messages::Ws(_) => "WebSocket",
        }
    }

    /// Takes bytes in, and gives each message that they end to `take`.
    pub(crate) fn feed(&mut self, bytes: &[u8], take: impl FnMut(Message<'_>)) {
        match self {
            Messages::Sse(events) => events.feed(bytes, take),
            Messages::Ws(frames) => frames.feed(bytes, take),
        }
    }
}

/// The beginning of a message that is not whole.
#[derive(Debug)]
struct Beginning {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Beginning {
    fn new(bytes_max: usize) -> Self {
        Beginning { bytes: Vec::new(), bytes_max }
    }

    /// Keeps as much of a part as still belongs to it.
    fn keep(&mut self, part: &[u8]) {
        let room = self.bytes_max.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
    }
}
