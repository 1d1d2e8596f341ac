//! What the server's texts mean to a reader of one stream.
//!
//! Nearly all are events of one layout, of which the cursor and the envelope are found by their
//! marks; everything else is really parsed. Whether a server has that layout is seen from the first
//! event of each connection, which is read in both ways.

use std::{borrow::Cow, time::Duration};

use memchr::memchr;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{client::Refusal, sse::Message};

const AFTER_CURSOR: &[u8] = br#"","envelope":"#;

/// Any message of the server, as far as it concerns a reader.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cursor: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    envelope: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resumes_at: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "lastEventId")]
    last_event_id: Option<Cow<'a, str>>,
    #[serde(default)]
    retry_ms: Option<u64>,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
}

/// What is known of how the server lays out its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// None has come.
    Unknown,
    /// The one that is read by its marks.
    Marked,
    /// Another one.
    Other,
}

/// Reads the texts of one connection.
#[derive(Debug)]
pub(super) struct MessageReader {
    /// What the server said about itself at first.
    greeting: Map<String, Value>,
    /// The stream, once it is subscribed to.
    stream: Option<String>,
    /// How each of its events begins, up to the cursor.
    head: Vec<u8>,
    layout: Layout,
    last_id: Vec<u8>,
    retry: Option<Duration>,
}

impl MessageReader {
    pub(super) fn new() -> Self {
        MessageReader {
            greeting: Map::new(),
            stream: None,
            head: Vec::new(),
            layout: Layout::Unknown,
            last_id: Vec::new(),
            retry: None,
        }
    }

    /// Returns whether the stream has begun.
    pub(super) fn is_subscribed(&self) -> bool {
        self.stream.is_some()
    }

    /// Returns the id to resume after.
    pub(super) fn last_id(&self) -> &[u8] {
        &self.last_id
    }

    /// Returns how long the server asks a reader to wait before it comes back.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Reads a text and hands it on in the form that messages of event streams have; one that makes
    /// no sense has neither name nor id.
    ///
    /// # Errors
    /// Fails where the server says that it refuses what it was asked for.
    pub(super) fn read(
        &mut self,
        text: &str,
        mut on: impl FnMut(Message<'_>),
    ) -> Result<(), Refusal> {
        if self.layout == Layout::Marked
            && let Some((cursor, envelope)) = split(&self.head, text.as_bytes())
        {
            on(Message { name: event_name(envelope), data: envelope, id: cursor });
            self.passed(cursor);
            return Ok(());
        }
        self.parse(text, on)
    }

    fn parse(&mut self, text: &str, mut on: impl FnMut(Message<'_>)) -> Result<(), Refusal> {
        let data = text.as_bytes();
        let wire: Option<Wire<'_>> = serde_json::from_str(text).ok();
        let strange = Message { name: b"", data, id: b"" };
        let Some(wire) = wire else {
            on(strange);
            return Ok(());
        };
        let is_ours = self.stream.is_some() && wire.stream.as_deref() == self.stream.as_deref();
        match (&*wire.kind, &wire.cursor, wire.envelope, &wire.resumes_at) {
            ("event", Some(cursor), Some(envelope), _) if is_ours => {
                let (cursor, envelope) = (cursor.as_bytes(), envelope.get().as_bytes());
                if self.layout == Layout::Unknown {
                    let is_marked = split(&self.head, data) == Some((cursor, envelope));
                    self.layout = if is_marked { Layout::Marked } else { Layout::Other };
                }
                on(Message { name: event_name(envelope), data: envelope, id: cursor });
                self.passed(cursor);
            }
            ("gap", _, _, Some(resumes_at)) if is_ours => {
                on(Message { name: b"gap", data, id: resumes_at.as_bytes() });
                self.passed(resumes_at.as_bytes());
            }
            ("goodbye", ..) => {
                self.retry = wire.retry_ms.map(Duration::from_millis).or(self.retry);
                on(Message { name: b"goodbye", data, id: &self.last_id });
            }
            ("connected", ..) => self.greeting = serde_json::from_str(text).unwrap_or_default(),
            ("subscribed", ..) if self.stream.is_none() => self.subscribed(&wire, text, on),
            ("error", ..) => {
                let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
                return Err(Refusal::from_code(&text(&wire.code), &text(&wire.message)));
            }
            _ => on(strange),
        }
        Ok(())
    }

    /// Notes the stream's name, and hands on both beginnings, the connection's and the stream's, as
    /// the one that an event stream has.
    fn subscribed(&mut self, wire: &Wire<'_>, text: &str, mut on: impl FnMut(Message<'_>)) {
        let stream = wire.stream.as_deref().unwrap_or_default();
        self.head = format!(r#"{{"type":"event","stream":"{stream}","cursor":""#).into_bytes();
        self.stream = Some(stream.to_owned());
        let mut both = std::mem::take(&mut self.greeting);
        both.extend(serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default());
        let id = wire.last_event_id.as_deref().unwrap_or_default().as_bytes();
        on(Message { name: b"connected", data: Value::Object(both).to_string().as_bytes(), id });
        self.passed(id);
    }

    fn passed(&mut self, id: &[u8]) {
        self.last_id.clear();
        self.last_id.extend_from_slice(id);
    }
}

/// Finds cursor and envelope by their marks. What is inside the envelope is not looked at: those who
/// take it compare it with what others have, or parse it.
fn split<'a>(head: &[u8], text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let rest = text.strip_prefix(head)?;
    let (cursor, rest) = rest.split_at(memchr(b'"', rest)?);
    let envelope = rest.strip_prefix(AFTER_CURSOR)?.strip_suffix(b"}")?;
    let is_object = envelope.starts_with(b"{") && envelope.ends_with(b"}");
    (is_object && memchr(b'\\', cursor).is_none()).then_some((cursor, envelope))
}

/// Returns the event's name out of its envelope, empty where it has none.
fn event_name(envelope: &[u8]) -> &[u8] {
    #[derive(Deserialize)]
    struct Named<'a> {
        event: &'a str,
    }
    marked_name(envelope).unwrap_or_else(|| {
        let named = serde_json::from_slice(envelope);
        named.map_or(b"", |Named { event }| event.as_bytes())
    })
}

/// Finds the name by its marks: it is the third field, and those before it need no escapes.
fn marked_name(envelope: &[u8]) -> Option<&[u8]> {
    let rest = envelope.strip_prefix(br#"{"id":""#)?;
    let rest = rest[memchr(b'"', rest)?..].strip_prefix(br#"","org_id":""#)?;
    let rest = rest[memchr(b'"', rest)?..].strip_prefix(br#"","event":""#)?;
    let name = &rest[..memchr(b'"', rest)?];
    memchr(b'\\', name).is_none().then_some(name)
}

#[cfg(test)]
mod tests;
