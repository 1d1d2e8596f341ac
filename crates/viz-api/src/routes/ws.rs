//! `GET /api/ws`: a WebSocket with the cursors of event streams.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use delivery::{
    Transport,
    session::WebSocket,
    ws::{self, decoder::DecoderOptions},
};
use event::StreamName;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use super::stream::{connect_result, reader};
use crate::{
    AppState,
    error::{ApiError, Code},
    server::{Handover, HandoverSlot, WebHandover},
    ws::{Session, connected, handshake},
};

/// What a message has besides the payload of the event that it publishes.
const ENVELOPE_BYTES_MAX: usize = 64 << 10;

/// Opens a WebSocket; its connection leaves HTTP and goes to delivery.
pub(crate) async fn ws(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let opened = open(&app, &parts).await;
    let result = match &opened {
        Ok(_) => "ok",
        Err(error) => connect_result(error.code()),
    };
    if parts.method != Method::HEAD {
        app.state.metrics.connect(Transport::websocket, result);
    }
    let Err(error) = opened else { return opened };
    let is_handshake = error.code() == Code::ValidationError;
    let mut response = error.into_response();
    if is_handshake {
        // RFC 6455, 4.2.2: it has to say which version would have been understood.
        let version = HeaderValue::from_static(handshake::VERSION);
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, version);
    }
    Ok(response)
}

/// Agrees to switch, and leaves the session where its connection finds it.
pub(crate) async fn open(app: &Arc<AppState>, request: &Parts) -> Result<Response, ApiError> {
    let caller = reader(app, request).await?;
    let offers_deflate = app.state.settings.websocket_deflate;
    let handshake = handshake::check(request, offers_deflate)?;
    app.check_available()?;
    let slot = request.extensions.get::<HandoverSlot>();
    let slot = slot.ok_or_else(|| ApiError::unavailable("this listener serves no streams"))?;
    let permit = app.quota.take(&caller.org)?;
    let message_bytes_max = app.state.settings.limits.payload_bytes_max + ENVELOPE_BYTES_MAX;
    let deflate = handshake.deflate;
    slot.fill(Handover::Web(WebHandover {
        likely: StreamName::Org(caller.org.clone()),
        preamble: ws::text(&connected(app, &caller)),
        expires: app.until(&caller),
        permit,
        web_socket: WebSocket {
            session: Arc::new(Session::new(Arc::clone(app), caller)),
            options: DecoderOptions { message_bytes_max, deflate: deflate.is_some() },
            sends_deflated: deflate.is_some_and(|deflate| deflate.sends()),
            received: Bytes::new(),
        },
    }));
    let extensions = deflate.map(|deflate| deflate.answer());
    Ok(switching(&handshake.accept, extensions.as_deref()))
}

/// Returns the answer that agrees to switch.
pub(crate) fn switching(accept: &str, extensions: Option<&str>) -> Response {
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let texts = [
        (header::SEC_WEBSOCKET_ACCEPT, Some(accept)),
        (header::SEC_WEBSOCKET_EXTENSIONS, extensions),
    ];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
