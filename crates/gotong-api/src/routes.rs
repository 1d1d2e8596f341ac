//! The routes under `/v1/chat/threads`, one file for each group.

mod answer;
mod cursors;
mod members;
mod messages;
mod streams;
mod threads;

use std::sync::Arc;

use axum::{
    Extension, Router,
    routing::{MethodRouter, get, patch, post},
};
use viz_api::AppState;

use crate::Chat;

/// What the OpenAPI document says of these routes.
pub(crate) const OPENAPI_PART: &str = include_str!("openapi.json");

/// A route as documents name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRoute {
    /// The path.
    pub path: &'static str,
    /// The methods in lower case.
    pub methods: &'static [&'static str],
}

/// Every route that chat has.
pub const CHAT_ROUTES: [ChatRoute; 12] = [
    ChatRoute { path: "/v1/chat/threads", methods: &["get", "post"] },
    ChatRoute { path: "/v1/chat/threads/{id}", methods: &["get"] },
    ChatRoute { path: "/v1/chat/threads/{id}/members", methods: &["get", "post"] },
    ChatRoute { path: "/v1/chat/threads/{id}/join", methods: &["post"] },
    ChatRoute { path: "/v1/chat/threads/{id}/leave", methods: &["post"] },
    ChatRoute { path: "/v1/chat/threads/{id}/messages", methods: &["get"] },
    ChatRoute { path: "/v1/chat/threads/{id}/messages/poll", methods: &["get"] },
    ChatRoute { path: "/v1/chat/threads/{id}/messages/send", methods: &["post"] },
    ChatRoute { path: "/v1/chat/threads/{id}/messages/stream", methods: &["get"] },
    ChatRoute { path: "/v1/chat/threads/{id}/messages/ws", methods: &["get"] },
    ChatRoute { path: "/v1/chat/threads/{id}/messages/{seq}", methods: &["patch", "delete"] },
    ChatRoute { path: "/v1/chat/threads/{id}/read-cursor", methods: &["get", "post"] },
];

fn handler(path: &str) -> MethodRouter<Arc<AppState>> {
    let last = path.strip_prefix("/v1/chat/threads").unwrap_or(path);
    match last {
        "" => get(threads::list).post(threads::create),
        "/{id}" => get(threads::show),
        "/{id}/members" => get(members::list).post(members::invite),
        "/{id}/join" => post(members::join),
        "/{id}/leave" => post(members::leave),
        "/{id}/messages" | "/{id}/messages/poll" => get(messages::list),
        "/{id}/messages/send" => post(messages::send),
        "/{id}/messages/stream" => get(streams::events),
        "/{id}/messages/ws" => get(streams::socket),
        "/{id}/messages/{seq}" => patch(messages::edit).delete(messages::delete),
        "/{id}/read-cursor" => get(cursors::show).post(cursors::advance),
        _ => unreachable!("{path} stands in the table without a handler"),
    }
}

/// Returns the routes.
pub(crate) fn router(chat: Chat) -> Router<Arc<AppState>> {
    let mut router = Router::new();
    for route in CHAT_ROUTES {
        router = router.route(route.path, handler(route.path));
    }
    router.layer(Extension(chat))
}
