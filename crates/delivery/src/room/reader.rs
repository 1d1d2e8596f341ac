//! One reader: a socket, its places in streams, and what a full socket has left over.

use std::io;

use bytes::Bytes;
use event::MonoMs;
use smallvec::SmallVec;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    ReaderKey,
    socket::Sink,
    subscription::{Subscribing, Subscription, SubscriptionId},
    web::Web,
};
use crate::{Dialect, EndCause, Transport, encoder::Framing, session::WebSocket};

/// Most bytes that an event stream's reader may send; one that sends more is no reader.
const INPUT_BYTES_MAX: u32 = 64 << 10;

/// A reader that is ready to be served.
#[derive(Debug)]
pub struct Admission<S> {
    /// Its connection.
    pub socket: S,
    /// How it is connected.
    pub transport: Transport,
    /// What is written before anything else.
    pub preamble: Bytes,
    /// The stream that it follows from its beginning; a WebSocket asks for its own.
    pub subscribing: Option<Subscribing>,
    /// What makes it a WebSocket.
    pub web_socket: Option<WebSocket>,
    /// When its credential expires.
    pub expires: Option<MonoMs>,
    /// Its share in its tenant's open streams.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// One reader.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) socket: S,
    pub(super) key: ReaderKey,
    pub(super) transport: Transport,
    pub(super) framing: Framing,
    /// What the socket did not take.
    pub(super) rest: Bytes,
    /// Its places; an event stream has one, and nothing on the heap for it.
    pub(super) subscriptions: SmallVec<[Subscription; 1]>,
    /// The subscription that is served first, so that a busy stream does not starve the others of
    /// a slow socket.
    pub(super) turn: u32,
    /// Whether it stands among those who would take or read more.
    pub(super) unfinished: bool,
    /// Set once its farewell is the last thing that it is sent.
    pub(super) leaving: Option<EndCause>,
    /// When its socket last took something and then no more; none while it takes bytes.
    pub(super) blocked_since: Option<MonoMs>,
    /// When its credential expires.
    pub(super) expires: Option<MonoMs>,
    /// What a WebSocket has besides.
    pub(super) web: Option<Box<Web>>,
    input_bytes: u32,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<S: Sink> Reader<S> {
    /// Returns a reader that follows nothing yet, and what it is to follow.
    pub(super) fn new(admission: Admission<S>, key: ReaderKey) -> (Self, Option<Subscribing>) {
        let framing = match &admission.web_socket {
            None => match admission.subscribing.as_ref().map(|s| s.terms.dialect) {
                Some(Dialect::Messages) => Framing::Messages,
                Some(Dialect::Envelopes) | None => Framing::Sse,
            },
            Some(web) if web.sends_deflated => Framing::WebSocketDeflate,
            Some(_) => Framing::WebSocket,
        };
        let reader = Reader {
            socket: admission.socket,
            key,
            transport: admission.transport,
            framing,
            rest: admission.preamble,
            subscriptions: SmallVec::new(),
            turn: 0,
            unfinished: false,
            leaving: None,
            blocked_since: None,
            expires: admission.expires,
            web: admission.web_socket.map(|web| Box::new(Web::new(web))),
            input_bytes: 0,
            _permit: admission.permit,
        };
        (reader, admission.subscribing)
    }

    /// Returns where a subscription stands among the reader's.
    pub(super) fn find(&self, id: SubscriptionId) -> Option<usize> {
        self.subscriptions.iter().position(|subscription| subscription.id == id)
    }

    /// Throws away what the peer sent.
    ///
    /// # Errors
    /// Fails where the peer is gone, or sends more than a reader has to say.
    pub(super) fn drain_input(&mut self) -> io::Result<()> {
        let mut buffer = [0; 512];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    self.input_bytes += bytes as u32;
                    if self.input_bytes > INPUT_BYTES_MAX {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
