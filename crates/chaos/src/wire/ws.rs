//! WebSocket (RFC 6455), as much of it as a reader of one stream needs.

use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Ended, Message, begins, gap, position, read};

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// A constant mask is as good as any where both ends are ours.
const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];

/// A server's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(Bytes),
    Ping(Bytes),
    Close,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(borrow, default)]
    cursor: Option<&'a str>,
    #[serde(borrow, default)]
    envelope: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reason: Option<&'a str>,
    #[serde(borrow, default)]
    code: Option<&'a str>,
}

/// Returns the upgrade's request; the key is the example of RFC 6455, and its answer is not checked.
pub(super) fn request(key: &str) -> String {
    format!(
        "GET /api/ws HTTP/1.1\r\nhost: chaos\r\nx-api-key: {key}\r\nconnection: Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Returns the frame that asks for the stream after a cursor.
pub(super) fn subscribe(after: Option<&str>) -> Vec<u8> {
    let after = after.map(|after| format!(r#","after":"{after}""#)).unwrap_or_default();
    masked(TEXT, format!(r#"{{"type":"subscribe"{after}}}"#).as_bytes())
}

/// Returns the answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    masked(PONG, payload)
}

/// Returns a client's frame with less than 126 bytes, as all of ours have.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
    debug_assert!(length < 126, "{length}");
    let mut frame = vec![FINAL | opcode, MASKED | length];
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Takes one frame out of a buffer; `None` where it is not whole yet.
pub(super) fn frame(buffer: &mut BytesMut) -> Result<Option<Frame>, Ended> {
    let Some(&[first, second]) = buffer.get(..2) else { return Ok(None) };
    let (length, head) = match second & 0x7f {
        126 => match buffer.get(2..4) {
            Some(bytes) => (u64::from((&mut &*bytes).get_u16()), 4),
            None => return Ok(None),
        },
        127 => match buffer.get(2..10) {
            Some(bytes) => ((&mut &*bytes).get_u64(), 10),
            None => return Ok(None),
        },
        length => (u64::from(length), 2),
    };
    let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(head);
    if buffer.len() < whole {
        return Ok(None);
    }
    let payload = buffer.split_to(whole).freeze().slice(head..);
    match first & 0xf {
        TEXT if first & FINAL != 0 && second & MASKED == 0 => Ok(Some(Frame::Text(payload))),
        PING => Ok(Some(Frame::Ping(payload))),
        CLOSE => Ok(Some(Frame::Close)),
        _ => Err(Ended::Nonsense(format!("a frame with {first:#x} {second:#x}"))),
    }
}

/// Reads what a server says in a text frame.
pub(super) fn message(text: &Bytes) -> Result<Message, Ended> {
    let said: Said<'_> = read(text)?;
    match (said.kind, said.cursor, said.envelope) {
        ("event", Some(cursor), Some(envelope)) => {
            let json = text.slice_ref(envelope.get().as_bytes());
            Ok(Message::Event { at: position(cursor)?, json })
        }
        ("subscribed", ..) => begins(text),
        ("gap", ..) => gap(text),
        ("goodbye", ..) => Ok(Message::Goodbye(said.reason.unwrap_or_default().to_owned())),
        // The stream can't be had now; the server keeps the connection.
        ("error", ..) if said.code == Some("unavailable") => Err(Ended::Refused(503)),
        ("connected", ..) => Ok(Message::Other),
        _ => Err(Ended::Nonsense(String::from_utf8_lossy(text).into_owned())),
    }
}
