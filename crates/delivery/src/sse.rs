//! The bytes of Server-Sent Events, by the WHATWG rules
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A stream ends where its connection does: the bytes carry no chunk marks of HTTP/1.1, so one
//! encoding serves every reader of either minor version.

#[cfg(test)]
mod tests;

use std::io::Write;

use bytes::Bytes;
use event::{Event, Gap, Position};

/// A comment that keeps proxies from closing an idle stream.
pub const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// The same for readers of messages, as an event that they can see.
pub const PING: Bytes = Bytes::from_static(b"event: ping\ndata: {}\n\n");

/// Why a server ends a stream that its reader did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoodbyeReason {
    /// The server is shutting down.
    Drain,
    /// The credential that opened the stream has expired.
    TokenExpired,
    /// The stream is served elsewhere now.
    Moved,
}

impl GoodbyeReason {
    /// Returns the word that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            GoodbyeReason::Drain => "drain",
            GoodbyeReason::TokenExpired => "token_expired",
            GoodbyeReason::Moved => "moved",
        }
    }
}

/// Writes one event of a log behind others.
pub(crate) fn add_event(event: &Event, out: &mut Vec<u8>) {
    let name = event.name.as_str();
    out.reserve(64 + name.len() + event.json.len());
    let head = format_args!("id: {}\nevent: {name}\ndata: ", event.position);
    out.write_fmt(head).expect("memory takes all that is written");
    out.extend_from_slice(&event.json);
    out.extend_from_slice(b"\n\n");
}

/// Writes one event of a log behind others as a message: its payload alone.
pub(crate) fn add_message(event: &Event, out: &mut Vec<u8>) {
    let payload = payload_of(&event.json);
    out.reserve(64 + payload.len());
    let head = format_args!("id: {}\nevent: message\ndata: ", event.position);
    out.write_fmt(head).expect("memory takes all that is written");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\n\n");
}

/// Returns the payload in an envelope's JSON, where it is the last field and no field before it can
/// hold a quote.
fn payload_of(json: &[u8]) -> &[u8] {
    const FIELD: &[u8] = b"\"payload\":";
    let at = json.windows(FIELD.len()).position(|window| window == FIELD);
    at.and_then(|at| json.get(at + FIELD.len()..json.len() - 1)).unwrap_or(json)
}

/// Writes the farewell of a stream whose reader has lost the permission to read it.
pub fn closed() -> Bytes {
    own_event(None, "closed", r#"{"reason":"permission_lost"}"#).into()
}

/// Writes the time after which a reader should come back, in milliseconds.
pub fn retry(retry_ms: u32) -> String {
    format!("retry: {retry_ms}\n\n")
}

/// Writes one of the server's own events; `data` is JSON on one line.
pub fn own_event(id: Option<Position>, name: &str, data: &str) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}

/// Writes a hole; its id is where reading goes on, so that a reader does not meet it twice.
pub fn gap(gap: &Gap) -> Bytes {
    own_event(Some(gap.resumes_at), "gap", &gap_json(gap)).into()
}

/// Returns the JSON of a hole, as every transport shows it.
pub fn gap_json(gap: &Gap) -> String {
    let missed = gap.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    format!(
        r#"{{"reason":"{}","after":{},"resumes_at":"{}","missed":{missed}}}"#,
        gap.reason,
        json_text(gap.after.as_deref()),
        gap.resumes_at,
    )
}

/// Writes the farewell of a stream that its reader did not end.
pub fn goodbye(reason: GoodbyeReason, retry_ms: u32) -> Bytes {
    let data = format!(r#"{{"reason":"{}","retry_ms":{retry_ms}}}"#, reason.as_str());
    format!("retry: {retry_ms}\n{}", own_event(None, "goodbye", &data)).into()
}

/// Writes a heartbeat that also moves the reader's cursor over events that it did not want.
pub fn heartbeat_at(place: Position) -> Bytes {
    format!(": heartbeat\nid: {place}\n\n").into()
}

/// Writes a JSON string; what a client sent may hold anything.
fn json_text(text: Option<&str>) -> String {
    let Some(text) = text else { return "null".to_owned() };
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
