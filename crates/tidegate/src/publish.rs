//! `tidegate publish`: one event from the command line, or many from standard input.

mod lines;

use std::io::Read;

use bytes::Bytes;
use event::EventName;
use node_runtime::settings::{Scope, Scopes};
use serde_json::{json, value::RawValue};

use crate::{
    cli::{PublishArgs, Style},
    client::{Api, Backoff, Receipt, Refusal},
    console,
    exit::Exit,
    failure::Failure,
    target::Target,
};

/// How often an event with an idempotency key is sent before the command gives up.
const ATTEMPTS_MAX: u32 = 6;

/// Carries the command out.
///
/// # Errors
/// Fails on an event that makes no sense, and where the server does not take it.
pub(crate) async fn run(args: PublishArgs, style: Style) -> Result<Exit, Failure> {
    let target = Target::of(&args.client, Scopes::none().with(Scope::Publish))?;
    let api = Api::new(target)?;
    if args.lines {
        return lines::run(&api, style).await;
    }
    let name = args.event.as_deref().unwrap_or_default();
    let payload = payload(args.payload.as_deref())?;
    let body = body(name, payload.as_deref())?;
    let key = checked_key(args.idempotency_key.as_deref())?;
    let receipts = send(&api, body, key).await?;
    for receipt in &receipts {
        console::conclude(&shown(receipt, style));
    }
    Ok(Exit::Done)
}

/// Sends a body; with a key it can be sent again, since it takes effect once.
async fn send(api: &Api, body: Bytes, key: Option<&str>) -> Result<Vec<Receipt>, Refusal> {
    let mut backoff = Backoff::default();
    for _ in 1..ATTEMPTS_MAX {
        match api.publish(body.clone(), key).await {
            Err(refusal) if key.is_some() && refusal.is_temporary() => {
                let wait = backoff.wait(refusal.retry_after(), &mut rand::rng());
                console::note(&format!("{}; trying again in {wait:.1?}", refusal.chain()));
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
    }
    api.publish(body, key).await
}

/// Returns the payload's text, from the argument or from standard input.
fn payload(argument: Option<&str>) -> Result<Option<String>, Failure> {
    if argument != Some("-") {
        return Ok(argument.map(ToOwned::to_owned));
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage("standard input can't be read").because(error))?;
    Ok(Some(text))
}

/// Writes the request's body; the payload's text goes as it is, numbers included.
fn body(name: &str, payload: Option<&str>) -> Result<Bytes, Failure> {
    let name: EventName =
        name.parse().map_err(|error| Failure::usage("the event's name").because(error))?;
    let Some(text) = payload else {
        return Ok(json!({"event": name.as_str()}).to_string().into());
    };
    let raw: &RawValue = serde_json::from_str(text.trim())
        .map_err(|error| Failure::usage("the payload is not JSON").because(error))?;
    if !raw.get().starts_with('{') {
        return Err(Failure::usage("the payload is not a JSON object"));
    }
    Ok(format!(r#"{{"event":"{name}","payload":{raw}}}"#).into())
}

fn checked_key(key: Option<&str>) -> Result<Option<&str>, Failure> {
    let good =
        |key: &str| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    match key {
        Some(key) if !good(key) => {
            Err(Failure::usage("--idempotency-key is 1 to 255 visible ASCII characters"))
        }
        key => Ok(key),
    }
}

fn shown(receipt: &Receipt, style: Style) -> String {
    let Receipt { id, cursor } = receipt;
    match style {
        Style::Human => format!("{id} {cursor}"),
        Style::Json => json!({"id": id, "cursor": cursor}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_keep_the_payload_as_it_is() {
        let check = |name: &str, payload: Option<&str>, expected: Option<&str>| {
            let body = body(name, payload).ok();
            assert_eq!(body.as_deref(), expected.map(str::as_bytes), "{name} {payload:?}");
        };
        check("a.b", None, Some(r#"{"event":"a.b"}"#));
        check("a.b", Some("{\"n\":1.0}\n"), Some(r#"{"event":"a.b","payload":{"n":1.0}}"#));
        check("a.b", Some("[1]"), None);
        check("a.b", Some("{"), None);
        check("A", None, None);
        check("gap", None, None);
    }

    #[test]
    fn keys_are_visible_ascii() {
        assert!(checked_key(None).is_ok());
        assert!(checked_key(Some("order-7")).is_ok());
        assert!(checked_key(Some("")).is_err());
        assert!(checked_key(Some("a b")).is_err());
        assert!(checked_key(Some(&"x".repeat(256))).is_err());
    }
}
