//! What a client may say over a WebSocket, read strictly: every slip is named.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    error::ApiError,
    publish::{present, read_object},
};

/// Longest reference, in bytes as sent.
const REFERENCE_BYTES_MAX: usize = 256;

/// What a client says.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    /// Follow a stream.
    Subscribe { stream: Option<Cow<'a, str>>, after: Option<Cow<'a, str>> },
    /// Follow it no longer.
    Unsubscribe { stream: Cow<'a, str> },
    /// Publish an event.
    Publish {
        event: Cow<'a, str>,
        payload: Option<&'a RawValue>,
        idempotency_key: Option<Cow<'a, str>>,
    },
    /// Send a message to a thread.
    Send { stream: Option<Cow<'a, str>>, body: Cow<'a, str>, request_id: Option<Cow<'a, str>> },
    /// A newer token.
    Auth { token: Cow<'a, str> },
}

/// A message with the reference under which it is answered, as JSON.
pub(crate) struct Message<'a> {
    pub(crate) reference: Option<&'a str>,
    pub(crate) said: Result<Said<'a>, ApiError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    after: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "ref")]
    reference: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    idempotency_key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    body: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
}

/// What is looked for in a message that can't be read: under what its sender expects an answer.
#[derive(Deserialize)]
struct Referenced<'a> {
    #[serde(borrow, default, rename = "ref")]
    reference: Option<&'a RawValue>,
}

/// Reads a message.
pub(crate) fn parse(text: &str) -> Message<'_> {
    let wire: Wire<'_> = match read_object(text) {
        Ok(wire) => wire,
        Err(error) => {
            let found = read_object(text).ok();
            let found = found.and_then(|Referenced { reference: raw }| reference(raw).ok());
            return Message { reference: found.flatten(), said: Err(slip(error)) };
        }
    };
    match reference(wire.reference) {
        Ok(reference) => Message { reference, said: said(wire) },
        Err(error) => Message { reference: None, said: Err(error) },
    }
}

fn said(wire: Wire<'_>) -> Result<Said<'_>, ApiError> {
    let has = [
        ("stream", wire.stream.is_some()),
        ("after", wire.after.is_some()),
        ("ref", wire.reference.is_some()),
        ("event", wire.event.is_some()),
        ("payload", wire.payload.is_some()),
        ("idempotency_key", wire.idempotency_key.is_some()),
        ("token", wire.token.is_some()),
        ("body", wire.body.is_some()),
        ("request_id", wire.request_id.is_some()),
    ];
    let takes = match &*wire.kind {
        "subscribe" => ["ref", "stream", "after"].as_slice(),
        "unsubscribe" => &["ref", "stream"],
        "publish" => &["ref", "event", "payload", "idempotency_key"],
        "send" => &["ref", "stream", "body", "request_id"],
        "auth" => &["ref", "token"],
        _ => return Err(slip("`type` is subscribe, unsubscribe, publish, send or auth")),
    };
    if let Some((name, _)) = has.iter().find(|(name, has)| *has && !takes.contains(name)) {
        return Err(slip(format!("`{name}` means nothing with `{}`", wire.kind)));
    }
    let needed = |name: &str| slip(format!("`{}` needs `{name}`", wire.kind));
    match &*wire.kind {
        "subscribe" => Ok(Said::Subscribe { stream: wire.stream, after: wire.after }),
        "unsubscribe" => {
            Ok(Said::Unsubscribe { stream: wire.stream.ok_or_else(|| needed("stream"))? })
        }
        "auth" => Ok(Said::Auth { token: wire.token.ok_or_else(|| needed("token"))? }),
        _ if wire.reference.is_none() => Err(needed("ref")),
        "send" => Ok(Said::Send {
            stream: wire.stream,
            body: wire.body.ok_or_else(|| needed("body"))?,
            request_id: wire.request_id,
        }),
        _ => Ok(Said::Publish {
            event: wire.event.ok_or_else(|| needed("event"))?,
            payload: wire.payload,
            idempotency_key: wire.idempotency_key,
        }),
    }
}

/// Returns a reference as it was sent; it goes back so.
fn reference(raw: Option<&RawValue>) -> Result<Option<&str>, ApiError> {
    let Some(text) = raw.map(RawValue::get) else { return Ok(None) };
    let is_scalar = text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    if !is_scalar || text.len() > REFERENCE_BYTES_MAX {
        let message = format!("`ref` is a text or a number of at most {REFERENCE_BYTES_MAX} bytes");
        return Err(slip(message));
    }
    Ok(Some(text))
}

fn slip(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::validation(message)
}

#[cfg(test)]
mod tests;
