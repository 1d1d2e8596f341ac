//! How a request's connection leaves HTTP: the route fills a slot, the connection empties it.

use std::sync::Arc;

use bytes::Bytes;
use delivery::{Opened, session::WebSocket};
use event::{MonoMs, StreamName};
use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

/// What becomes of a request's connection.
#[derive(Debug)]
pub(crate) enum Handover {
    /// An event stream.
    Stream(StreamHandover),
    /// A WebSocket.
    Web(WebHandover),
}

/// A reader that is attached and waits for its connection.
#[derive(Debug)]
pub(crate) struct StreamHandover {
    pub(crate) opened: Opened,
    pub(crate) preamble: Bytes,
    pub(crate) expires: Option<MonoMs>,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A session that waits for its connection.
#[derive(Debug)]
pub(crate) struct WebHandover {
    pub(crate) web_socket: WebSocket,
    /// The stream that its client is likely to follow.
    pub(crate) likely: StreamName,
    /// The stream that it follows from its beginning.
    pub(crate) opened: Option<Opened>,
    pub(crate) preamble: Bytes,
    pub(crate) expires: Option<MonoMs>,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Handover {
    /// Returns the status that says yes.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Handover::Stream(_) => StatusCode::OK,
            Handover::Web(_) => StatusCode::SWITCHING_PROTOCOLS,
        }
    }
}

/// Where a route leaves its handover; each request has its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandoverSlot(Arc<Mutex<Option<Handover>>>);

impl HandoverSlot {
    pub(crate) fn fill(&self, handover: Handover) {
        *self.0.lock() = Some(handover);
    }

    pub(in crate::server) fn empty(&self) -> Option<Handover> {
        self.0.lock().take()
    }
}
