//! What the routes have in common: who asks, what they read, how they answer.

use axum::{
    body::Body,
    extract::{FromRequestParts, Path},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, request::Parts};
use node_runtime::Scope;
use serde::{Deserialize, de::DeserializeOwned};
use viz_api::{
    ApiError, AppState,
    surface::{Caller, json, query_value, read_json},
};

use crate::error::Failure;

/// What a path names; one that is no text is refused in the form that all errors have.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let named = Path::from_request_parts(parts, state).await;
        let Path(named) = named.map_err(|_| ApiError::validation("the path must be UTF-8"))?;
        Ok(Named(named))
    }
}

/// Finds out who asks, and that it may, before anything else is looked at.
pub(super) async fn caller(
    app: &AppState,
    headers: &HeaderMap,
    scope: Scope,
) -> Result<Caller, Failure> {
    let caller = app.caller(headers).await?;
    caller.need(scope)?;
    app.check_available()?;
    Ok(caller)
}

/// Reads a body.
pub(super) async fn body(app: &AppState, parts: &Parts, body: Body) -> Result<Bytes, Failure> {
    Ok(read_json(app, &parts.headers, body).await?)
}

/// Reads what a body says.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, Failure> {
    // Strictly an object: a list would be read field by field.
    if body.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Failure(ApiError::validation("the body must be a JSON object")));
    }
    let malformed = |error: serde_json::Error| {
        Failure(ApiError::validation(format!("the body can't be understood: {error}")))
    };
    serde_json::from_slice(body).map_err(malformed)
}

/// Reads a body that says nothing: `{}`, or none.
pub(super) fn read_nothing(body: &Bytes) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    if body.is_empty() {
        return Ok(());
    }
    read::<Nothing>(body).map(|Nothing {}| ())
}

/// Reads a whole number of the query.
pub(super) fn number(parts: &Parts, name: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = query_value(parts.uri.query(), name)? else { return Ok(None) };
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| plain);
    let malformed = || Failure(ApiError::validation(format!("`{name}` is a whole number")));
    number.map(Some).ok_or_else(malformed)
}

/// Answers with JSON.
pub(super) fn ok(status: StatusCode, value: &serde_json::Value) -> Response {
    json(status, value.to_string())
}
