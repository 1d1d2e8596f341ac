//! WebSocket (RFC 6455), as much of it as a reader of one stream needs; frames are tungstenite's.

use std::io::Cursor;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use tungstenite::protocol::{
    CloseFrame,
    frame::{
        Frame, FrameHeader,
        coding::{CloseCode, Control, Data, OpCode},
    },
};

use super::{Ended, Message, Way, begins, gap, goodbye, place, read};

/// A server's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
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
    code: Option<&'a str>,
}

/// Returns the upgrade's request; the key is the example of RFC 6455, and its answer is not checked.
pub(super) fn request(way: &Way) -> String {
    format!(
        "{}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        way.head("ws", "/api/ws")
    )
}

/// Returns the frame that asks for the stream after a cursor.
pub(super) fn subscribe(after: Option<&str>) -> Vec<u8> {
    let after = after.map(|after| format!(r#","after":"{after}""#)).unwrap_or_default();
    masked(Frame::message(
        format!(r#"{{"type":"subscribe"{after}}}"#),
        OpCode::Data(Data::Text),
        true,
    ))
}

/// Returns the answer to a ping.
pub(super) fn pong(payload: Bytes) -> Vec<u8> {
    masked(Frame::pong(payload))
}

/// Returns the frame with which a client leaves.
pub(super) fn close() -> Vec<u8> {
    masked(Frame::close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })))
}

fn masked(mut frame: Frame) -> Vec<u8> {
    frame.header_mut().mask = Some(rand::random());
    let mut bytes = Vec::new();
    frame.format(&mut bytes).expect("a Vec takes all that is written");
    bytes
}

/// Takes one frame out of a buffer; `None` where it is not whole yet.
pub(super) fn frame(buffer: &mut BytesMut) -> Result<Option<Incoming>, Ended> {
    let mut cursor = Cursor::new(&buffer[..]);
    let nonsense = |error: tungstenite::Error| Ended::Nonsense(error.to_string());
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(nonsense)? else {
        return Ok(None);
    };
    let begins = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
    let ends = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(begins);
    if buffer.len() < ends {
        return Ok(None);
    }
    let payload = buffer.split_to(ends).freeze().slice(begins..);
    match header.opcode {
        OpCode::Data(Data::Text) if header.is_final && header.mask.is_none() => {
            Ok(Some(Incoming::Text(payload)))
        }
        OpCode::Control(Control::Ping) => Ok(Some(Incoming::Ping(payload))),
        OpCode::Control(Control::Close) => Ok(Some(Incoming::Close)),
        opcode => Err(Ended::Nonsense(format!("a frame of the kind {opcode}"))),
    }
}

/// Reads what a server says in a text frame.
pub(super) fn message(text: &Bytes) -> Result<Message, Ended> {
    let said: Said<'_> = read(text)?;
    match (said.kind, said.cursor, said.envelope) {
        ("event", Some(cursor), Some(envelope)) => {
            let json = text.slice_ref(envelope.get().as_bytes());
            Ok(Message::Event { place: place(cursor)?, json })
        }
        ("subscribed", ..) => begins(text),
        ("gap", ..) => gap(text),
        ("goodbye", ..) => goodbye(text),
        // The stream can't be had now; the server keeps the connection.
        ("error", ..) if said.code == Some("unavailable") => {
            Err(Ended::Refused { status: 503, retry_after: None })
        }
        ("connected", ..) => Ok(Message::Other),
        _ => Err(Ended::Nonsense(String::from_utf8_lossy(text).into_owned())),
    }
}
