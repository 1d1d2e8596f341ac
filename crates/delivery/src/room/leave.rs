//! How readers leave: at a deadline with a farewell, or because they fell too far behind.

use std::{cmp::Ordering, time::Duration};

use bytes::{Bytes, BytesMut};
use event::MonoMs;
use rand::RngExt;

use super::{ReaderKey, Room, reader::Reader, ring::Place, socket::Sink};
use crate::{
    DeliveryOptions, EndCause,
    sse::{self, GoodbyeReason},
};

/// When the farewell asks a reader to come back, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u32> = 250..=2500;

/// How long a farewell may take to get through to a reader whose socket is full.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// Deadlines that a reader may have at one time: its credential's, a drain's, its farewell's; and
/// one more, so that forgetting is worth its while.
const DEADLINES_PER_READER: usize = 4;

/// Deadlines that are not worth a look at whose they are.
const DEADLINES_SPARE: usize = 64;

/// Why a reader leaves at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Departure {
    /// The server is shutting down.
    Drain,
    /// The credential expires.
    TokenExpired,
}

/// When a reader leaves; the earliest is the greatest, for a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    at: MonoMs,
    key: ReaderKey,
    why: Departure,
}

impl Deadline {
    pub(super) fn new(at: MonoMs, key: ReaderKey, why: Departure) -> Self {
        Deadline { at, key, why }
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.key, other.why).cmp(&(self.at, self.key, self.why))
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S: Sink> Room<S> {
    /// Lets all readers go, each at a random moment within `over`, so that they come back spread.
    pub fn drain(&mut self, over: Duration, now: MonoMs) {
        self.draining = Some((now, over));
        let keys: Vec<_> = self.readers.iter().map(|(_, reader)| reader.key).collect();
        for key in keys {
            self.schedule_departure(key, now, over);
        }
    }

    /// Returns when the next reader leaves.
    pub fn next_deadline(&self) -> Option<MonoMs> {
        self.deadlines.peek().map(|deadline| deadline.at)
    }

    /// Says farewell to those whose time has come.
    pub fn on_deadline(&mut self, now: MonoMs) {
        while self.next_deadline().is_some_and(|at| at <= now) {
            let Some(deadline) = self.deadlines.pop() else { return };
            self.say_goodbye(deadline.key, deadline.why, now);
        }
    }

    pub(super) fn schedule_departure(&mut self, key: ReaderKey, began: MonoMs, over: Duration) {
        let over_ms = u64::try_from(over.as_millis()).unwrap_or(u64::MAX);
        let at = began.plus(Duration::from_millis(self.rng.random_range(0..=over_ms)));
        self.schedule(Deadline::new(at, key, Departure::Drain));
    }

    /// Notes a departure, and forgets those of readers that have left where they are the most.
    pub(super) fn schedule(&mut self, deadline: Deadline) {
        self.deadlines.push(deadline);
        if self.deadlines.len() > DEADLINES_SPARE + DEADLINES_PER_READER * self.readers.len() {
            let readers = &self.readers;
            let is_here = |key: ReaderKey| {
                readers.get(key.index as usize).is_some_and(|reader| reader.key == key)
            };
            self.deadlines.retain(|deadline| is_here(deadline.key));
        }
    }

    fn say_goodbye(&mut self, key: ReaderKey, why: Departure, now: MonoMs) {
        let retry_ms = self.rng.random_range(RETRY_MS);
        let Some(reader) = self.reader_mut(key) else { return };
        if let Some(cause) = reader.leaving {
            // It had its time; one that takes bytes has its farewell at its next turn.
            if reader.blocked_since.is_some() {
                self.remove(key, cause);
            }
            return;
        }
        let (reason, cause) = match why {
            Departure::Drain => (GoodbyeReason::Drain, EndCause::Drained),
            Departure::TokenExpired => (GoodbyeReason::TokenExpired, EndCause::TokenExpired),
        };
        if reader.blocked_since.is_some() {
            // Its socket is full: it has its cursor, and nothing more gets through.
            return self.remove(key, cause);
        }
        // Everything that is ready goes first.
        self.serve(key, now);
        let Some(reader) = self.reader_mut(key) else { return };
        reader.rest = joined(&reader.rest, &sse::goodbye(reason, retry_ms));
        reader.leaving = Some(cause);
        self.serve(key, now);
        if self.reader(key).is_some() {
            self.schedule(Deadline::new(now.plus(FAREWELL_MAX), key, why));
        }
    }

    /// Closes a reader that has been written everything, where its farewell was the last of it.
    pub(super) fn finish_leaving(&mut self, key: ReaderKey) {
        if let Some(cause) = self.reader(key).and_then(|reader| reader.leaving) {
            self.remove(key, cause);
        }
    }

    /// Lets go of all readers at once and forgets everything but the names that it has given.
    ///
    /// It asks nothing of the room's state, so that it also serves after a fault.
    pub fn cut_all(&mut self) {
        for reader in self.readers.drain() {
            self.metrics.ended(reader.transport, EndCause::Drained);
        }
        self.tables.clear();
        self.table_of.clear();
        self.wheel.iter_mut().for_each(Vec::clear);
        self.deadlines.clear();
        self.wishes.clear();
        self.waiting.clear();
        self.unfinished.clear();
    }

    /// Closes readers that are over their limit in bytes or age; their cursor resumes.
    pub(super) fn close_the_lagging(&mut self, now: MonoMs) {
        let lagging: Vec<_> = self
            .readers
            .iter()
            .filter(|(_, reader)| self.lags(reader, now))
            .map(|(_, reader)| reader.key)
            .collect();
        for key in lagging {
            self.remove(key, EndCause::Lagged);
        }
    }

    fn lags(&self, reader: &Reader<S>, now: MonoMs) -> bool {
        let Some(blocked_since) = reader.blocked_since else { return false };
        let DeliveryOptions { lag_bytes_max, lag_max, .. } = self.options;
        if now.since(blocked_since) > lag_max {
            return true;
        }
        let ring = &self.tables[reader.table].ring;
        if reader.bytes_behind(ring) > lag_bytes_max {
            return true;
        }
        let Place::At(index) = ring.place(reader.through) else { return false };
        ring.came_at(index).is_some_and(|at| now.since(at) > lag_max)
    }
}

fn joined(rest: &Bytes, last: &Bytes) -> Bytes {
    if rest.is_empty() {
        return last.clone();
    }
    let mut both = BytesMut::with_capacity(rest.len() + last.len());
    both.extend_from_slice(rest);
    both.extend_from_slice(last);
    both.freeze()
}
