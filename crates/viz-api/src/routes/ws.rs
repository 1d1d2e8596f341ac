//! `GET /api/ws`: a WebSocket with the cursors of event streams.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use delivery::{
    OpenRequest, Opened, Transport,
    session::WebSocket,
    ws::{self, decoder::DecoderOptions},
};
use event::{After, StreamName};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use super::stream::{connect_result, place_in, reader};
use crate::{
    AppState,
    auth::Caller,
    error::{ApiError, Code},
    request::query_value,
    server::{Handover, HandoverSlot, WebHandover},
    ws::{Session, answers, connected, handshake},
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
    switch(app, request, caller, None).await
}

/// Agrees to switch, and lets the connection follow a thread from its beginning.
///
/// # Errors
/// Fails where the request is no handshake, the caller may not read the thread, or it can't be served
/// now.
pub async fn open_thread_socket(
    app: &Arc<AppState>,
    request: &Parts,
    thread: &str,
) -> Result<Response, ApiError> {
    let opened = open_thread(app, request, thread).await;
    let result = match &opened {
        Ok(_) => "ok",
        Err(error) => connect_result(error.code()),
    };
    app.state.metrics.connect(Transport::websocket, result);
    opened
}

async fn open_thread(
    app: &Arc<AppState>,
    request: &Parts,
    thread: &str,
) -> Result<Response, ApiError> {
    let caller = reader(app, request).await?;
    let stream = app.stream_for(&caller, Some(&format!("thread:{thread}")))?;
    let after = place_in(&request.headers, request.uri.query())?;
    switch(app, request, caller, Some((stream, after))).await
}

/// `GET /stream`: a WebSocket that follows a chain as soon as it is open, as if it had subscribed.
pub(crate) async fn chains(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let opened = open_chain(&app, &parts).await;
    let result = match &opened {
        Ok(_) => "ok",
        Err(error) => connect_result(error.code()),
    };
    app.state.metrics.connect(Transport::websocket, result);
    opened
}

async fn open_chain(app: &Arc<AppState>, request: &Parts) -> Result<Response, ApiError> {
    let caller = reader(app, request).await?;
    let key = match query_value(request.uri.query(), "chain")? {
        Some(key) => key,
        None => only_chain(app)?,
    };
    let stream = app.stream_for(&caller, Some(&format!("chain:{key}")))?;
    let after = place_in(&request.headers, request.uri.query())?;
    switch(app, request, caller, Some((stream, after))).await
}

/// Returns the chain that a client means who names none.
fn only_chain(app: &AppState) -> Result<String, ApiError> {
    let mut keys = app.state.feed().statuses().into_iter().map(|row| row.chain_key.to_string());
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(ApiError::not_found("no chain is followed: VIZ_API_INGEST_MODE is off")),
        (Some(first), Some(second)) => {
            let others: Vec<_> = keys.collect();
            let all = [vec![first, second], others].concat().join(", ");
            Err(ApiError::validation(format!("`chain` is one of {all}")))
        }
    }
}

async fn switch(
    app: &Arc<AppState>,
    request: &Parts,
    caller: Caller,
    home: Option<(StreamName, After)>,
) -> Result<Response, ApiError> {
    let offers_deflate = app.state.settings.websocket_deflate;
    let handshake = handshake::check(request, offers_deflate)?;
    app.check_available()?;
    let slot = request.extensions.get::<HandoverSlot>();
    let slot = slot.ok_or_else(|| ApiError::unavailable("this listener serves no streams"))?;
    let permit = app.quota.take(&caller.org)?;
    let mut preamble = ws::text(&connected(app, &caller)).to_vec();
    let home = match home {
        None => None,
        Some((stream, after)) => {
            let opened = open_home(app, &caller, stream.clone(), after).await?;
            for json in answers::preamble(&stream, &opened) {
                preamble.extend_from_slice(&ws::text(&json));
            }
            Some((stream, opened))
        }
    };
    let (home, opened) = home.unzip();
    let message_bytes_max = app.state.settings.limits.payload_bytes_max + ENVELOPE_BYTES_MAX;
    let deflate = handshake.deflate;
    slot.fill(Handover::Web(WebHandover {
        likely: home.clone().unwrap_or_else(|| StreamName::Org(caller.org.clone())),
        opened,
        preamble: preamble.into(),
        expires: app.until(&caller),
        permit,
        web_socket: WebSocket {
            session: Arc::new(Session::new(Arc::clone(app), caller, home)),
            options: DecoderOptions { message_bytes_max, deflate: deflate.is_some() },
            sends_deflated: deflate.is_some_and(|deflate| deflate.sends()),
            received: Bytes::new(),
        },
    }));
    let extensions = deflate.map(|deflate| deflate.answer());
    Ok(switching(&handshake.accept, extensions.as_deref()))
}

async fn open_home(
    app: &AppState,
    caller: &Caller,
    stream: StreamName,
    after: After,
) -> Result<Opened, ApiError> {
    let terms = app.terms(caller, &stream).await?;
    let delivery = app.state.delivery();
    let delivery = delivery.ok_or_else(|| ApiError::unavailable("the server is starting"))?;
    let opened = delivery.open(OpenRequest { stream, after, filter: None, terms }).await?;
    app.state.metrics.replay(opened.resume);
    Ok(opened)
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
