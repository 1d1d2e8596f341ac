//! Server-Sent Events by the WHATWG rules: the request, and messages out of a buffer.

use bytes::{Bytes, BytesMut};

use super::{Ended, Message, Way, begins, gap, goodbye, place};

/// Returns the request for a stream after a cursor.
pub(super) fn request(way: &Way, after: Option<&str>) -> String {
    let after = after.map(|after| format!("last-event-id: {after}\r\n")).unwrap_or_default();
    format!("{}accept: text/event-stream\r\n{after}\r\n", way.head("stream", "/api/stream"))
}

/// Takes one message out of a buffer; `None` where it is not whole yet.
pub(super) fn message(buffer: &mut BytesMut) -> Result<Option<Message>, Ended> {
    let Some(end) = memchr::memmem::find(buffer, b"\n\n") else { return Ok(None) };
    let block = buffer.split_to(end + 2).freeze();
    let (mut id, mut name, mut data) = (None, None, Bytes::new());
    for line in block.split(|byte| *byte == b'\n') {
        if let Some(value) = line.strip_prefix(b"id: ") {
            id = Some(text(value)?);
        } else if let Some(value) = line.strip_prefix(b"event: ") {
            name = Some(text(value)?);
        } else if let Some(value) = line.strip_prefix(b"data: ") {
            data = block.slice_ref(value);
        }
    }
    Ok(Some(match (name, id) {
        (Some("connected"), _) => begins(&data)?,
        // A thread's first one says where it begins.
        (Some("ping"), Some(id)) => Message::Begins(Some(place(id)?)),
        (None | Some("ping" | "closed"), _) => Message::Other,
        (Some("gap"), _) => gap(&data)?,
        (Some("goodbye"), _) => goodbye(&data)?,
        (Some(_), Some(id)) => Message::Event { place: place(id)?, json: data },
        (Some(name), None) => return Err(Ended::Nonsense(format!("{name} without an id"))),
    }))
}

fn text(value: &[u8]) -> Result<&str, Ended> {
    std::str::from_utf8(value).map_err(|error| Ended::Nonsense(error.to_string()))
}
