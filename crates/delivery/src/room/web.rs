//! WebSockets: what their clients send, read and decoded.
//!
//! Invariants: at most one batch of a client is with its session; while it is, or while answers
//! wait for a full socket, nothing more is read, so that what a client makes the server hold is
//! bounded by its message limit and [`OUTBOX_BYTES_MAX`]. Whatever stops the reading also brings it
//! on again: the session's [`Reply::Done`], a socket that takes bytes, or the next turn.
//!
//! [`Reply::Done`]: crate::session::Reply::Done

mod answers;
mod closing;

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use event::MonoMs;

pub(crate) use self::closing::CLOSE_MAX;
use self::closing::Ending;
use super::{ReaderKey, Room, SubscriptionId, Wish, reader::Reader, socket::Sink};
use crate::{
    EndCause,
    session::{ClientMessage, Session, WebSocket},
    ws::{
        self, Opcode,
        decoder::{Decoder, Incoming},
    },
};

/// Bytes of answers that may wait for a socket before its client is read on.
const OUTBOX_BYTES_MAX: usize = 64 << 10;

/// What an answer counts besides its bytes: the shortest has two.
const ANSWER_BYTES: usize = 64;

/// Most bytes of messages in one batch, beyond the one that passes it.
const BATCH_BYTES_MAX: usize = 64 << 10;

/// Most messages in one batch.
const BATCH_MESSAGES_MAX: usize = 256;

/// Most reads for one client before the others have their turn.
const READS_MAX: usize = 8;

/// What a WebSocket has besides its place in streams.
#[derive(Debug)]
pub(super) struct Web {
    session: Arc<dyn Session>,
    decoder: Decoder,
    /// Answers that were not sent yet.
    pub(super) outbox: VecDeque<Bytes>,
    outbox_bytes: usize,
    /// What was read and not decoded, since a batch was full.
    undecoded: Bytes,
    /// A batch is with the session.
    busy: bool,
    /// Since when a message has been under way, and was read on.
    midway_since: Option<MonoMs>,
    /// The client's close frame has come.
    peer_closed: bool,
    /// How the client ended the conversation; done once its last batch is answered.
    ending: Option<Ending>,
    /// Its socket was told that nothing follows.
    said_all: bool,
    /// Something was written since its heart last beat.
    wrote: bool,
    subscriptions_made: u32,
}

impl Web {
    pub(super) fn new(web_socket: WebSocket) -> Self {
        let WebSocket { session, options, received, .. } = web_socket;
        Web {
            session,
            decoder: Decoder::new(options),
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            undecoded: received,
            busy: false,
            midway_since: None,
            peer_closed: false,
            ending: None,
            said_all: false,
            wrote: false,
            subscriptions_made: 0,
        }
    }

    /// Notes that something was written.
    pub(super) fn wrote(&mut self) {
        self.wrote = true;
    }

    /// Returns whether nothing was written since this was last asked.
    pub(super) fn was_quiet(&mut self) -> bool {
        !std::mem::take(&mut self.wrote)
    }

    /// Forgets answers that went out whole or in part.
    pub(super) fn sent(&mut self, count: usize) {
        let bytes: usize = self.outbox.drain(..count).map(|piece| piece.len() + ANSWER_BYTES).sum();
        self.outbox_bytes -= bytes;
        if self.outbox.is_empty() {
            // What a flood has made it grow to is not kept for an idle connection.
            self.outbox = VecDeque::new();
        }
    }

    /// Takes the answers that were not sent, for a connection that parts.
    pub(super) fn take_outbox(&mut self) -> VecDeque<Bytes> {
        self.outbox_bytes = 0;
        std::mem::take(&mut self.outbox)
    }

    fn put(&mut self, piece: Bytes) {
        self.outbox_bytes += piece.len() + ANSWER_BYTES;
        self.outbox.push_back(piece);
    }

    fn next_subscription(&mut self) -> SubscriptionId {
        self.subscriptions_made = self.subscriptions_made.wrapping_add(1);
        SubscriptionId(self.subscriptions_made)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.outbox_bytes + self.undecoded.len() + self.decoder.held_bytes()
    }

    fn is_held_up(&self) -> bool {
        self.busy || self.outbox_bytes > OUTBOX_BYTES_MAX
    }

    /// Notes since when a message has been under way; the time that it is not read is not counted.
    fn note_midway(&mut self, now: MonoMs) {
        if self.is_held_up() || !self.decoder.is_midway() {
            self.midway_since = None;
        } else {
            self.midway_since.get_or_insert(now);
        }
    }
}

/// How a look at what a client sent ended.
enum Looked {
    /// There is nothing more for now.
    Through,
    /// It has to wait for the session, or until answers were sent.
    HeldUp,
    /// There may be more; others have their turn.
    Unfinished,
    /// The client is gone.
    Gone,
    /// Nothing that the client may still send counts.
    Ending(Ending),
}

impl<S: Sink> Room<S> {
    /// Goes on reading a WebSocket where that was put off.
    pub(super) fn read_on(&mut self, key: ReaderKey, now: MonoMs) {
        if self.reader(key).is_some_and(|reader| reader.web.is_some()) {
            self.read_web(key, now);
        }
    }

    /// Reads what a WebSocket's client sent, hands it on and answers what is to be answered.
    pub(super) fn read_web(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.readers.get_mut(key.index as usize) else { return };
        if reader.key != key {
            return;
        }
        let mut batch = Vec::new();
        let looked = reader.look(&mut self.input, &mut self.inflater, &mut batch);
        if let Some(web) = &mut reader.web {
            if !batch.is_empty() {
                web.busy = true;
                let session = Arc::clone(&web.session);
                self.wishes.push(Wish::Converse { reader: key, session, messages: batch });
            }
            web.note_midway(now);
        }
        match looked {
            Looked::Through => {
                self.serve_at(key, 0, now);
            }
            Looked::HeldUp => {
                self.serve_at(key, 0, now);
                // Where the socket took the answers at once, no edge will tell of it.
                let web = self.reader(key).and_then(|reader| reader.web.as_ref());
                if web.is_some_and(|web| !web.is_held_up()) {
                    self.put_off(key);
                }
            }
            Looked::Unfinished => {
                self.put_off(key);
                self.serve_at(key, 0, now);
            }
            Looked::Gone => self.remove(key, EndCause::Client),
            Looked::Ending(ending) => self.on_ending(key, ending, now),
        }
    }
}

impl<S: Sink> Reader<S> {
    /// Reads and decodes until there is nothing more, or a batch is full. Of a client that is
    /// leaving only its close frame, or its end, is of interest.
    fn look(
        &mut self,
        input: &mut [u8],
        inflater: &mut ws::Inflater,
        batch: &mut Vec<ClientMessage>,
    ) -> Looked {
        let is_leaving = self.leaving.is_some();
        let Some(web) = &mut self.web else { return Looked::Through };
        let mut batch_bytes = 0;
        for _ in 0..READS_MAX {
            if web.is_held_up() && !is_leaving {
                return Looked::HeldUp;
            }
            let kept = std::mem::take(&mut web.undecoded);
            let mut bytes = if kept.is_empty() {
                match self.socket.read(input) {
                    Ok(0) => return Looked::Gone,
                    Ok(count) => &input[..count],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Looked::Through;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => return Looked::Gone,
                }
            } else {
                &kept[..]
            };
            loop {
                let incoming = match web.decoder.next(&mut bytes, inflater) {
                    Ok(Some(incoming)) => incoming,
                    Ok(None) => break,
                    Err(_) if is_leaving => break,
                    Err(broken) => return Looked::Ending(Ending::Broken(broken)),
                };
                if !web.decoder.is_midway() {
                    web.midway_since = None;
                }
                match incoming {
                    Incoming::Close(code) => return Looked::Ending(Ending::Closed(code)),
                    _ if is_leaving => continue,
                    Incoming::Ping(payload) => {
                        web.put(ws::message(Opcode::Pong, &payload).into());
                    }
                    Incoming::Pong => {}
                    Incoming::Text(text) => {
                        batch_bytes += text.len();
                        batch.push(ClientMessage::Text(text));
                    }
                    Incoming::Binary(data) => {
                        batch_bytes += data.len();
                        batch.push(ClientMessage::Binary(data));
                    }
                }
                let is_full = batch_bytes > BATCH_BYTES_MAX
                    || batch.len() >= BATCH_MESSAGES_MAX
                    || web.outbox_bytes > OUTBOX_BYTES_MAX;
                if is_full {
                    web.undecoded = Bytes::copy_from_slice(bytes);
                    return Looked::HeldUp;
                }
            }
            if !batch.is_empty() {
                return Looked::HeldUp;
            }
        }
        Looked::Unfinished
    }
}
