//! What sessions answer WebSockets, and what they do to their connections.

use event::{MonoMs, StreamName};

use crate::{
    EndCause, Subscribing,
    encoder::Framing,
    room::{Departure, ReaderKey, Room, leave::Deadline, socket::Sink},
    session::Reply,
    ws::{self, CloseCode, Opcode},
};

impl<S: Sink> Room<S> {
    /// Does what a session says.
    pub fn on_reply(&mut self, key: ReaderKey, reply: Reply, now: MonoMs) {
        if matches!(reply, Reply::Done) {
            return self.on_done(key, now);
        }
        let Some(reader) = self.reader_mut(key) else { return };
        if reader.web.is_none() || reader.leaving.is_some() {
            return;
        }
        match reply {
            Reply::Say(opcode, payload) => self.say(key, opcode, &payload, now),
            Reply::Subscribe { subscribing, preamble } => {
                self.subscribe(key, *subscribing, &preamble, now);
            }
            Reply::Unsubscribe(stream) => {
                if let Some(index) = self.place_in(key, &stream) {
                    self.unseat(key, index);
                }
            }
            // One that is the same has its deadline.
            Reply::Expires(at) if reader.expires == at => {}
            Reply::Expires(at) => {
                reader.expires = at;
                if let Some(at) = at {
                    self.schedule(Deadline::new(at, key, Departure::TokenExpired));
                }
            }
            Reply::Close(code, reason) => {
                let cause = match code {
                    CloseCode::Policy => EndCause::Revoked,
                    CloseCode::Normal | CloseCode::GoingAway => EndCause::Client,
                    _ => EndCause::Broken,
                };
                self.close_web(key, cause, code, reason, now);
            }
            Reply::Done => {}
        }
    }

    /// Reads on after a batch; one that was its client's last is followed by the end.
    fn on_done(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(web) = self.reader_mut(key).and_then(|reader| reader.web.as_mut()) else { return };
        web.busy = false;
        match web.ending.take() {
            Some(ending) => self.on_ending(key, ending, now),
            None => self.read_web(key, now),
        }
    }

    fn say(&mut self, key: ReaderKey, opcode: Opcode, payload: &[u8], now: MonoMs) {
        let Some(reader) = self.reader(key) else { return };
        let is_message = matches!(opcode, Opcode::Text | Opcode::Binary);
        let frame = if reader.framing == Framing::WebSocketDeflate && is_message {
            ws::compressed(opcode, payload, self.deflater.get_mut())
        } else {
            ws::message(opcode, payload)
        };
        if let Some(web) = self.reader_mut(key).and_then(|reader| reader.web.as_mut()) {
            web.put(frame.into());
        }
        self.serve_at(key, 0, now);
    }

    /// Gives a reader a place in a stream, in the stead of one that it has there.
    fn subscribe(
        &mut self,
        key: ReaderKey,
        subscribing: Subscribing,
        preamble: &[String],
        now: MonoMs,
    ) {
        let earlier = self.place_in(key, subscribing.lease.channel().stream());
        let Some(web) = self.reader_mut(key).and_then(|reader| reader.web.as_mut()) else { return };
        for json in preamble {
            web.put(ws::text(json));
        }
        let id = web.next_subscription();
        let is_lost = subscribing.terms.are_broken();
        self.seat(key, subscribing, id);
        if let Some(earlier) = earlier {
            self.unseat(key, earlier);
        }
        if is_lost {
            return self.revoke(key, now);
        }
        if let Some(index) = self.reader(key).and_then(|reader| reader.find(id)) {
            self.serve_at(key, index, now);
        }
    }

    /// Returns where a reader's place in a stream stands among its places.
    fn place_in(&self, key: ReaderKey, stream: &StreamName) -> Option<usize> {
        let is_it = |table: u32| self.tables[table as usize].channel().stream() == stream;
        self.reader(key)?.subscriptions.iter().position(|place| is_it(place.table))
    }
}
