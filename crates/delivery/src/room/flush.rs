//! Writing what is ready: all of it in one vectored write, as far as the socket takes it.

use std::{cell::RefCell, io};

use bytes::Bytes;
use event::{MonoMs, Position};

use super::{
    ReaderKey, Room,
    gathered::{AfterWrite, Gathered},
    reader::Reader,
    run::Runs,
    socket::Sink,
    table::Table,
};
use crate::{
    EndCause, Transport,
    encoder::{Encoder, Framing},
    sse,
    ws::{self, Deflater},
};

/// Most writes for one reader before the others have their turn.
const WRITES_MAX: usize = 8;

/// How a write went.
enum Wrote {
    /// There was nothing to write.
    Nothing,
    /// The socket took all of it; there may be more.
    All,
    /// The socket took all that there is.
    Everything,
    /// The socket is full.
    Full,
    /// The connection is gone.
    Gone,
}

/// What came of serving a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Served {
    /// How many events went out.
    pub(super) events: u64,
    /// Whether the reader's other streams may be looked at too.
    pub(super) takes_more: bool,
}

impl<S: Sink> Room<S> {
    /// Writes what is ready for a reader, of all its streams.
    pub(super) fn serve(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader(key) else { return };
        let count = reader.subscriptions.len().max(1);
        let first = reader.turn as usize;
        for index in (first..first + count).map(|turn| turn % count) {
            if !self.serve_at(key, index, now).takes_more {
                if let Some(reader) = self.reader_mut(key) {
                    reader.turn = index as u32 + 1;
                }
                return;
            }
        }
    }

    /// Writes what is ready for a reader besides its streams, and of one of them.
    pub(super) fn serve_at(&mut self, key: ReaderKey, index: usize, now: MonoMs) -> Served {
        let Some(reader) = self.reader(key) else {
            return Served { events: 0, takes_more: false };
        };
        let transport = reader.transport;
        let served = self.serve_uncounted(key, index, now);
        if served.events > 0 {
            self.counts[transport as usize].0.inc_by(served.events);
        }
        served
    }

    /// The same, for a round that counts for all its readers together: workers share the counters,
    /// and taking them from each other for each reader costs as much as the rest of its turn.
    pub(super) fn serve_uncounted(&mut self, key: ReaderKey, index: usize, now: MonoMs) -> Served {
        if self.reader(key).is_none() {
            return Served { events: 0, takes_more: false };
        }
        let mut events = 0;
        let mut takes_more = false;
        for turn in 0.. {
            if turn == WRITES_MAX {
                self.put_off(key);
                break;
            }
            let (wrote, count) = self.write_once(key, index);
            events += count;
            match wrote {
                Wrote::All => continue,
                Wrote::Nothing | Wrote::Everything => takes_more = !self.finish_leaving(key),
                Wrote::Full => self.block(key, index, now),
                Wrote::Gone => self.remove(key, EndCause::Client),
            }
            break;
        }
        Served { events, takes_more }
    }

    pub(super) fn put_off(&mut self, key: ReaderKey) {
        let Some(reader) = self.reader_mut(key) else { return };
        if !std::mem::replace(&mut reader.unfinished, true) {
            self.unfinished.push(key);
        }
    }

    fn write_once(&mut self, key: ReaderKey, index: usize) -> (Wrote, u64) {
        let reader = &self.readers[key.index as usize];
        if reader.blocked_since.is_some() {
            return (Wrote::Full, 0);
        }
        let at = if reader.leaving.is_some() { None } else { self.join_ring(key, index) };
        let reader = &mut self.readers[key.index as usize];
        let subscription = reader.subscriptions.get(index).filter(|_| reader.leaving.is_none());
        let table = subscription.map(|subscription| &self.tables[subscription.table as usize]);
        reader.write(index, at, table, &self.deflater, &mut self.runs)
    }

    /// Notes since when, and from where, a reader takes nothing.
    fn block(&mut self, key: ReaderKey, index: usize, now: MonoMs) {
        let reader = &mut self.readers[key.index as usize];
        let was_blocked = reader.blocked_since.is_some();
        reader.blocked_since.get_or_insert(now);
        // While nothing is taken, no place moves: only one whose ring has gone on is looked at.
        let marked = if was_blocked { index..index + 1 } else { 0..reader.subscriptions.len() };
        for subscription in reader.subscriptions.get_mut(marked).into_iter().flatten() {
            subscription.set_mark(&self.tables[subscription.table as usize].ring);
        }
    }

    /// Writes a heartbeat to a reader that takes bytes.
    pub(super) fn heartbeat(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        if reader.blocked_since.is_some() || !reader.rest.is_empty() || reader.leaving.is_some() {
            return;
        }
        if reader.transport == Transport::probe {
            // Nobody reads between two probes: heartbeats would fill its socket in the end.
            return;
        }
        if reader.web.as_mut().is_some_and(|web| !web.was_quiet()) {
            return;
        }
        reader.rest = reader.heartbeat_bytes();
        self.serve_at(key, 0, now);
        if let Some(web) = self.reader_mut(key).and_then(|reader| reader.web.as_mut()) {
            // The ping itself makes no busy connection.
            web.was_quiet();
        }
    }
}

impl<S: Sink> Reader<S> {
    /// Gathers and writes once; returns how many events went out whole or in part.
    fn write(
        &mut self,
        index: usize,
        at: Option<usize>,
        table: Option<&Table>,
        deflater: &RefCell<Deflater>,
        runs: &mut Runs,
    ) -> (Wrote, u64) {
        let encoder = table.map(|table| table.encoder(self.framing, deflater));
        #[cfg(feature = "inject")]
        let encoder = encoder.map(|encoder| {
            let has_filter = self.subscriptions.get(index).is_some_and(|s| s.filter.is_some());
            Encoder { faults: encoder.faults.filtered(has_filter), ..encoder }
        });
        if let Some(encoder) = &encoder {
            self.prepare(index, encoder, runs);
        }
        let mut gathered = Gathered::default();
        if !self.rest.is_empty() {
            gathered.add_rest(&self.rest);
        }
        if let Some(web) = &self.web {
            gathered.add_own(web.outbox.iter());
        }
        if let (Some(subscription), Some(table), Some(encoder)) =
            (self.subscriptions.get(index), table, &encoder)
        {
            subscription.gather(at, &table.ring, encoder, &mut gathered);
        }
        if gathered.slices().is_empty() {
            let looked_through = gathered.looked_through;
            drop(gathered);
            // Events that nobody wanted may have hidden that the next page or the ring is due.
            let moved = self.pass(index, looked_through);
            return (if moved { Wrote::All } else { Wrote::Nothing }, 0);
        }
        // Without a page and with room left, there is nothing that a second look would find.
        let had_page = self.subscriptions.get(index).is_some_and(|s| s.catch_up.is_some());
        let is_everything = !had_page && !gathered.is_full();
        let written = self.socket.write_vectored(gathered.slices());
        let after = written.as_ref().map(|&bytes| gathered.after(bytes)).ok();
        drop(gathered);
        match (written, after) {
            (Ok(0), _) => (Wrote::Gone, 0),
            (Ok(_), Some(after)) => {
                if let Some(web) = &mut self.web {
                    web.wrote();
                }
                match self.advance(index, after) {
                    (Wrote::All, events) if is_everything => (Wrote::Everything, events),
                    advanced => advanced,
                }
            }
            (Err(error), _) if error.kind() == io::ErrorKind::WouldBlock => (Wrote::Full, 0),
            (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => (Wrote::All, 0),
            _ => (Wrote::Gone, 0),
        }
    }

    /// Encodes what a subscription has from the log, where that is not done.
    fn prepare(&mut self, index: usize, encoder: &Encoder<'_>, runs: &mut Runs) {
        let subscription = self.subscriptions.get_mut(index);
        if let Some(catch_up) = subscription.and_then(|s| s.catch_up.as_mut()) {
            catch_up.prepare(runs, encoder);
        }
    }

    fn advance(&mut self, index: usize, after: AfterWrite) -> (Wrote, u64) {
        self.rest = after.rest.unwrap_or_default();
        if let Some(web) = &mut self.web {
            web.sent(after.own_begun);
        }
        if let Some(told) = after.reached {
            self.subscriptions[index].told = told;
        }
        self.pass(index, after.through);
        (if after.whole { Wrote::All } else { Wrote::Full }, after.events)
    }

    /// Moves a subscription to a place; returns whether it was elsewhere.
    fn pass(&mut self, index: usize, through: Option<Position>) -> bool {
        let Some(through) = through else { return false };
        let subscription = &mut self.subscriptions[index];
        let moved = subscription.through != through;
        subscription.pass(through);
        moved
    }

    fn heartbeat_bytes(&mut self) -> Bytes {
        match self.framing {
            Framing::WebSocket | Framing::WebSocketDeflate => return ws::PING,
            Framing::Messages => return sse::PING,
            Framing::Sse => {}
        }
        let Some(subscription) = self.subscriptions.first_mut() else { return sse::HEARTBEAT };
        let told = std::mem::replace(&mut subscription.told, subscription.through);
        if subscription.filter.is_some() && told != subscription.through {
            sse::heartbeat_at(subscription.through)
        } else {
            sse::HEARTBEAT
        }
    }
}
