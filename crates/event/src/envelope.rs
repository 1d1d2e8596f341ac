//! The six fields around a payload, and their one JSON text.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{EventId, EventName, OrgId, Payload, UnixMs};

/// The envelope contract's version, the value of `version`.
pub const ENVELOPE_VERSION: &str = "v1";

/// What a reader receives as one event.
///
/// Its JSON has exactly the fields `id`, `org_id`, `event`, `timestamp`, `version`, `payload`, in
/// this order and on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The event's identity; its time is the `timestamp`.
    pub id: EventId,
    /// The tenant.
    pub org_id: OrgId,
    /// The kind of event.
    pub event: EventName,
    /// The publisher's object.
    pub payload: Payload,
}

/// The text is not an envelope.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not JSON of the six fields.
    #[error("not an envelope")]
    Json(#[source] serde_json::Error),
    /// A field does not keep its grammar; the data is the field's name.
    #[error("not an envelope: field `{0}` is malformed")]
    Field(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    id: &'a str,
    org_id: &'a str,
    event: &'a str,
    timestamp: &'a str,
    version: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl Envelope {
    /// Returns the envelope's timestamp: ISO 8601 in UTC with milliseconds.
    pub fn timestamp(&self) -> String {
        timestamp_text(self.id.unix_ms())
    }

    /// Writes the one JSON text of this envelope.
    pub fn to_json(&self) -> Bytes {
        // Each field's grammar leaves out what JSON would have to escape.
        format!(
            r#"{{"id":"{}","org_id":"{}","event":"{}","timestamp":"{}","version":"{}","payload":{}}}"#,
            self.id,
            self.org_id,
            self.event,
            self.timestamp(),
            ENVELOPE_VERSION,
            self.payload.as_str(),
        )
        .into()
    }

    /// Reads an envelope's JSON.
    ///
    /// # Errors
    /// Fails on anything but the six fields in their grammar, and on a `timestamp` that is not
    /// the id's.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        let wire: Wire<'_> = serde_json::from_slice(json).map_err(EnvelopeError::Json)?;
        let envelope = Envelope {
            id: wire.id.parse().map_err(|_| EnvelopeError::Field("id"))?,
            org_id: wire.org_id.parse().map_err(|_| EnvelopeError::Field("org_id"))?,
            event: wire.event.parse().map_err(|_| EnvelopeError::Field("event"))?,
            payload: Payload::from_raw(wire.payload)
                .map_err(|_| EnvelopeError::Field("payload"))?,
        };
        if wire.version != ENVELOPE_VERSION {
            return Err(EnvelopeError::Field("version"));
        }
        if wire.timestamp != envelope.timestamp() {
            return Err(EnvelopeError::Field("timestamp"));
        }
        Ok(envelope)
    }
}

/// Writes an instant as ISO 8601 in UTC with milliseconds, as every document of ours does.
pub fn timestamp_text(at: UnixMs) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    // A ULID's 48 bits reach the year 10889; four digits of year are what ISO 8601 promises.
    let instant = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{instant:.3}")
}
