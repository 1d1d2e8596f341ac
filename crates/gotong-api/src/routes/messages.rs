//! `/v1/chat/threads/{id}/messages`: sending, changing and reading.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, request::Parts};
use node_runtime::Scope;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::Amended;
use viz_api::{
    ApiError, AppState,
    surface::{idempotency_key, json, query_value},
};

use super::answer::{Named, body, caller, number, read, read_nothing};
use crate::{
    Chat,
    domain::{Draft, checked_request_id, shown_json},
    error::Failure,
    service::Sender,
};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted<'a> {
    body: String,
    #[serde(borrow, default)]
    attachments: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    body: String,
}

/// Sends a message; it is answered once the database has it.
pub(super) async fn send(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    let bytes = body(&app, &parts, rest).await?;
    let wanted: Wanted<'_> = read(&bytes)?;
    let correlation_id = correlation_id(&parts.headers)?;
    let draft = Draft::new(&wanted.body, &wanted.attachments, correlation_id)?;
    let request_id = request_id(&parts.headers)?;
    let _turn = chat.turn(&caller, &id, request_id).await?;
    app.take_from_rate(&caller, 1)?;
    let sender = Sender { caller: &caller, request_id };
    let placed = chat.service()?.send(sender, &id, &draft).await?;
    let amended = Amended { message: placed.message, amendment: None };
    let mut response = json(StatusCode::CREATED, shown_json(&amended)?);
    if placed.is_replayed {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotency-replayed", yes);
    }
    Ok(response)
}

/// Returns what makes another attempt harmless: the key, else the request's id.
fn request_id(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    if let Some(key) = idempotency_key(headers)? {
        return Ok(Some(key));
    }
    // One that is no id is as if there was none, as for every request.
    Ok(text_of(headers, "x-request-id").filter(|id| checked_request_id(id).is_ok()))
}

/// Returns what the sender relates the message to; it is never dropped in silence.
fn correlation_id(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    const NAME: &str = "x-correlation-id";
    let Some(value) = headers.get(NAME) else { return Ok(None) };
    let is_visible = value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte));
    let refusal = || Failure(ApiError::validation("`x-correlation-id` has visible ASCII alone"));
    value.to_str().ok().filter(|_| is_visible).map(Some).ok_or_else(refusal)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Changes what a message says.
pub(super) async fn edit(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named((id, seq)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    let bytes = body(&app, &parts, rest).await?;
    let edited: Edited = read(&bytes)?;
    app.take_from_rate(&caller, 1)?;
    let amended = chat.service()?.edit(&caller, &id, number_of(&seq)?, &edited.body).await?;
    Ok(json(StatusCode::OK, shown_json(&amended)?))
}

/// Takes a message away.
pub(super) async fn delete(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named((id, seq)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    read_nothing(&body(&app, &parts, rest).await?)?;
    app.take_from_rate(&caller, 1)?;
    let amended = chat.service()?.delete(&caller, &id, number_of(&seq)?).await?;
    Ok(json(StatusCode::OK, shown_json(&amended)?))
}

fn number_of(text: &str) -> Result<u64, Failure> {
    let number = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    number.ok_or_else(|| Failure(ApiError::validation("a message's number is a whole number")))
}

/// Returns the messages after a place, oldest first.
pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Subscribe).await?;
    let limit = number(&parts, "limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure(ApiError::validation("`limit` is 1 to 200")));
    }
    let service = chat.service()?;
    let after = match since(&parts)? {
        Since::Number(after) => after,
        Since::Message(message_id, at_ms) => {
            service.seq_of(&caller, &id, &message_id, at_ms).await?
        }
    };
    let page = service.messages(&caller, &id, after, limit as usize).await?;
    let messages: Result<Vec<_>, _> = page.messages.iter().map(shown_json).collect();
    let (messages, next, has_more) = (messages?.join(","), page.next, page.has_more);
    let text = format!(r#"{{"messages":[{messages}],"next":{next},"has_more":{has_more}}}"#);
    Ok(json(StatusCode::OK, text))
}

/// After what a client wants to read on.
enum Since {
    Number(u64),
    Message(String, u64),
}

fn since(parts: &Parts) -> Result<Since, Failure> {
    let slip = |message: &'static str| Failure(ApiError::validation(message));
    let after = number(parts, "after")?;
    let at_ms = number(parts, "since_created_at_ms")?;
    let message_id = query_value(parts.uri.query(), "since_message_id")?;
    match (after, message_id, at_ms) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            Err(slip("`after` and `since_message_id` mean the same: send one of them"))
        }
        (after, None, None) => Ok(Since::Number(after.unwrap_or(0))),
        (None, Some(message_id), Some(at_ms)) => Ok(Since::Message(message_id, at_ms)),
        (None, _, _) => Err(slip("`since_message_id` and `since_created_at_ms` belong together")),
    }
}
