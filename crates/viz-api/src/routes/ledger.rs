//! `GET /api/admin/ledger`: the account of a stream, for whoever checks what readers received.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use event::StreamName;
use http::StatusCode;
use node_runtime::Scope;

use crate::{
    AppState,
    error::{ApiError, Code},
    request::{json, query_value},
};

/// Returns first, last, count and rolling hash of a stream.
pub(crate) async fn ledger(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = app.auth.caller(request.headers()).await?;
    caller.need(Scope::Admin)?;
    let name = query_value(request.uri().query(), "stream")?;
    let stream = app.stream_for(&caller, name.as_deref())?;
    if matches!(stream, StreamName::Thread(_)) {
        let message = "a thread keeps no account: its rows are in the database";
        return Err(ApiError::new(Code::Unprocessable, message));
    }
    app.check_available()?;
    let ledger = app.state.broker.ledger(&stream).await?;
    let body = serde_json::json!({
        "stream": name.as_deref().unwrap_or("events"),
        "window_after": ledger.window_after.to_string(),
        "first": ledger.first.0,
        "last": ledger.last.to_string(),
        "count": ledger.count,
        "hash": ledger.hash.to_string(),
    });
    Ok(json(StatusCode::OK, body.to_string()))
}
