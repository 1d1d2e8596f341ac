//! `/v1/chat/threads/{id}/members`, `join`, `leave`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use http::StatusCode;
use node_runtime::Scope;
use serde::Deserialize;
use serde_json::{Value, json};
use store::Member;
use viz_api::AppState;

use super::answer::{Named, body, caller, ok, read, read_nothing};
use crate::{Chat, error::Failure};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invited {
    user_id: String,
}

/// Returns the members.
pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let caller = caller(&app, request.headers(), Scope::Subscribe).await?;
    let members = chat.service()?.members(&caller, &id).await?;
    let members: Vec<_> = members.iter().map(shown).collect();
    Ok(ok(StatusCode::OK, &json!({"members": members})))
}

/// Lets a user join.
pub(super) async fn invite(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    let bytes = body(&app, &parts, rest).await?;
    let invited: Invited = read(&bytes)?;
    app.take_from_rate(&caller, 1)?;
    let member = chat.service()?.invite(&caller, &id, &invited.user_id).await?;
    Ok(ok(StatusCode::CREATED, &shown(&member)))
}

/// Makes the caller a member.
pub(super) async fn join(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    read_nothing(&body(&app, &parts, rest).await?)?;
    app.take_from_rate(&caller, 1)?;
    let member = chat.service()?.join(&caller, &id).await?;
    Ok(ok(StatusCode::OK, &shown(&member)))
}

/// Makes the caller a member no longer.
pub(super) async fn leave(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    read_nothing(&body(&app, &parts, rest).await?)?;
    app.take_from_rate(&caller, 1)?;
    chat.service()?.leave(&caller, &id).await?;
    Ok(ok(StatusCode::OK, &json!({"status": "left"})))
}

fn shown(member: &Member) -> Value {
    json!({
        "user_id": member.user_id,
        "role": member.standing.as_str(),
        "joined_at_ms": member.joined_at_ms,
    })
}
