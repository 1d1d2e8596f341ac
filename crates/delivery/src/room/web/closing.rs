//! How WebSockets are closed, by either end (RFC 6455, 7).
//!
//! Who closes waits for the other's close frame: a server for [`CLOSE_MAX`] at most.

use std::time::Duration;

use event::MonoMs;

use super::READS_MAX;
use crate::{
    EndCause,
    room::{ReaderKey, Room, reader::Reader, socket::Sink},
    ws::{self, CloseCode, Opcode, decoder::Broken},
};

/// How long the client may take to answer a close frame, or to make room for it.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(2);

/// How long a message may take from its first byte to its last.
const MESSAGE_MAX: Duration = Duration::from_secs(30);

/// How a client ends a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// It closes the connection, with this code if it gave one.
    Closed(Option<u16>),
    /// It broke the protocol.
    Broken(Broken),
}

impl<S: Sink> Room<S> {
    /// Answers a client's last frame, once what came before it has its answers.
    pub(super) fn on_ending(&mut self, key: ReaderKey, ending: Ending, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        let is_leaving = reader.leaving.is_some();
        let Some(web) = &mut reader.web else { return };
        web.peer_closed |= matches!(ending, Ending::Closed(_));
        if is_leaving || web.busy {
            web.ending = Some(ending).filter(|_| !is_leaving);
            self.serve_at(key, 0, now);
            return;
        }
        match ending {
            Ending::Closed(code) => {
                let payload = code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default();
                let frame = ws::message(Opcode::Close, &payload);
                self.part(key, EndCause::Client, &frame, now);
            }
            Ending::Broken(Broken { code, reason }) => {
                let cause = match code {
                    CloseCode::TooLarge => EndCause::TooLarge,
                    _ => EndCause::Broken,
                };
                self.close_web(key, cause, code, reason, now);
            }
        }
    }

    /// Closes a connection with a code; it stays until its client has answered, or for a while.
    pub(in crate::room) fn close_web(
        &mut self,
        key: ReaderKey,
        cause: EndCause,
        code: CloseCode,
        reason: &str,
        now: MonoMs,
    ) {
        if self.reader(key).is_some_and(|reader| reader.leaving.is_none()) {
            self.part(key, cause, &ws::close(code, reason), now);
        }
    }

    /// Closes connections whose client began a message and does not end it.
    pub(in crate::room) fn close_the_unending(&mut self, now: MonoMs) {
        let is_unending = |reader: &Reader<S>| {
            let web = reader.web.as_ref().filter(|web| !web.is_held_up());
            let since = web.and_then(|web| web.midway_since);
            reader.leaving.is_none() && since.is_some_and(|at| now.since(at) > MESSAGE_MAX)
        };
        let unending = self.readers.iter().filter(|(_, reader)| is_unending(reader));
        let keys: Vec<_> = unending.map(|(_, reader)| reader.key).collect();
        for key in keys {
            let reason = "the message does not end";
            self.close_web(key, EndCause::Broken, CloseCode::Policy, reason, now);
        }
    }
}

impl<S: Sink> Reader<S> {
    /// Tells a socket that was sent everything that nothing follows; returns whether its client
    /// has not answered the close frame.
    pub(in crate::room) fn awaits_close(&mut self) -> bool {
        let Some(web) = &mut self.web else { return false };
        if !std::mem::replace(&mut web.said_all, true) {
            self.socket.end();
        }
        let awaits = !web.peer_closed;
        if !awaits {
            self.discard_input();
        }
        awaits
    }

    /// Takes what the client sent behind its close frame: where a connection is let go of with
    /// something unread, the system takes back what was written.
    fn discard_input(&mut self) {
        let mut buffer = [0; 4096];
        for _ in 0..READS_MAX {
            if !matches!(self.socket.read(&mut buffer), Ok(1..)) {
                return;
            }
        }
    }
}
