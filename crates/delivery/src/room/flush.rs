//! Writing what is ready: all of it in one vectored write, as far as the socket takes it.

use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use event::{Event, Framing, MonoMs, Position};

use super::{
    ReaderKey, Room,
    catch_up::Piece,
    reader::Reader,
    ring::{Place, Ring},
    socket::Sink,
};
use crate::{EndCause, sse};

/// Most pieces in one write, well below the 1,024 that Linux takes.
const SLICES_MAX: usize = 64;

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

/// What was gathered for one write.
struct Gathered<'a> {
    slices: [IoSlice<'a>; SLICES_MAX],
    /// For each slice, the place that the reader has reached with it; none for the rest of before.
    reached: [Option<Position>; SLICES_MAX],
    bytes: [Option<&'a Bytes>; SLICES_MAX],
    len: usize,
    /// The place up to which everything was looked at.
    looked_through: Position,
}

impl<S: Sink> Room<S> {
    /// Writes what is ready for a reader; returns whether an event went out.
    pub(super) fn serve(&mut self, key: ReaderKey, now: MonoMs) -> bool {
        let Some(reader) = self.reader(key) else { return false };
        let transport = reader.transport;
        let mut events = 0;
        for turn in 0.. {
            if turn == WRITES_MAX {
                self.unfinished.push(key);
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

    fn write_once(&mut self, key: ReaderKey) -> (Wrote, u64) {
        let reader = &self.readers[key.index as usize];
        if reader.blocked_since.is_some() {
            return (Wrote::Full, 0);
        }
        let index = if reader.leaving.is_some() { None } else { self.join_ring(key) };
        let reader = &mut self.readers[key.index as usize];
        reader.write(index, &self.tables[reader.table].ring)
    }

    /// Notes since when, and from where, a reader is behind.
    fn block(&mut self, key: ReaderKey, now: MonoMs) {
        let reader = &mut self.readers[key.index as usize];
        if reader.blocked_since.is_none() {
            reader.blocked_since = Some(now);
            let ring = &self.tables[reader.table].ring;
            if let (None, Place::At(index)) = (&reader.catch_up, ring.place(reader.through)) {
                reader.behind_from = ring.total() - ring.bytes_from(index);
            }
        }
    }

    /// Writes a heartbeat to a reader that takes bytes.
    pub(super) fn heartbeat(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        if reader.blocked_since.is_some() || !reader.rest.is_empty() || reader.leaving.is_some() {
            return;
        }
        reader.rest = reader.heartbeat_bytes();
        self.serve(key, now);
    }
}

impl<S: Sink> Reader<S> {
    /// Gathers and writes once; returns how many events went out whole or in part.
    fn write(&mut self, index: Option<usize>, ring: &Ring) -> (Wrote, u64) {
        let mut gathered = Gathered {
            slices: [IoSlice::new(&[]); SLICES_MAX],
            reached: [None; SLICES_MAX],
            bytes: [None; SLICES_MAX],
            len: 0,
            looked_through: self.through,
        };
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
        if gathered.len == 0 {
            let through = gathered.looked_through;
            let moved = through != self.through;
            self.pass(through);
            // Events that nobody wanted may have hidden that the next page or the ring is due.
            return (if moved { Wrote::All } else { Wrote::Nothing }, 0);
        }
        match self.socket.write_vectored(&gathered.slices[..gathered.len]) {
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

    fn heartbeat_bytes(&self) -> Bytes {
        if self.filter.is_some() && self.told != self.through {
            sse::heartbeat_at(self.through)
        } else {
            sse::HEARTBEAT
        }
    }
}

impl Piece {
    fn reaches(&self) -> Position {
        match self {
            Piece::Event(event) => event.position,
            Piece::Own(_, place) => *place,
        }
    }
}

/// What a write changed.
struct AfterWrite {
    rest: Option<Bytes>,
    reached: Option<Position>,
    through: Option<Position>,
    events: u64,
    whole: bool,
}

impl<'a> Gathered<'a> {
    fn add(&mut self, bytes: &'a Bytes, reached: Option<Position>) {
        self.slices[self.len] = IoSlice::new(bytes);
        self.bytes[self.len] = Some(bytes);
        self.reached[self.len] = reached;
        self.len += 1;
    }

    fn add_pieces(
        &mut self,
        pieces: impl Iterator<Item = &'a Piece>,
        wants: impl Fn(&Event) -> bool,
    ) {
        for piece in pieces {
            match piece {
                Piece::Event(event) if wants(event) => {
                    if self.len == SLICES_MAX {
                        return;
                    }
                    self.add(event.encoded(Framing::Sse, sse::event), Some(event.position));
                }
                Piece::Event(_) => {}
                Piece::Own(bytes, place) => {
                    if self.len == SLICES_MAX {
                        return;
                    }
                    self.add(bytes, Some(*place));
                }
            }
            self.looked_through = piece.reaches();
        }
    }

    fn add_ring(&mut self, mut index: usize, ring: &'a Ring, wants: impl Fn(&Event) -> bool) {
        while let Some(event) = ring.get(index) {
            if wants(event) {
                if self.len == SLICES_MAX {
                    return;
                }
                self.add(event.encoded(Framing::Sse, sse::event), Some(event.position));
            }
            self.looked_through = event.position;
            index += 1;
        }
    }

    /// Works out what the reader has after this many bytes.
    fn after(&self, mut written: usize) -> AfterWrite {
        let mut reached = None;
        let mut events = 0;
        for i in 0..self.len {
            let bytes = self.bytes[i].expect("every slice was added with its bytes");
            let begun = written > 0;
            if begun && let Some(place) = self.reached[i] {
                reached = Some(place);
                events += 1;
            }
            if written < bytes.len() {
                let mut rest = bytes.clone();
                rest.advance(written);
                // An event of which nothing went out is gathered again; what was begun, or was
                // a rest already, must be finished first.
                let keep = begun || self.reached[i].is_none();
                return AfterWrite {
                    rest: keep.then_some(rest),
                    reached,
                    through: reached,
                    events,
                    whole: false,
                };
            }
            written -= bytes.len();
        }
        AfterWrite { rest: None, reached, through: Some(self.looked_through), events, whole: true }
    }
}
