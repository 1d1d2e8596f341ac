//! `POST /api/events`: publish one event or a list.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use broker::{Append, Appended, IdempotencyKey, NewEvent, Receipt};
use bytes::{Bytes, BytesMut};
use event::{Envelope, EventId, StreamName};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use node_runtime::{IdempotencyResult, PublishResult, Scope};
use tokio::time::timeout;

use crate::{
    AppState,
    app::Admitted,
    auth::Caller,
    error::{ApiError, Code},
    publish::{self, Draft, Drafts},
    request::json,
};

const ROUTE: &str = "POST /api/events";

/// How long the next piece of a body may take.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(10);

/// How long a whole body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(120);

/// Publishes to the organisation's own stream, and answers once the backend has the events.
pub(crate) async fn publish(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = app.auth.caller(&parts.headers).await?;
    caller.need(Scope::Publish)?;
    if parts.extensions.get::<Admitted>().is_none() {
        app.check_available()?;
    }
    let refused = |error: &ApiError| {
        let result = match error.code() {
            Code::Unavailable => PublishResult::Failed,
            _ => PublishResult::Refused,
        };
        app.state.metrics.published(backend(&app), result, 1);
    };
    accept(&app, &caller, &parts.headers, body).await.inspect_err(refused)
}

async fn accept(
    app: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    check_media_type(headers)?;
    let key = idempotency_key(headers)?;
    let body = read_body(body, headers, app.state.settings.limits.body_bytes_max).await?;
    let drafts = publish::parse(&body, &app.state.settings.limits)?;
    let key = key.map(|key| IdempotencyKey::new(&caller.org, ROUTE, key, &body));
    let _turn = match &key {
        Some(key) => Some(app.in_flight.turn(key, &app.state.metrics).await?),
        None => None,
    };
    app.rate.take(&caller.org, drafts.as_slice().len())?;
    let appended = append(app, caller, drafts.as_slice(), key).await?;
    Ok(answer(app, caller, &drafts, &appended))
}

/// Puts events at the end of the caller's own stream.
pub(crate) async fn append(
    app: &AppState,
    caller: &Caller,
    drafts: &[Draft],
    key: Option<IdempotencyKey>,
) -> Result<Appended, ApiError> {
    let now = app.state.clock.unix();
    let event = |draft: &Draft| {
        let envelope = Envelope {
            id: EventId::random(now, &mut rand::rng()),
            org_id: caller.org.clone(),
            event: draft.name.clone(),
            payload: draft.payload.clone(),
        };
        NewEvent { id: envelope.id, name: draft.name.clone(), json: envelope.to_json() }
    };
    let events = drafts.iter().map(event).collect();
    let stream = StreamName::Org(caller.org.clone());
    let began = app.state.clock.mono();
    let append = Append { events, idempotency: key };
    let appended = app.state.broker.append(&stream, append).await;
    app.state.metrics.publish_took(app.state.clock.mono().since(began));
    note_idempotency(app, key.is_some(), &appended);
    Ok(appended?)
}

fn note_idempotency(
    app: &AppState,
    has_key: bool,
    appended: &Result<Appended, broker::AppendError>,
) {
    if !has_key {
        return;
    }
    let result = match appended {
        Ok(Appended::First(_)) => IdempotencyResult::First,
        Ok(Appended::Replayed(_)) => IdempotencyResult::Replayed,
        Err(broker::AppendError::Conflict) => IdempotencyResult::Conflict,
        Err(_) => return,
    };
    app.state.metrics.idempotency(result);
}

/// Writes the same answer for the first attempt and every later one.
fn answer(app: &AppState, caller: &Caller, drafts: &Drafts, appended: &Appended) -> Response {
    let receipts = appended.receipts();
    let rows: Vec<_> = drafts
        .as_slice()
        .iter()
        .zip(receipts)
        .map(|(draft, receipt)| row(caller, draft, receipt))
        .collect();
    let body = match drafts {
        Drafts::One(_) => rows.concat(),
        Drafts::List(_) => format!("[{}]", rows.join(",")),
    };
    let (result, replayed) = match appended {
        Appended::First(_) => (PublishResult::Stored, false),
        Appended::Replayed(_) => (PublishResult::Replayed, true),
    };
    app.state.metrics.published(backend(app), result, receipts.len() as u64);
    let mut response = json(StatusCode::CREATED, body);
    if replayed {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotency-replayed", yes);
    }
    response
}

fn row(caller: &Caller, draft: &Draft, receipt: &Receipt) -> String {
    let envelope = Envelope {
        id: receipt.id,
        org_id: caller.org.clone(),
        event: draft.name.clone(),
        payload: event::Payload::empty(),
    };
    format!(
        r#"{{"id":"{}","cursor":"{}","org_id":"{}","event":"{}","timestamp":"{}","version":"{}"}}"#,
        receipt.id,
        receipt.position,
        envelope.org_id,
        envelope.event,
        envelope.timestamp(),
        event::ENVELOPE_VERSION,
    )
}

/// Checks that a body, if there is one, is JSON as it stands.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let unsupported = |message: &'static str| ApiError::new(Code::Unsupported, message);
    if let Some(value) = headers.get(header::CONTENT_TYPE) {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case("application/json") {
            return Err(unsupported("the body must be `content-type: application/json`"));
        }
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(value) if value != "identity" => Err(unsupported("the body must not be compressed")),
        _ => Ok(()),
    }
}

/// Reads a whole body that is to be JSON.
///
/// # Errors
/// Fails on another media type, on too many bytes, and where it does not come to an end.
pub async fn read_json(app: &AppState, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    check_media_type(headers)?;
    read_body(body, headers, app.state.settings.limits.body_bytes_max).await
}

/// Returns the key that makes another attempt harmless.
///
/// # Errors
/// Fails where there is more than one, or one that is malformed.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::validation("there is more than one `Idempotency-Key`"));
    }
    check_idempotency_key(value.to_str().unwrap_or_default()).map(Some)
}

/// Checks the grammar of a key.
///
/// # Errors
/// Fails where it is not kept.
pub(crate) fn check_idempotency_key(key: &str) -> Result<&str, ApiError> {
    if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(key);
    }
    Err(ApiError::validation("`Idempotency-Key` is 1 to 255 visible ASCII characters"))
}

/// Reads a whole body, as long as it keeps coming, stays below the limit and comes to an end.
pub(crate) async fn read_body(
    body: Body,
    headers: &HeaderMap,
    most: usize,
) -> Result<Bytes, ApiError> {
    let read = timeout(BODY_TIME_MAX, read_pieces(body, headers, most));
    let late = |_| ApiError::validation("the body did not end within two minutes");
    read.await.map_err(late)?
}

async fn read_pieces(mut body: Body, headers: &HeaderMap, most: usize) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::too_large(format!("a body has at most {most} bytes"));
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if stated.and_then(|text| text.parse::<u64>().ok()).is_some_and(|n| n > most as u64) {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    loop {
        let frame = timeout(BODY_PAUSE_MAX, body.frame())
            .await
            .map_err(|_| ApiError::validation("the body did not go on for 10 seconds"))?;
        let Some(frame) = frame else { return Ok(read.freeze()) };
        let frame = frame.map_err(|_| ApiError::validation("the body broke off"))?;
        if let Some(data) = frame.data_ref() {
            if read.len() + data.len() > most {
                return Err(too_large());
            }
            read.extend_from_slice(data);
        }
    }
}

fn backend(app: &AppState) -> &'static str {
    app.state.broker.health().selected
}
