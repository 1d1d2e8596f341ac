//! Messages: what is sent, and what the server says of it. Pure.

use serde::Deserialize;
use serde_json::Value;

use crate::stamp::{Mark, STAMP_BYTES, Stamp};

/// A message as the server shows it, wherever it does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Said {
    pub(super) thread_id: String,
    pub(super) message_id: String,
    pub(super) seq: u64,
    pub(super) author_id: String,
    pub(super) body: String,
    #[serde(default)]
    pub(super) attachments: Vec<Value>,
    pub(super) created_at_ms: u64,
    pub(super) edited_at_ms: Option<u64>,
    pub(super) deleted_at_ms: Option<u64>,
    pub(super) request_id: Option<String>,
    pub(super) correlation_id: Option<String>,
}

/// A page of messages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Page {
    pub(super) messages: Vec<Said>,
    pub(super) next: u64,
    pub(super) has_more: bool,
}

/// A message that was sent, by whom and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) thread: usize,
    pub(super) author: usize,
    /// Which message of which sender it is, and when it was due.
    pub(super) stamp: Stamp,
}

/// Writes what messages say.
#[derive(Clone, Debug)]
pub(super) struct Bodies {
    mark: Mark,
    fill: String,
}

impl Bodies {
    /// Returns the writer of texts of so many characters.
    pub(super) fn new(mark: Mark, chars: usize) -> Self {
        Bodies { mark, fill: "x".repeat(chars.saturating_sub(STAMP_BYTES)) }
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Returns what a message says; of two messages never the same.
    pub(super) fn text(&self, stamp: Stamp) -> String {
        let mut text = Vec::with_capacity(STAMP_BYTES + self.fill.len());
        self.mark.write(stamp, &mut text);
        text.extend_from_slice(self.fill.as_bytes());
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Reads an answer's JSON.
///
/// # Errors
/// Fails on what is none, with its beginning.
pub(super) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| {
        let shown = String::from_utf8_lossy(&json[..json.len().min(200)]);
        format!("says what can't be understood ({error}): {shown}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_length_and_its_stamp() {
        let stamp = Stamp { stream: 3, number: 7, sent_us: 99 };
        let bodies = Bodies::new(Mark::new(5), 100);
        let text = bodies.text(stamp);
        assert_eq!(text.chars().count(), 100);
        let mut seen = Vec::new();
        bodies.mark().scan(text.as_bytes(), |stamp| seen.push(stamp));
        assert_eq!(seen, [stamp]);
        assert_eq!(Bodies::new(Mark::new(5), 40).text(stamp).len(), STAMP_BYTES);
    }

    #[test]
    fn what_is_no_message_is_shown() {
        let error = read::<Said>(br#"{"seq":"x"}"#).unwrap_err();
        assert!(error.contains(r#"{"seq":"x"}"#), "{error}");
    }
}
