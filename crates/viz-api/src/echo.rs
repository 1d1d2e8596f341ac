//! A WebSocket that sends back what it is sent, for conformance suites, which need one.
//!
//! It goes the way of `/api/ws` through handshake, connection and delivery; only its session differs.
//! It is built with the feature `websocket-echo`, and never into the server.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use delivery::{
    session::{ClientMessage, Conversation, Reply, Session, WebSocket},
    ws::{Opcode, decoder::DecoderOptions},
};
use event::StreamName;

use crate::{
    AppState,
    error::ApiError,
    routes::ws::switching,
    server::{Handover, HandoverSlot, WebHandover},
    ws::handshake,
};

/// Larger than the largest message of the suites.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

#[derive(Debug)]
struct Echo;

impl Session for Echo {
    fn take(self: Arc<Self>, conversation: Conversation, messages: Vec<ClientMessage>) {
        for message in messages {
            conversation.reply(match message {
                ClientMessage::Text(text) => Reply::Say(Opcode::Text, text.into()),
                ClientMessage::Binary(data) => Reply::Say(Opcode::Binary, data.into()),
            });
        }
    }
}

/// Opens a connection that is answered with what it says.
pub(crate) async fn echo(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let handshake = handshake::check(&parts, true)?;
    let slot = parts.extensions.get::<HandoverSlot>();
    let slot = slot.ok_or_else(|| ApiError::unavailable("this listener serves no streams"))?;
    let org = "org_default".parse().expect("a constant in the grammar");
    let permit = app.quota.take(&org)?;
    let deflate = handshake.deflate;
    let options =
        DecoderOptions { message_bytes_max: MESSAGE_BYTES_MAX, deflate: deflate.is_some() };
    slot.fill(Handover::Web(WebHandover {
        likely: StreamName::Probe,
        opened: None,
        preamble: Bytes::new(),
        expires: None,
        permit,
        web_socket: WebSocket {
            session: Arc::new(Echo),
            options,
            sends_deflated: deflate.is_some_and(|deflate| deflate.sends()),
            received: Bytes::new(),
        },
    }));
    let extensions = deflate.map(|deflate| deflate.answer());
    Ok(switching(&handshake.accept, extensions.as_deref()))
}
