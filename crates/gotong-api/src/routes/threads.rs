//! `/v1/chat/threads`: making and finding threads.

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
use store::{Privacy, Thread};
use viz_api::{ApiError, AppState, surface::query_value};

use super::answer::{Named, body, caller, number, ok, read};
use crate::{Chat, error::Failure, service::NewThread};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    scope_id: String,
    privacy_level: String,
}

/// Makes a thread.
pub(super) async fn create(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, rest) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Publish).await?;
    let bytes = body(&app, &parts, rest).await?;
    let wanted: Wanted = read(&bytes)?;
    let privacy_level = match wanted.privacy_level.as_str() {
        "public" => Privacy::Public,
        "private" => Privacy::Private,
        _ => {
            return Err(Failure(ApiError::validation("`privacy_level` is public or private")));
        }
    };
    app.take_from_rate(&caller, 1)?;
    let new = NewThread { scope_id: &wanted.scope_id, privacy_level };
    let thread = chat.service()?.create(&caller, &new).await?;
    Ok(ok(StatusCode::CREATED, &shown(&thread, 0)))
}

/// Returns threads of a scope.
pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let caller = caller(&app, &parts.headers, Scope::Subscribe).await?;
    let query = parts.uri.query();
    let scope = query_value(query, "scope_id")?;
    let scope = scope.ok_or_else(|| Failure(ApiError::validation("`scope_id` is needed")))?;
    let after = query_value(query, "after")?.unwrap_or_default();
    let limit = number(&parts, "limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure(ApiError::validation("`limit` is 1 to 100")));
    }
    let found = chat.service()?.threads(&caller, &scope, &after, limit as usize).await?;
    let threads: Vec<_> = found.threads.iter().map(|(thread, head)| shown(thread, *head)).collect();
    let has_more = found.next.is_some();
    let value = json!({"threads": threads, "next": found.next, "has_more": has_more});
    Ok(ok(StatusCode::OK, &value))
}

/// Returns one thread.
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let caller = caller(&app, request.headers(), Scope::Subscribe).await?;
    let (thread, head) = chat.service()?.thread(&caller, &id).await?;
    Ok(ok(StatusCode::OK, &shown(&thread, head)))
}

fn shown(thread: &Thread, head_seq: u64) -> Value {
    json!({
        "thread_id": thread.thread_id,
        "scope_id": thread.scope_id,
        "privacy_level": thread.privacy_level.as_str(),
        "created_by": thread.created_by,
        "created_at_ms": thread.created_at_ms,
        "head_seq": head_seq,
    })
}
