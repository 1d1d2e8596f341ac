//! Reads Server-Sent Events by the WHATWG rules, piece by piece
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).
//!
//! Pure: bytes in, events out, however the bytes are cut. It keeps one event at most, and copies a
//! line only where it is cut.

use std::time::Duration;

use memchr::{memchr, memchr2};

/// The longest event that is taken, in bytes; it is larger than any payload that is worth sending.
pub(crate) const EVENT_BYTES_MAX: usize = 64 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event, borrowed from the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Its kind, empty for a plain message.
    pub(crate) name: &'a [u8],
    /// Its data, the lines joined by LF.
    pub(crate) data: &'a [u8],
    /// The last id that was seen, its own where it has one.
    pub(crate) id: &'a [u8],
}

/// The stream has an event that is longer than [`EVENT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream has an event of more than {EVENT_BYTES_MAX} bytes")]
pub(crate) struct Overlong;

/// The state between two pieces of one stream.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// Whether the last piece ended in CR, so that an LF now belongs to it.
    after_cr: bool,
    /// Whether the first line is over, before which a byte order mark may stand.
    begun: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    id: Vec<u8>,
    last_id: Vec<u8>,
    retry: Option<Duration>,
}

impl Parser {
    /// Reads a piece of the stream and calls `on` for each event that it completes.
    ///
    /// # Errors
    /// Fails on an event that is too long; the stream is of no use then.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on: impl FnMut(Message<'_>),
    ) -> Result<(), Overlong> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = match (bytes[end], rest.first()) {
                (b'\r', Some(b'\n')) => &rest[1..],
                (b'\r', None) => {
                    self.after_cr = true;
                    rest
                }
                _ => rest,
            };
            self.end_line(line, &mut on);
            self.check_length()?;
        }
        self.line.extend_from_slice(bytes);
        self.check_length()
    }

    /// Returns how long the server asks a reader to wait before it comes back.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Returns the id to resume after; an event moves it, and a block with an id alone does too.
    pub(crate) fn last_id(&self) -> &[u8] {
        &self.last_id
    }

    fn check_length(&self) -> Result<(), Overlong> {
        let kept = self.line.len() + self.data.len();
        if kept > EVENT_BYTES_MAX { Err(Overlong) } else { Ok(()) }
    }

    fn end_line(&mut self, end: &[u8], on: &mut impl FnMut(Message<'_>)) {
        if self.line.is_empty() {
            return self.take_line(end, on);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(end);
        self.take_line(&line, on);
        line.clear();
        self.line = line;
    }

    fn take_line(&mut self, line: &[u8], on: &mut impl FnMut(Message<'_>)) {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.dispatch(on);
        }
        match memchr(b':', line) {
            Some(0) => {}
            Some(at) => {
                let value = &line[at + 1..];
                self.field(&line[..at], value.strip_prefix(b" ").unwrap_or(value));
            }
            None => self.field(line, b""),
        }
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"id" if memchr(0, value).is_none() => replace(&mut self.id, value),
            b"event" => replace(&mut self.name, value),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let ms = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                self.retry = ms.map(Duration::from_millis).or(self.retry);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, on: &mut impl FnMut(Message<'_>)) {
        if self.id != self.last_id {
            replace(&mut self.last_id, &self.id);
        }
        if let Some(data) = self.data.strip_suffix(b"\n") {
            on(Message { name: &self.name, data, id: &self.last_id });
        }
        self.data.clear();
        self.name.clear();
    }
}

fn replace(buffer: &mut Vec<u8>, value: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(value);
}

#[cfg(test)]
mod tests;
