//! `/v1/chat/threads/{id}/read-cursor`: how far the caller has read.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use http::StatusCode;
use node_runtime::Scope;
use serde::Deserialize;
use serde_json::json;
use viz_api::AppState;

use super::answer::{Named, body, caller, ok, read};
use crate::{Chat, error::Failure};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    seq: u64,
}

/// Returns how far.
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let caller = caller(&app, request.headers(), Scope::Subscribe).await?;
    let seq = chat.service()?.read_cursor(&caller, &id).await?;
    Ok(ok(StatusCode::OK, &json!({"thread_id": id, "user_id": caller.name, "seq": seq})))
}

/// Notes how far.
pub(super) async fn advance(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    let bytes = body(&app, &parts, rest).await?;
    let wanted: Wanted = read(&bytes)?;
    app.take_from_rate(&caller, 1)?;
    let seq = chat.service()?.advance_read_cursor(&caller, &id, wanted.seq).await?;
    Ok(ok(StatusCode::OK, &json!({"thread_id": id, "user_id": caller.name, "seq": seq})))
}
