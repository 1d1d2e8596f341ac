//! `GET /api/stream`: Server-Sent Events with a cursor that resumes exactly.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use delivery::{Filter, OpenRequest, Opened, Terms, Transport, sse};
use event::{After, StreamName};
use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use rand::RngExt;

use crate::{
    AppState,
    auth::Caller,
    error::{ApiError, Code},
    request::{http_date, query_value},
    server::{Handover, HandoverSlot, StreamHandover},
};

/// When a reader that lost its stream comes back, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u32> = 1000..=5000;

/// Opens a stream; its connection leaves HTTP and goes to delivery.
pub(crate) async fn stream(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let opened = open(&app, &parts).await;
    if parts.method == Method::HEAD {
        // It asks about a stream, and for none.
        return opened;
    }
    let result = match &opened {
        Ok(_) => "ok",
        Err(error) => connect_result(error.code()),
    };
    app.state.metrics.connect(Transport::sse, result);
    opened
}

/// Attaches a reader, and leaves it where its connection finds it.
pub(crate) async fn open(app: &AppState, request: &Parts) -> Result<Response, ApiError> {
    let caller = reader(app, request).await?;
    let query = request.uri.query();
    let stream = app.stream_for(&caller, query_value(query, "stream")?.as_deref())?;
    let filter = query_value(query, "events")?.map(|text| text.parse::<Filter>()).transpose();
    let filter = filter.map_err(|error| ApiError::validation(format!("`events`: {error}")))?;
    let after = place_in(&request.headers, query)?;
    app.check_available()?;
    let terms = app.terms(&caller, &stream).await?;
    let plan = StreamPlan { stream, after, filter: filter.map(Arc::new), terms };
    open_stream(app, request, &caller, plan, preamble).await
}

/// What a stream is to be.
#[derive(Clone, Debug)]
pub struct StreamPlan {
    /// Which.
    pub stream: StreamName,
    /// Where it begins.
    pub after: After,
    /// Which events; all where there is none.
    pub filter: Option<Arc<Filter>>,
    /// On what terms it is read.
    pub terms: Terms,
}

/// Attaches a reader whom everything allows to read, and leaves it where its connection finds it.
///
/// # Errors
/// Fails where it can't be served now.
pub async fn open_stream(
    app: &AppState,
    request: &Parts,
    caller: &Caller,
    plan: StreamPlan,
    preamble: fn(&AppState, &Caller, &Opened) -> Bytes,
) -> Result<Response, ApiError> {
    let mut response = Body::empty().into_response();
    set_headers(response.headers_mut(), &http_date(app.state.clock.unix()));
    if request.method == Method::HEAD {
        return Ok(response);
    }
    let slot = request.extensions.get::<HandoverSlot>();
    let slot = slot.ok_or_else(|| ApiError::unavailable("this listener serves no streams"))?;
    let permit = app.quota.take(&caller.org)?;
    let delivery = app.state.delivery();
    let delivery = delivery.ok_or_else(|| ApiError::unavailable("the server is starting"))?;
    let StreamPlan { stream, after, filter, terms } = plan;
    let opened = delivery.open(OpenRequest { stream, after, filter, terms }).await?;
    app.state.metrics.replay(opened.resume);
    slot.fill(Handover::Stream(StreamHandover {
        preamble: preamble(app, caller, &opened),
        opened,
        expires: app.until(caller),
        permit,
    }));
    Ok(response)
}

/// Finds out who asks: by header, or by a ticket where there is none.
///
/// # Errors
/// Fails where there is no credential, or one that can't be accepted.
pub async fn reader(app: &AppState, request: &Parts) -> Result<Caller, ApiError> {
    let headers = &request.headers;
    let has_header =
        headers.contains_key("x-api-key") || headers.contains_key(header::AUTHORIZATION);
    match query_value(request.uri.query(), "ticket")? {
        // A HEAD request must not use the ticket up.
        Some(ticket) if !has_header && request.method != Method::HEAD => {
            let caller = app.tickets.redeem(&ticket, app.state.clock.mono())?;
            if caller.expires.is_some_and(|at| at <= app.state.clock.unix()) {
                return Err(ApiError::unauthorized("the token that bought the ticket has expired"));
            }
            Ok(caller)
        }
        _ => app.auth.caller(headers).await,
    }
}

/// Reads where a reader goes on: `Last-Event-ID`, else `?after=`.
///
/// # Errors
/// Fails where the parameter stands more than once.
pub fn place_in(headers: &HeaderMap, query: Option<&str>) -> Result<After, ApiError> {
    let query = query_value(query, "after")?;
    let header = headers.get("last-event-id").map(HeaderValue::as_bytes).filter(|v| !v.is_empty());
    Ok(match header {
        Some(value) => After::from_client(Some(&String::from_utf8_lossy(value))),
        None => After::from_client(query.as_deref()),
    })
}

fn set_headers(headers: &mut HeaderMap, date: &str) {
    let fixed = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // Delivery writes this head, and an origin server with a clock says when (RFC 9110, 6.6.1).
    if let Ok(date) = HeaderValue::from_str(date) {
        headers.insert(header::DATE, date);
    }
}

/// Writes what comes before any event: when to come back, how the stream begins, and the hole.
fn preamble(app: &AppState, caller: &Caller, opened: &Opened) -> Bytes {
    let (backend, status) = app.serving();
    let connected = serde_json::json!({
        "status": "ok",
        "orgId": caller.org.as_str(),
        "backend": backend,
        "realtimeStatus": status,
        "resume": opened.resume.as_str(),
        "replayed": opened.replayed,
        "lastEventId": opened.after.to_string(),
    });
    let mut out = sse::retry(rand::rng().random_range(RETRY_MS)).into_bytes();
    // The id lets a browser that never saw an event resume too; a gap brings its own.
    let id = opened.gap.is_none().then_some(opened.after);
    out.extend(sse::own_event(id, "connected", &connected.to_string()).into_bytes());
    if let Some(gap) = &opened.gap {
        out.extend_from_slice(&sse::gap(gap));
    }
    out.into()
}

/// Returns the label under which a refused connection is counted.
pub fn connect_result(code: Code) -> &'static str {
    match code {
        Code::Unauthorized => "unauthorized",
        Code::Forbidden => "forbidden",
        Code::RateLimited => "rate_limited",
        Code::Unavailable => "unavailable",
        Code::Internal => "failed",
        _ => "invalid",
    }
}
