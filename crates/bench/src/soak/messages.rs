//! Cuts what a server sends into messages. Pure.
//!
//! Only a message's beginning is kept: the cursor, the stamp and all that the server says itself
//! stand there, and payloads may be large.

mod sse;
#[cfg(test)]
mod tests;
mod ws;

use self::{sse::Events, ws::Frames};

/// How much of a message is kept at least; more than any has before its payload's stamp.
const BEGINNING_BYTES: usize = 1024;

/// One message, or its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
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
pub(super) enum Messages {
    /// Of an event stream.
    Sse(Events),
    /// Of a WebSocket.
    Ws(Frames),
}

impl Messages {
    pub(super) fn sse() -> Self {
        Messages::Sse(Events::default())
    }

    pub(super) fn ws() -> Self {
        Messages::Ws(Frames::default())
    }

    /// Returns how they come, as people read it.
    pub(super) fn transport(&self) -> &'static str {
        match self {
            Messages::Sse(_) => "SSE",
            Messages::Ws(_) => "WebSocket",
        }
    }

    /// Takes bytes in, and gives each message that they end to `take`.
    pub(super) fn feed(&mut self, bytes: &[u8], take: impl FnMut(Message<'_>)) {
        match self {
            Messages::Sse(events) => events.feed(bytes, take),
            Messages::Ws(frames) => frames.feed(bytes, take),
        }
    }
}

/// Keeps as much of a part as still belongs to a message's beginning.
fn keep(beginning: &mut Vec<u8>, part: &[u8]) {
    let room = BEGINNING_BYTES.saturating_sub(beginning.len());
    beginning.extend_from_slice(&part[..part.len().min(room)]);
}
