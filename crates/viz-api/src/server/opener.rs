//! The fast path of a connection whose first request opens an event stream or a WebSocket.
//!
//! Thousands of readers come at one time after a restart, and each needs one small answer: its head
//! is handed to the route at once, without the layers that other requests go through. Only success
//! ends here. Whatever is out of the ordinary (another route, a body, a ticket that is used up, a
//! cross-origin request for a stream, any refusal) takes the slow path with all bytes as if nobody
//! had looked.

#[cfg(test)]
mod tests;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use delivery::Transport;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, Request, Version, header, request::Parts};

use super::{
    connection::Leaving,
    handover::HandoverSlot,
    head::{self, HEADERS_MAX},
};
use crate::{AppState, request, routes};

/// How the only requests that are served here begin.
pub(super) const BEGINS: [&[u8]; 2] = [b"GET /api/stream", b"GET /api/ws"];

/// What such a request opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    Stream,
    WebSocket,
}

impl Opens {
    /// Returns the route, as metrics and logs name it.
    const fn route(self) -> &'static str {
        match self {
            Opens::Stream => "/api/stream",
            Opens::WebSocket => "/api/ws",
        }
    }

    const fn transport(self) -> Transport {
        match self {
            Opens::Stream => Transport::sse,
            Opens::WebSocket => Transport::websocket,
        }
    }

    /// Returns the headers that ask for more than that.
    fn also_slow(self) -> &'static [HeaderName] {
        static STREAM: [HeaderName; 3] = [header::CONTENT_LENGTH, header::UPGRADE, header::ORIGIN];
        static WEB_SOCKET: [HeaderName; 1] = [header::CONTENT_LENGTH];
        match self {
            Opens::Stream => &STREAM,
            Opens::WebSocket => &WEB_SOCKET,
        }
    }
}

/// Opens what a head asks for, and returns how long the head is; `None` where anything is not as it
/// mostly is.
pub(super) async fn open(read: &[u8], app: &Arc<AppState>) -> Option<(Leaving, usize)> {
    let began = Instant::now();
    let (opens, mut parts, head_bytes) = parse(read)?;
    let id = request::RequestId::of(&parts.headers);
    let slot = HandoverSlot::default();
    parts.extensions.insert(slot.clone());
    let opening = async {
        match opens {
            Opens::Stream => routes::stream::open(app, &parts).await,
            Opens::WebSocket => routes::ws::open(app, &parts).await,
        }
    };
    // After a panic the slow path has its turn, and its own answer.
    let opened = AssertUnwindSafe(opening).catch_unwind().await.ok()?;
    let mut response = opened.ok()?;
    let handover = slot.empty()?;
    response.headers_mut().insert(request::REQUEST_ID, HeaderValue::from_str(&id.0).ok()?);
    app.state.metrics.connect(opens.transport(), "ok");
    let (status, took) = (response.status().as_u16(), began.elapsed());
    app.state.metrics.http.request(opens.route(), "GET", status, took);
    tracing::trace!(route = opens.route(), status, "answered on the fast path");
    Some(((head::endless(response.status(), response.headers()), handover), head_bytes))
}

fn parse(read: &[u8]) -> Option<(Opens, Parts, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head_bytes)) = parsed.parse(read) else { return None };
    let target = parsed.path?;
    let query_of = |opens: Opens| Some((opens, target.strip_prefix(opens.route())?));
    let (opens, query) = query_of(Opens::Stream).or_else(|| query_of(Opens::WebSocket))?;
    let is_plain = query.is_empty() || query.starts_with('?');
    if parsed.method != Some("GET") || !is_plain || query.contains("ticket") {
        return None;
    }
    let headers = head::ordinary_headers(&parsed, opens.also_slow())?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let request = Request::builder().method(Method::GET).uri(target).version(version);
    let (mut parts, ()) = request.body(()).ok()?.into_parts();
    parts.headers = headers;
    Some((opens, parts, head_bytes))
}
