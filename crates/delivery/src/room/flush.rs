//! Writing what is ready: all of it in one vectored write, as far as the socket takes it.

use std::io;

use bytes::Bytes;
use event::{Event, MonoMs, Position};

use super::{
    ReaderKey, Room,
    catch_up::Piece,
    gathered::{AfterWrite, Gathered},
    reader::Reader,
    ring::Ring,
    socket::Sink,
};
use crate::{EndCause, Transport, sse};

/// Most writes for one reader before the others have their turn.
const WRITES_MAX: usize = 32;

/// How a write went.
enum Wrote {
    /// There was nothing to write.
    Nothing,
    /// The socket took all of it.
    All,
    /// The socket is full.
    Full,
    /// The connection is gone.
    Gone,
}

impl<S: Sink> Room<S> {
    /// Writes what is ready for a reader; returns whether an event went out.
    pub(super) fn serve(&mut self, key: ReaderKey, now: MonoMs) -> bool {
        let Some(reader) = self.reader(key) else { return false };
        let transport = reader.transport;
        let mut events = 0;
        for turn in 0.. {
            if turn == WRITES_MAX {
                self.put_off(key);
                break;
            }
            let (wrote, count) = self.write_once(key);
            events += count;
            match wrote {
                Wrote::All => continue,
                Wrote::Nothing => self.finish_leaving(key),
                Wrote::Full => self.block(key, now),
                Wrote::Gone => self.remove(key, EndCause::Client),
            }
            break;
        }
        if events > 0 {
            self.counts[transport as usize].0.inc_by(events);
        }
        events > 0
    }

    fn put_off(&mut self, key: ReaderKey) {
        let reader = &mut self.readers[key.index as usize];
        if !std::mem::replace(&mut reader.unfinished, true) {
            self.unfinished.push(key);
        }
    }

    fn write_once(&mut self, key: ReaderKey) -> (Wrote, u64) {
        let reader = &self.readers[key.index as usize];
        if reader.blocked_since.is_some() {
            return (Wrote::Full, 0);
        }
        let index = if reader.leaving.is_some() { None } else { self.join_ring(key) };
        let reader = &mut self.readers[key.index as usize];
        reader.write(index, &self.tables[reader.table].ring)
    }

    /// Notes since when, and from where, a reader takes nothing.
    fn block(&mut self, key: ReaderKey, now: MonoMs) {
        let reader = &mut self.readers[key.index as usize];
        reader.blocked_since.get_or_insert(now);
        reader.set_mark(&self.tables[reader.table].ring);
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
        reader.rest = reader.heartbeat_bytes();
        self.serve(key, now);
    }
}

impl<S: Sink> Reader<S> {
    /// Gathers and writes once; returns how many events went out whole or in part.
    fn write(&mut self, index: Option<usize>, ring: &Ring) -> (Wrote, u64) {
        let mut gathered = Gathered::after_place(self.through);
        let filter = self.filter.as_deref();
        let wants = |event: &Event| filter.is_none_or(|filter| filter.wants(&event.name));
        if !self.rest.is_empty() {
            gathered.add(&self.rest, None);
        }
        if self.leaving.is_none() {
            if let Some(catch_up) = &self.catch_up {
                gathered.add_pieces(catch_up.queue.iter(), wants);
            } else if let Some(index) = index {
                gathered.add_ring(index, ring, wants);
            }
        }
        if gathered.slices().is_empty() {
            let through = gathered.looked_through;
            let moved = through != self.through;
            self.pass(through);
            // Events that nobody wanted may have hidden that the next page or the ring is due.
            return (if moved { Wrote::All } else { Wrote::Nothing }, 0);
        }
        match self.socket.write_vectored(gathered.slices()) {
            Ok(0) => (Wrote::Gone, 0),
            Ok(bytes) => {
                let after = gathered.after(bytes);
                self.advance(after)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (Wrote::Full, 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (Wrote::All, 0),
            Err(_) => (Wrote::Gone, 0),
        }
    }

    fn advance(&mut self, after: AfterWrite) -> (Wrote, u64) {
        self.rest = after.rest.unwrap_or_default();
        if let Some(told) = after.reached {
            self.told = told;
        }
        if let Some(through) = after.through {
            self.pass(through);
        }
        (if after.whole { Wrote::All } else { Wrote::Full }, after.events)
    }

    /// Moves the reader to a place, and forgets the pieces up to it.
    fn pass(&mut self, through: Position) {
        if let Some(catch_up) = &mut self.catch_up {
            let passed = |piece: &Piece| piece.reaches().seq <= through.seq;
            while catch_up.queue.front().is_some_and(passed) {
                catch_up.queue.pop_front();
            }
        }
        self.through = through;
    }

    fn heartbeat_bytes(&mut self) -> Bytes {
        let told = std::mem::replace(&mut self.told, self.through);
        if self.filter.is_some() && told != self.through {
            sse::heartbeat_at(self.through)
        } else {
            sse::HEARTBEAT
        }
    }
}

impl Piece {
    pub(super) fn reaches(&self) -> Position {
        match self {
            Piece::Event(event) => event.position,
            Piece::Own(_, place) => *place,
        }
    }
}
