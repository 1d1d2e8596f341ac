//! `/v1/chat/threads/{id}/messages/stream` and `ws`: a thread as it goes on.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use delivery::{Dialect, Opened, Terms, Transport, sse};
use event::StreamName;
use http::request::Parts;
use node_runtime::Scope;
use rand::RngExt;
use viz_api::{
    AppState,
    surface::{
        Caller, StreamPlan, connect_result, open_stream, open_thread_socket, place_in, reader,
    },
};

use super::answer::Named;
use crate::{Chat, error::Failure};

/// When a reader that lost its stream comes back, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u32> = 1000..=5000;

/// Opens an event stream of messages; its connection leaves HTTP and goes to delivery.
pub(super) async fn events(
    State(app): State<Arc<AppState>>,
    Extension(chat): Extension<Chat>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let opened = open(&app, &chat, &id, &parts).await;
    let result = match &opened {
        Ok(_) => "ok",
        Err(failure) => connect_result(failure.0.code()),
    };
    app.state().metrics.connect(Transport::sse, result);
    opened
}

async fn open(
    app: &AppState,
    chat: &Chat,
    thread: &str,
    parts: &Parts,
) -> Result<Response, Failure> {
    let caller = reader(app, parts).await?;
    caller.need(Scope::Subscribe)?;
    app.check_available()?;
    let after = place_in(&parts.headers, parts.uri.query())?;
    let pass = chat.service()?.admit(&caller, thread).await?;
    let stream = StreamName::thread(thread).map_err(|_| Failure::not_found())?;
    let terms = Terms { pass: Some(pass), dialect: Dialect::Messages };
    let plan = StreamPlan { stream, after, filter: None, terms };
    Ok(open_stream(app, parts, &caller, plan, preamble).await?)
}

/// Writes what comes before any message: when to come back, where the stream begins, and the hole.
fn preamble(_: &AppState, _: &Caller, opened: &Opened) -> Bytes {
    let mut out = sse::retry(rand::rng().random_range(RETRY_MS)).into_bytes();
    match &opened.gap {
        Some(gap) => out.extend_from_slice(&sse::gap(gap)),
        None => out.extend(sse::own_event(Some(opened.after), "ping", "{}").into_bytes()),
    }
    out.into()
}

/// Opens a WebSocket that follows the thread from its beginning.
pub(super) async fn socket(
    State(app): State<Arc<AppState>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    Ok(open_thread_socket(&app, &parts, &id).await?)
}
