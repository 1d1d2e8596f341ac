//! What a message says, on either transport. Pure.

#[cfg(test)]
mod tests;

use memchr::{memchr, memmem};
use serde::Deserialize;

use crate::{
    messages::{Fields, Message},
    payload::EVENT_NAME,
    stamp::{Mark, Stamp},
};

/// The close code of a reader that is too far behind.
const TRY_AGAIN_LATER: u16 = 1013;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// An event of the run.
    Event { cursor: &'a [u8], stamp: Stamp },
    /// The stream begins after this place.
    Opened { head: String },
    /// There is a hole.
    Gap { reason: String, resumes_at: String },
    /// The server is about to end the stream.
    Goodbye,
    /// The server wants a pong.
    Ping(&'a [u8]),
    /// The server closed a reader that is too far behind.
    LagClose,
    /// Something that no server says to a reader that does nothing wrong.
    Wrong(String),
    /// Nothing that matters here.
    Nothing,
}

/// What the server's own messages say, on either transport.
#[derive(Debug, Default, Deserialize)]
struct Own {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(rename = "lastEventId")]
    last_event_id: Option<String>,
    reason: Option<String>,
    resumes_at: Option<String>,
}

/// Reads a message.
pub(super) fn read<'a>(message: Message<'a>, mark: &Mark) -> Told<'a> {
    match message {
        Message::Event(block) => read_block(block, mark),
        Message::Text(text) => read_text(text, mark),
        Message::Ping(payload) => Told::Ping(payload),
        Message::Close(TRY_AGAIN_LATER) => Told::LagClose,
        Message::Close(code) => Told::Wrong(format!("closed a WebSocket with {code}")),
    }
}

fn read_block<'a>(block: &'a [u8], mark: &Mark) -> Told<'a> {
    let Fields { id, name, data } = Fields::of(block);
    match name {
        name if name == EVENT_NAME.as_bytes() => event(id, data, mark),
        b"" => Told::Nothing,
        name => own(&String::from_utf8_lossy(name), data),
    }
}

fn read_text<'a>(text: &'a [u8], mark: &Mark) -> Told<'a> {
    const CURSOR: &[u8] = br#""cursor":""#;
    if !text.starts_with(br#"{"type":"event""#) {
        return own("", text);
    }
    let cursor = memmem::find(text, CURSOR).map(|at| &text[at + CURSOR.len()..]);
    let cursor = cursor.and_then(|rest| Some(&rest[..memchr(b'"', rest)?]));
    event(cursor.unwrap_or_default(), text, mark)
}

fn event<'a>(cursor: &'a [u8], json: &[u8], mark: &Mark) -> Told<'a> {
    let mut stamp = None;
    mark.scan(json, |found| stamp = stamp.or(Some(found)));
    stamp.map_or_else(
        || wrong("an event of somebody else", json),
        |stamp| Told::Event { cursor, stamp },
    )
}

/// Reads one of the server's own messages; over a WebSocket it names its kind itself.
fn own<'a>(name: &str, json: &[u8]) -> Told<'a> {
    let Ok(own) = serde_json::from_slice::<Own>(json) else { return wrong("no JSON", json) };
    let kind = if name.is_empty() { own.kind.as_str() } else { name };
    match (kind, own.last_event_id, own.reason, own.resumes_at) {
        ("connected" | "subscribed", Some(head), ..) => Told::Opened { head },
        // The first message of a WebSocket, which has no stream yet.
        ("connected", None, ..) => Told::Nothing,
        ("gap", _, Some(reason), Some(resumes_at)) => Told::Gap { reason, resumes_at },
        ("goodbye", ..) => Told::Goodbye,
        _ => wrong("an unexpected message", json),
    }
}

fn wrong<'a>(what: &str, bytes: &[u8]) -> Told<'a> {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    Told::Wrong(format!("sent {what}: {shown}"))
}
