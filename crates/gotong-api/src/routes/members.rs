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
use viz_api::{ApiError, AppState, surface::query_value};

use super::answer::{Named, body, caller, number, ok, read, read_nothing};
use crate::{Chat, error::Failure};

/// Most members of one answer, and as many as there are where nothing is said.
const LIMIT_MAX: u64 = 10_000;

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
    let (parts, _) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Subscribe).await?;
    let after = query_value(parts.uri.query(), "after")?.unwrap_or_default();
    let limit = number(&parts, "limit")?.unwrap_or(LIMIT_MAX);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure(ApiError::validation("`limit` is 1 to 10000")));
    }
    let found = chat.service()?.members(&caller, &id, &after, limit as usize).await?;
    let members: Vec<_> = found.members.iter().map(shown).collect();
    let has_more = found.next.is_some();
    let value = json!({"members": members, "next": found.next, "has_more": has_more});
    Ok(ok(StatusCode::OK, &value))
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
