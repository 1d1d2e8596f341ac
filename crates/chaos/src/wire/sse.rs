//! Server-Sent Events: the request, and messages out of a buffer.

use bytes::{Bytes, BytesMut};

use super::{Ended, Message, begins, gap, position, read};

/// Returns the request for a stream after a cursor.
pub(super) fn request(key: &str, after: Option<&str>) -> String {
    let after = after.map(|after| format!("last-event-id: {after}\r\n")).unwrap_or_default();
    format!("GET /api/stream HTTP/1.1\r\nhost: chaos\r\nx-api-key: {key}\r\n{after}\r\n")
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
    Ok(Some(match name {
        None => Message::Other,
        Some("connected") => begins(&data)?,
        Some("gap") => gap(&data)?,
        Some("goodbye") => {
            let said: serde_json::Value = read(&data)?;
            Message::Goodbye(said["reason"].as_str().unwrap_or_default().to_owned())
        }
        Some(_) => {
            let id = id.ok_or_else(|| Ended::Nonsense("an event without an id".into()))?;
            Message::Event { at: position(id)?, json: data }
        }
    }))
}

fn text(value: &[u8]) -> Result<&str, Ended> {
    std::str::from_utf8(value).map_err(|error| Ended::Nonsense(error.to_string()))
}
