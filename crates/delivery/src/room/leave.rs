//! How readers leave: at a deadline with a farewell, or because they fell too far behind.

use std::{cmp::Ordering, time::Duration};

use bytes::{Bytes, BytesMut};
use event::{MonoMs, StreamName};
use rand::RngExt;

use super::{ReaderKey, Room, reader::Reader, ring::Place, socket::Sink, web::CLOSE_MAX};
use crate::{
    DeliveryOptions, EndCause,
    encoder::Framing,
    sse::{self, GoodbyeReason},
    ws::{self, CloseCode},
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
    /// It has been told farewell, and its time to take that, or to answer, is over.
    Told,
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
            let mut deadlines = std::mem::take(&mut self.deadlines);
            deadlines.retain(|deadline| self.is_due(deadline));
            self.deadlines = deadlines;
        }
    }

    /// Returns whether a deadline still means something: its reader is here, and its credential
    /// was not renewed.
    fn is_due(&self, deadline: &Deadline) -> bool {
        self.reader(deadline.key).is_some_and(|reader| {
            deadline.why != Departure::TokenExpired || reader.expires == Some(deadline.at)
        })
    }

    fn say_goodbye(&mut self, key: ReaderKey, why: Departure, now: MonoMs) {
        let retry_ms = self.rng.random_range(RETRY_MS);
        let Some(reader) = self.reader_mut(key) else { return };
        if let Some(cause) = reader.leaving {
            // Other deadlines don't take from the time that it has. One that takes bytes has its
            // farewell at its next turn; a WebSocket had it to answer the close frame as well.
            let is_over = why == Departure::Told;
            if is_over && (reader.blocked_since.is_some() || reader.web.is_some()) {
                self.remove(key, cause);
            }
            return;
        }
        let (reason, code, cause) = match why {
            // It was renewed; its new end has a deadline of its own.
            Departure::TokenExpired if reader.expires.is_none_or(|at| at > now) => return,
            Departure::TokenExpired => {
                (GoodbyeReason::TokenExpired, CloseCode::Policy, EndCause::TokenExpired)
            }
            Departure::Drain => (GoodbyeReason::Drain, CloseCode::GoingAway, EndCause::Drained),
            Departure::Told => return,
        };
        if reader.blocked_since.is_some() {
            // Its socket is full: it has its cursor, and nothing more gets through.
            return self.remove(key, cause);
        }
        // Everything that is ready goes first.
        self.serve(key, now);
        let Some(reader) = self.reader(key) else { return };
        let farewell = match reader.framing {
            Framing::Sse | Framing::Messages => sse::goodbye(reason, retry_ms),
            Framing::WebSocket | Framing::WebSocketDeflate => {
                joined([&*ws::goodbye(reason, retry_ms), &ws::close(code, reason.as_str())])
            }
        };
        self.part(key, cause, &farewell, now);
    }

    /// Lets those readers of a stream go who have lost the permission to read it.
    pub fn on_passes(&mut self, stream: &StreamName, now: MonoMs) {
        let Some(&table) = self.table_of.get(stream) else { return };
        let lost = self.tables[table].seats().iter().filter_map(|seat| {
            let reader = self.readers.get(seat.reader as usize)?;
            let subscription = reader.subscriptions.get(seat.subscription as usize)?;
            subscription.terms.are_broken().then_some(reader.key)
        });
        for key in lost.collect::<Vec<_>>() {
            self.revoke(key, now);
        }
    }

    /// Lets a reader go that has lost a permission; what it was not sent yet it is not sent.
    pub(super) fn revoke(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader(key).filter(|reader| reader.leaving.is_none()) else {
            return;
        };
        if reader.web.is_some() {
            let (code, reason) = (CloseCode::Policy, "permission lost");
            self.close_web(key, EndCause::Revoked, code, reason, now);
        } else if reader.blocked_since.is_some() {
            self.remove(key, EndCause::Revoked);
        } else {
            self.part(key, EndCause::Revoked, &sse::closed(), now);
        }
    }

    /// Makes this the last thing that a reader is sent; it is let go within a while.
    pub(super) fn part(&mut self, key: ReaderKey, cause: EndCause, farewell: &[u8], now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        let answers = reader.web.as_mut().map(|web| web.take_outbox());
        let before = answers.iter().flatten().map(|piece| &**piece);
        let pieces = std::iter::once(&*reader.rest).chain(before).chain([farewell]);
        reader.rest = joined(pieces);
        reader.leaving = Some(cause);
        let is_web = reader.web.is_some();
        // Its streams need not keep what it will not be sent.
        self.unseat_all(key);
        self.serve_at(key, 0, now);
        if self.reader(key).is_none() {
            return;
        }
        let within = if is_web { CLOSE_MAX } else { FAREWELL_MAX };
        self.schedule(Deadline::new(now.plus(within), key, Departure::Told));
        if is_web {
            // Its answer, or its end, may have come while it was not read.
            self.put_off(key);
        }
    }

    /// Lets a reader go that has been written everything, where its farewell was the last of it;
    /// returns whether it was.
    ///
    /// A WebSocket stays until its client has answered, so that what it sent meanwhile does not
    /// make the system throw away the close frame (RFC 6455, 7.1.1).
    pub(super) fn finish_leaving(&mut self, key: ReaderKey) -> bool {
        let Some(reader) = self.reader_mut(key) else { return true };
        let Some(cause) = reader.leaving else { return false };
        if !reader.awaits_close() {
            self.remove(key, cause);
        }
        true
    }

    /// Lets go of all readers at once and forgets everything but the names that it has given.
    ///
    /// It asks nothing of the room's state, so that it also serves after a fault.
    pub fn cut_all(&mut self) {
        for reader in self.readers.drain() {
            let cause = reader.leaving.unwrap_or(EndCause::Drained);
            self.metrics.ended(reader.transport, cause);
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
            .map(|(_, reader)| (reader.key, reader.web.is_some()))
            .collect();
        for (key, is_web) in lagging {
            if is_web {
                let reason = "too far behind";
                self.close_web(key, EndCause::Lagged, CloseCode::TryAgainLater, reason, now);
            } else {
                self.remove(key, EndCause::Lagged);
            }
        }
    }

    fn lags(&self, reader: &Reader<S>, now: MonoMs) -> bool {
        let Some(blocked_since) = reader.blocked_since else { return false };
        let DeliveryOptions { lag_bytes_max, lag_max, .. } = self.options;
        if reader.leaving.is_some() {
            return false;
        }
        if now.since(blocked_since) > lag_max {
            return true;
        }
        let ring = |table: u32| &self.tables[table as usize].ring;
        let behind = reader.subscriptions.iter().map(|s| s.bytes_behind(ring(s.table)));
        if behind.sum::<u64>() > lag_bytes_max {
            return true;
        }
        reader.subscriptions.iter().any(|s| {
            let ring = ring(s.table);
            let Place::At(index) = ring.place(s.through) else { return false };
            ring.came_at(index).is_some_and(|at| now.since(at) > lag_max)
        })
    }
}

fn joined<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Bytes {
    let mut all = BytesMut::new();
    for piece in pieces {
        all.extend_from_slice(piece);
    }
    all.freeze()
}
