//! A message before it has a place.

use event::Payload;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Slip;

/// Most characters of a message.
pub const BODY_CHARS_MAX: usize = 2000;

/// Most attachments of a message.
pub const ATTACHMENTS_MAX: usize = 20;

/// Most bytes of one attachment, which is a reference and not the thing itself.
const ATTACHMENT_BYTES_MAX: usize = 4096;

/// Most characters of what a client relates a message to.
const CORRELATION_CHARS_MAX: usize = 128;

/// A message that keeps the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    body: String,
    attachments: Vec<String>,
    correlation_id: Option<String>,
}

impl Draft {
    /// Checks a message.
    ///
    /// # Errors
    /// Fails on a body that is not 1 to 2000 characters, on more than 20 attachments, and on one that
    /// is no JSON object or too long.
    pub fn new(
        body: &str,
        attachments: &[&RawValue],
        correlation_id: Option<&str>,
    ) -> Result<Self, Slip> {
        if attachments.len() > ATTACHMENTS_MAX {
            return Err(Slip::new("a message has at most 20 attachments"));
        }
        let is_good = |text: &str| (1..=CORRELATION_CHARS_MAX).contains(&text.chars().count());
        if correlation_id.is_some_and(|text| !is_good(text)) {
            return Err(Slip::new("`x-correlation-id` has 1 to 128 characters"));
        }
        let attachments: Result<_, Slip> = attachments.iter().map(|raw| attachment(raw)).collect();
        Ok(Draft {
            body: Draft::checked_body(body)?.to_owned(),
            attachments: attachments?,
            correlation_id: correlation_id.map(str::to_owned),
        })
    }

    /// Checks what a message says.
    ///
    /// # Errors
    /// Fails where it is not 1 to 2000 characters.
    pub fn checked_body(body: &str) -> Result<&str, Slip> {
        // Cheap first: a character has at most four bytes.
        let is_short = body.len() <= 4 * BODY_CHARS_MAX;
        match is_short && (1..=BODY_CHARS_MAX).contains(&body.chars().count()) {
            true => Ok(body),
            false => Err(Slip::new("`body` has 1 to 2000 characters")),
        }
    }

    /// Returns what it says.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns its attachments, each one JSON.
    pub fn attachments(&self) -> &[String] {
        &self.attachments
    }

    /// Returns what its sender relates it to.
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// Returns the digest of what is said: another attempt with one request id says the same.
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.body, &self.attachments)
    }
}

/// Returns the digest of what a message says.
pub(crate) fn fingerprint(body: &str, attachments: &[String]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in std::iter::once(body).chain(attachments.iter().map(String::as_str)) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Checks a reference as strictly as a payload, so that everybody reads the same in it; with the
/// message around it, since it counts how deep that is.
fn attachment(raw: &RawValue) -> Result<String, Slip> {
    const BEFORE: &str = r#"{"attachments":["#;
    if raw.get().len() > ATTACHMENT_BYTES_MAX {
        return Err(Slip::new("an attachment has at most 4096 bytes: it is a reference"));
    }
    if !raw.get().starts_with('{') {
        return Err(Slip::new("each of `attachments` is a JSON object"));
    }
    let slip = |error: String| Slip(format!("`attachments`: {error}").into());
    let around = RawValue::from_string(format!("{BEFORE}{}]}}", raw.get()));
    let around = around.map_err(|error| slip(error.to_string()))?;
    let checked = Payload::from_raw(&around).map_err(|error| slip(error.to_string()))?;
    let text = checked.as_str().strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix("]}"));
    text.map(str::to_owned).ok_or_else(|| slip("malformed".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: &str, attachments: &[&str]) -> Result<Draft, Slip> {
        let raw: Vec<&RawValue> =
            attachments.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
        Draft::new(body, &raw, None)
    }

    #[test]
    fn bodies_are_counted_in_characters() {
        for (count, is_good) in [(0, false), (1, true), (2000, true), (2001, false)] {
            for c in ["a", "🌊", "\u{0}"] {
                assert_eq!(draft(&c.repeat(count), &[]).is_ok(), is_good, "{count} {c:?}");
            }
        }
    }

    #[test]
    fn attachments_are_references() {
        assert!(draft("b", &[r#"{"id":1}"#; 20]).is_ok());
        assert!(draft("b", &[r#"{"id":1}"#; 21]).is_err());
        assert!(draft("b", &["7"]).is_err());
        assert!(draft("b", &[r#"{"a":1,"a":2}"#]).is_err());
        let nested =
            |depth: usize| format!("{}{}", r#"{"a":"#.repeat(depth) + "1", "}".repeat(depth));
        assert!(draft("b", &[&nested(62)]).is_ok());
        assert!(draft("b", &[&nested(63)]).is_err());
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(ATTACHMENT_BYTES_MAX));
        assert!(draft("b", &[&long]).is_err());
        assert_eq!(draft("b", &["{ \"id\" : 1.0 }"]).unwrap().attachments(), [r#"{"id":1.0}"#]);
    }

    #[test]
    fn what_is_said_decides_the_fingerprint() {
        let of = |body, attachments: &[&str]| draft(body, attachments).unwrap().fingerprint();
        assert_eq!(of("a", &["{}"]), of("a", &["{ }"]));
        assert_ne!(of("a", &[]), of("b", &[]));
        assert_ne!(of("a", &[]), of("a", &["{}"]));
        assert_ne!(of("a{}", &[]), of("a", &["{}"]));
    }
}
