//! What every request goes through: an id, an entry in log and metrics, errors in one form.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use event::UnixMs;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use tracing::Instrument;

use crate::{
    AppState,
    error::{ApiError, Code},
};

/// The header that carries a request's id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const REQUEST_ID_BYTES_MAX: usize = 128;

/// Longest path and query that is looked at, in bytes; a longer one is refused.
const ADDRESS_BYTES_MAX: usize = 8 << 10;

/// A request's id: the caller's where it sent a usable one, else a new one.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let usable = |value: &&str| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(usable);
        RequestId(sent.map_or_else(new_request_id, str::to_owned))
    }
}

/// Draws a new request id.
pub(crate) fn new_request_id() -> String {
    format!("req_{}", data_encoding::HEXLOWER.encode(&rand::random::<[u8; 10]>()))
}

/// Wraps the whole router.
pub(crate) async fn around(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    around_route(&app, request, None, async |request| next.run(request).await).await
}

/// Wraps a handler; `route` is counted where the answer carries no `MatchedPath`.
pub(crate) async fn around_route(
    app: &AppState,
    mut request: Request,
    route: Option<&str>,
    handler: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let method = known_method(request.method());
    let span = tracing::error_span!("request", request_id = id.0, method);
    request.extensions_mut().insert(id.clone());
    let address_bytes = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let mut response = if address_bytes > ADDRESS_BYTES_MAX {
        let message = format!("an address has at most {ADDRESS_BYTES_MAX} bytes");
        ApiError::new(Code::UriTooLong, message).into_response()
    } else {
        handler(request).instrument(span.clone()).await
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        *response.body_mut() = Body::from(error.body(&id.0));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        span.in_scope(|| tracing::debug!(?error, "refused"));
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let matched = response.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map(MatchedPath::as_str).or(route).unwrap_or("other");
    app.state.metrics.http.request(route, method, response.status().as_u16(), began.elapsed());
    response
}

/// Copies the matched route to the answer, where the outermost layer finds it.
pub(crate) async fn note_route(
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(path);
    }
    response
}

/// A method as a bounded label.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Writes an instant as `Date` has it (RFC 9110, 5.6.7); empty where it lies out of its range.
pub(crate) fn http_date(at: UnixMs) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let text = at.map(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at));
    text.and_then(Result::ok).unwrap_or_default()
}

/// Returns a JSON answer.
pub fn json(status: http::StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Returns a query's value, percent-decoded.
///
/// # Errors
/// Fails where it stands more than once: which of them counts would depend on who reads them.
pub fn query_value(query: Option<&str>, name: &str) -> Result<Option<String>, ApiError> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let value = values.next();
    if values.next().is_some() {
        return Err(ApiError::validation(format!("`{name}` stands more than once in the query")));
    }
    Ok(value)
}
