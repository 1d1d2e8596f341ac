//! Frames out of bytes and into bytes, by the library; what it has to answer by itself (pongs, the
//! close frame) it puts among what is to be sent.
//!
//! Pure: no IO, however the bytes are cut.

use std::io::{self, Read, Write};

use tungstenite::{
    Error, Message,
    error::ProtocolError,
    protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext},
};

use crate::sse::EVENT_BYTES_MAX;

/// What the library holds for a connection at least; a larger message makes it grow.
const BUFFER_BYTES: usize = 4 << 10;

/// What a close frame without a code stands for (RFC 6455, 7.1.5).
const NO_CODE: u16 = 1005;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Frames {
    context: WebSocketContext,
    out: Vec<u8>,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The server closed the connection.
    Closed {
        /// Its code.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// What came breaks the protocol, or is larger than anything that is worth sending.
    Garbled(String),
}

impl Frames {
    pub(super) fn new() -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(EVENT_BYTES_MAX))
            .max_frame_size(Some(EVENT_BYTES_MAX));
        let context = WebSocketContext::new(Role::Client, Some(config));
        Frames { context, out: Vec::new() }
    }

    /// Returns what is to be sent.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Puts a text among what is to be sent.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Over> {
        let mut bytes = Bytes { bytes: &[], out: &mut self.out };
        self.context.write(&mut bytes, Message::text(text)).map_err(over)
    }

    /// Reads a piece of what came and hands on each text that it completes.
    pub(super) fn feed(&mut self, bytes: &[u8], on: &mut impl FnMut(&str)) -> Result<(), Over> {
        let mut bytes = Bytes { bytes, out: &mut self.out };
        loop {
            match self.context.read(&mut bytes) {
                Ok(Message::Text(text)) => on(&text),
                Ok(Message::Close(close)) => {
                    // Queues the answer; there is nobody left whom its failure would concern.
                    let _closed = self.context.flush(&mut bytes);
                    return Err(closed(close));
                }
                Ok(Message::Binary(_)) => {
                    return Err(Over::Garbled("the server sent a message that is no text".into()));
                }
                // A ping's answer goes out with the next read.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(over(error)),
            }
        }
    }
}

fn closed(close: Option<CloseFrame>) -> Over {
    match close {
        Some(CloseFrame { code, reason }) => {
            Over::Closed { code: code.into(), reason: reason.to_string() }
        }
        None => Over::Closed { code: NO_CODE, reason: String::new() },
    }
}

fn over(error: Error) -> Over {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::SendAfterClosing) => closed(None),
        error => Over::Garbled(format!("what the server sent is no WebSocket: {error}")),
    }
}

/// A piece of what came, read to its end, and what is to be sent.
struct Bytes<'a> {
    bytes: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            // Nothing for now; zero would be the end.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.read(buffer)
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
