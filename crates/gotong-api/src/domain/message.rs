//! A message in its thread's log, in the database and before its readers.
//!
//! The log's event has everything but the number, which is its place. The message's id and time are
//! the event's, so that they are given once and agree everywhere.

use event::{Envelope, Event, EventId, EventName, OrgId, Payload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Amended, Message};

use super::Draft;

/// The name of the log's event.
pub(crate) const EVENT: &str = "message.sent";

const MESSAGE_PREFIX: &str = "msg_";
const EVENT_PREFIX: &str = "evt_";

/// What a log's event says of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its thread.
    pub thread_id: String,
    /// Who sent it.
    pub author_id: String,
    /// What it says.
    pub body: String,
    /// References to what is attached, each one JSON.
    pub attachments: Vec<String>,
    /// The request that it came with.
    pub request_id: Option<String>,
    /// What its sender relates it to.
    pub correlation_id: Option<String>,
}

/// An event of a thread's log is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the thread's log is no message")]
pub struct RecordError;

impl Record {
    /// Returns what is to be written of a draft.
    pub fn new(thread: &str, author: &str, draft: &Draft, request_id: Option<&str>) -> Self {
        Record {
            thread_id: thread.to_owned(),
            author_id: author.to_owned(),
            body: draft.body().to_owned(),
            attachments: draft.attachments().to_vec(),
            request_id: request_id.map(str::to_owned),
            correlation_id: draft.correlation_id().map(str::to_owned),
        }
    }

    /// Returns the envelope under which it goes into the log.
    ///
    /// # Errors
    /// Never fails on a record that was made of a draft.
    pub fn envelope(&self, id: EventId, org: &OrgId) -> Result<Envelope, RecordError> {
        envelope(id, org, &serde_json::to_string(self).map_err(|_| RecordError)?)
    }

    /// Reads it from the log.
    ///
    /// # Errors
    /// Fails on an event that is none of ours.
    pub fn read(event: &Event) -> Result<Self, RecordError> {
        let envelope = Envelope::from_json(&event.json).map_err(|_| RecordError)?;
        serde_json::from_str(envelope.payload.as_str()).map_err(|_| RecordError)
    }

    /// Returns the row that it has in the database.
    pub fn row(self, id: EventId, seq: u64) -> Message {
        Message {
            thread_id: self.thread_id,
            seq,
            message_id: message_id(id),
            author_id: self.author_id,
            body: self.body,
            attachments: self.attachments,
            created_at_ms: id.unix_ms().0,
            request_id: self.request_id,
            correlation_id: self.correlation_id,
        }
    }
}

/// Returns the id of the message whose event has this one.
pub fn message_id(id: EventId) -> String {
    id.to_string().replacen(EVENT_PREFIX, MESSAGE_PREFIX, 1)
}

/// Returns the id of a message's event.
///
/// # Errors
/// Fails on an id that is no message's.
pub(crate) fn event_id(message_id: &str) -> Result<EventId, RecordError> {
    let ulid = message_id.strip_prefix(MESSAGE_PREFIX).ok_or(RecordError)?;
    format!("{EVENT_PREFIX}{ulid}").parse().map_err(|_| RecordError)
}

/// A message as its readers see it.
#[derive(Serialize)]
struct Shown<'a> {
    thread_id: &'a str,
    message_id: &'a str,
    seq: u64,
    author_id: &'a str,
    body: &'a str,
    attachments: Vec<&'a RawValue>,
    created_at_ms: u64,
    edited_at_ms: Option<u64>,
    deleted_at_ms: Option<u64>,
    request_id: Option<&'a str>,
    correlation_id: Option<&'a str>,
}

/// Returns a message's JSON; of one that was deleted nothing that it said.
///
/// # Errors
/// Fails on attachments that are no JSON.
pub fn shown_json(amended: &Amended) -> Result<String, RecordError> {
    let Message { thread_id, seq, message_id, author_id, created_at_ms, .. } = &amended.message;
    let deleted_at_ms = amended.deleted_at_ms();
    let attachments = match deleted_at_ms {
        Some(_) => &[],
        None => amended.message.attachments.as_slice(),
    };
    let raw = attachments.iter().map(|text| serde_json::from_str::<&RawValue>(text));
    let shown = Shown {
        thread_id,
        message_id,
        seq: *seq,
        author_id,
        body: amended.body(),
        attachments: raw.collect::<Result<_, _>>().map_err(|_| RecordError)?,
        created_at_ms: *created_at_ms,
        edited_at_ms: amended.edited_at_ms(),
        deleted_at_ms,
        request_id: amended.message.request_id.as_deref(),
        correlation_id: amended.message.correlation_id.as_deref(),
    };
    serde_json::to_string(&shown).map_err(|_| RecordError)
}

/// Returns the envelope under which readers of the thread's stream get a message.
///
/// # Errors
/// Fails on a row that is none of ours.
pub(crate) fn shown_envelope(org: &OrgId, amended: &Amended) -> Result<Envelope, RecordError> {
    envelope(event_id(&amended.message.message_id)?, org, &shown_json(amended)?)
}

fn envelope(id: EventId, org: &OrgId, payload: &str) -> Result<Envelope, RecordError> {
    let raw: &RawValue = serde_json::from_str(payload).map_err(|_| RecordError)?;
    let payload = Payload::from_raw(raw).map_err(|_| RecordError)?;
    Ok(Envelope { id, org_id: org.clone(), event: event_name()?, payload })
}

pub(crate) fn event_name() -> Result<EventName, RecordError> {
    EVENT.parse().map_err(|_| RecordError)
}

#[cfg(test)]
mod tests {
    use event::{Epoch, Position, Seq};
    use proptest::prelude::*;
    use store::Amendment;

    use super::*;

    fn org() -> OrgId {
        "org_a".parse().expect("an organisation")
    }

    fn record(body: &str) -> Record {
        Record {
            thread_id: "thr_1".into(),
            author_id: "alice".into(),
            body: body.into(),
            attachments: vec![r#"{"id":1.0}"#.into()],
            request_id: Some("r-1".into()),
            correlation_id: None,
        }
    }

    fn id() -> EventId {
        EventId::from_bits(0x0190_0000_0000_0000_0000_0000_0000_0001)
    }

    proptest! {
        #[test]
        fn what_goes_into_the_log_comes_out_of_it(body in ".{1,300}", author in ".{1,20}") {
            let record = Record { author_id: author, ..record(&body) };
            let envelope = record.envelope(id(), &org()).expect("it is one");
            let place = Position::new(Epoch::from_bits(1), Seq(7));
            let event = Event::new(place, id(), envelope.event.clone(), envelope.to_json());
            prop_assert_eq!(Record::read(&event).expect("it is one"), record.clone());
            let row = record.row(id(), 7);
            prop_assert_eq!(event_id(&row.message_id), Ok(id()));
            let amended = Amended { message: row, amendment: None };
            let shown = shown_envelope(&org(), &amended).expect("it is one");
            let value: serde_json::Value = serde_json::from_str(shown.payload.as_str()).expect("JSON");
            prop_assert_eq!(value["body"].as_str(), Some(&*body));
            prop_assert_eq!(value["seq"].as_u64(), Some(7));
        }
    }

    #[test]
    fn a_message_has_the_fields_of_the_contract() {
        let amended = Amended { message: record("hello").row(id(), 7), amendment: None };
        let json = shown_json(&amended).expect("it is one");
        let at = id().unix_ms().0;
        let expected = format!(
            r#"{{"thread_id":"thr_1","message_id":"{}","seq":7,"author_id":"alice","body":"hello","attachments":[{{"id":1.0}}],"created_at_ms":{at},"edited_at_ms":null,"deleted_at_ms":null,"request_id":"r-1","correlation_id":null}}"#,
            message_id(id())
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn of_a_deleted_message_nothing_is_shown_that_it_said() {
        let message = record("a secret").row(id(), 7);
        let deleted = Amended { message, amendment: Some(Amendment::Deleted { at_ms: 9 }) };
        let json: serde_json::Value =
            serde_json::from_str(&shown_json(&deleted).expect("it is one")).expect("JSON");
        assert_eq!((&json["body"], &json["attachments"]), (&"".into(), &serde_json::json!([])));
        assert_eq!(json["deleted_at_ms"], 9);
    }
}
