//! The bytes of WebSocket messages (RFC 6455, <https://www.rfc-editor.org/rfc/rfc6455>), as a server
//! sends them, and compression for each message (RFC 7692,
//! <https://www.rfc-editor.org/rfc/rfc7692>).
//!
//! A message is sent in one frame and without the context of earlier ones, so that one encoding
//! serves every connection.

pub mod decoder;
mod deflate;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use event::{Event, Gap, StreamName};

pub use self::deflate::{Deflater, Inflater};
use crate::sse::{self, GoodbyeReason};

/// A ping without a payload: an idle connection's heartbeat.
pub const PING: Bytes = Bytes::from_static(&[FIN | Opcode::Ping as u8, 0]);

const FIN: u8 = 0x80;

/// Set in the first byte of a compressed message.
const RSV1: u8 = 0x40;

/// Most bytes of a frame before its payload, where it is not masked.
const UNMASKED_HEAD_BYTES_MAX: usize = 10;

/// Most bytes of a control frame's payload.
const CONTROL_BYTES_MAX: usize = 125;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next piece of a message.
    Continuation = 0,
    /// A message in UTF-8, or its first piece.
    Text = 1,
    /// A message of any bytes, or its first piece.
    Binary = 2,
    /// The last frame of a connection.
    Close = 8,
    /// A question whether the other end is there.
    Ping = 9,
    /// The answer to it.
    Pong = 10,
}

/// Why a connection is closed, as its close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// Its work is done.
    Normal = 1000,
    /// The server shuts down, or serves the client elsewhere.
    GoingAway = 1001,
    /// A frame breaks the protocol.
    Protocol = 1002,
    /// A message is not what it says it is: no UTF-8, or not text.
    InvalidData = 1007,
    /// The credential has expired, or a permission was lost.
    Policy = 1008,
    /// A message is too large.
    TooLarge = 1009,
    /// The client falls too far behind.
    TryAgainLater = 1013,
}

/// Returns the name by which clients know a stream.
pub fn stream_label(stream: &StreamName) -> String {
    match stream {
        StreamName::Org(_) => "events".to_owned(),
        other => other.to_string(),
    }
}

/// Writes one text message.
pub fn text(json: &str) -> Bytes {
    message(Opcode::Text, json.as_bytes()).into()
}

/// Writes one message or control frame; a control frame has at most 125 bytes.
pub fn message(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame(FIN | opcode as u8, payload)
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + UNMASKED_HEAD_BYTES_MAX);
    add_head(first, payload.len(), &mut out);
    out.extend_from_slice(payload);
    out
}

/// Writes what stands before a payload of so many bytes.
fn add_head(first: u8, length: usize, out: &mut Vec<u8>) {
    out.push(first);
    match length {
        short @ ..=125 => out.push(short as u8),
        medium @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
}

/// Writes a message compressed, or as it is where that is shorter.
pub fn compressed(opcode: Opcode, payload: &[u8], deflater: &mut Deflater) -> Vec<u8> {
    match deflater.deflate(payload) {
        Some(shorter) => frame(FIN | RSV1 | opcode as u8, shorter),
        None => message(opcode, payload),
    }
}

/// Returns the JSON of one event of a log.
fn event_json(label: &str, event: &Event) -> Vec<u8> {
    [event_text(label, event).as_bytes(), &event.json, b"}"].concat()
}

/// Returns what stands before the envelope in the JSON of an event.
fn event_text(label: &str, event: &Event) -> String {
    let place = event.position;
    format!(r#"{{"type":"event","stream":"{label}","cursor":"{place}","envelope":"#)
}

/// Writes the message of one event behind others.
pub(crate) fn add_event(label: &str, event: &Event, out: &mut Vec<u8>) {
    let text = event_text(label, event);
    let length = text.len() + event.json.len() + 1;
    out.reserve(UNMASKED_HEAD_BYTES_MAX + length);
    add_head(FIN | Opcode::Text as u8, length, out);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(&event.json);
    out.push(b'}');
}

/// Writes the compressed message of one event behind others.
pub(crate) fn add_compressed_event(
    label: &str,
    event: &Event,
    deflater: &mut Deflater,
    out: &mut Vec<u8>,
) {
    out.extend(compressed(Opcode::Text, &event_json(label, event), deflater));
}

/// Returns the JSON of a hole.
pub fn gap_json(label: &str, gap: &Gap) -> String {
    format!(r#"{{"type":"gap","stream":"{label}",{}"#, &sse::gap_json(gap)[1..])
}

/// Writes a hole.
pub fn gap(label: &str, gap: &Gap) -> Bytes {
    text(&gap_json(label, gap))
}

/// Writes the farewell of a connection that its client did not end, without the close frame.
pub fn goodbye(reason: GoodbyeReason, retry_ms: u32) -> Bytes {
    text(&format!(r#"{{"type":"goodbye","reason":"{}","retry_ms":{retry_ms}}}"#, reason.as_str()))
}

/// Writes a close frame; the reason is cut to what fits.
pub fn close(code: CloseCode, reason: &str) -> Vec<u8> {
    let fits = reason.floor_char_boundary(CONTROL_BYTES_MAX - 2);
    let mut payload = (code as u16).to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..fits]);
    message(Opcode::Close, &payload)
}
