//! What a publisher sends, read strictly: every slip is named, and nothing of it is stored.

use std::borrow::Cow;

use event::{EventName, Payload};
use node_runtime::settings::LimitSettings;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::ApiError;

/// An event as its publisher describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) name: EventName,
    pub(crate) payload: Payload,
}

/// A body: one event or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Drafts {
    One(Draft),
    List(Vec<Draft>),
}

impl Drafts {
    pub(crate) fn as_slice(&self) -> &[Draft] {
        match self {
            Drafts::One(draft) => std::slice::from_ref(draft),
            Drafts::List(drafts) => drafts,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
}

/// Tells an absent payload from `null`, which is no object.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

/// Reads a body.
pub(crate) fn parse(body: &[u8], limits: &LimitSettings) -> Result<Drafts, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        invalid(format!("the body is not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let listed = text.trim_start().starts_with('[');
    if !listed {
        return draft(text, "", limits).map(Drafts::One);
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| json("", &error))?;
    if items.is_empty() {
        return Err(invalid("an empty list publishes nothing"));
    }
    if items.len() > limits.batch_events_max {
        let most = limits.batch_events_max;
        return Err(ApiError::too_large(format!("a list has at most {most} events")));
    }
    let numbered = items.into_iter().enumerate();
    let drafts =
        numbered.map(|(i, item)| draft(item.get(), &format!("event {i} of the list: "), limits));
    drafts.collect::<Result<_, _>>().map(Drafts::List)
}

fn draft(text: &str, place: &str, limits: &LimitSettings) -> Result<Draft, ApiError> {
    let wire: Wire<'_> = read_object(text).map_err(|error| invalid(format!("{place}{error}")))?;
    draft_of(&wire.event, wire.payload, place, limits)
}

/// Checks the parts of an event; `place` says where it stands, for the error.
pub(crate) fn draft_of(
    name: &str,
    payload: Option<&RawValue>,
    place: &str,
    limits: &LimitSettings,
) -> Result<Draft, ApiError> {
    let name = name.parse().map_err(|error| invalid(format!("{place}{error}")))?;
    let Some(raw) = payload else { return Ok(Draft { name, payload: Payload::empty() }) };
    if raw.get().len() > limits.payload_bytes_max {
        let most = limits.payload_bytes_max;
        return Err(ApiError::too_large(format!("{place}a payload has at most {most} bytes")));
    }
    let payload = Payload::from_raw(raw).map_err(|error| invalid(format!("{place}{error}")))?;
    Ok(Draft { name, payload })
}

/// Reads an object; what its fields are called is part of it, so a list of their values is none.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err("a JSON object is expected".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn json(place: &str, error: &serde_json::Error) -> ApiError {
    invalid(format!("{place}{error}"))
}

fn invalid(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::validation(message)
}
