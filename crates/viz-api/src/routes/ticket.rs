//! `POST /api/stream/ticket`: a way in for browsers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use node_runtime::Scope;

use crate::{AppState, auth::TICKET_AGE_MAX, error::ApiError, request::json};

/// Sells a ticket: good once, for 30 seconds, to subscribe.
pub(crate) async fn sell(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = app.auth.caller(request.headers()).await?;
    caller.need(Scope::Subscribe)?;
    app.check_available()?;
    let ticket = app.tickets.sell(caller, app.state.clock.mono())?;
    let body = serde_json::json!({"ticket": ticket, "expires_in": TICKET_AGE_MAX.as_secs()});
    let mut response = json(StatusCode::CREATED, body.to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
