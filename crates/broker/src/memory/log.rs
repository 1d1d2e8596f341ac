//! One stream's log as plain data: lineage, window, keys, account. No lock, no clock, no disk.
//!
//! Invariants: the window's numbers ascend by one and end at the head; every number up to the head
//! belongs to an epoch of the lineage; at most `events_max` events are kept, and none older than
//! `age_max`.

mod follow;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use event::{After, Event, Fork, ForkKind, Ledger, Lineage, MonoMs, Position, RollingHash, Seq};

use parking_lot::Mutex;

use super::keys::{Found, Keys};
use crate::{
    Append, AppendError, Appended, Events, NewEvent, Page, PageLimit, Receipt, standing::Standings,
};

/// How much of a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimits {
    /// Most events.
    pub events_max: usize,
    /// Greatest age of an event.
    pub age_max: Duration,
}

/// An event of the window, with when it was taken in.
#[derive(Clone, Debug)]
pub struct Kept {
    /// When the log took it in.
    pub at: MonoMs,
    /// The event.
    pub event: Arc<Event>,
}

/// One stream's log.
#[derive(Clone, Debug)]
pub struct Log {
    lineage: Lineage,
    window: VecDeque<Kept>,
    /// Up to where events are lost that the window would have had.
    lost_to: Seq,
    head: Seq,
    keys: Keys,
    first: Seq,
    count: u64,
    hash: RollingHash,
    last_read: LastRead,
}

/// A stretch of the window as it was handed out: after a restart or a cut all readers of a stream
/// come for the same one, and share it.
#[derive(Clone, Debug)]
struct Stretch {
    after: Seq,
    events: Events,
}

/// The stretch that was handed out last; reading changes nothing else.
#[derive(Debug, Default)]
struct LastRead(Mutex<Option<Stretch>>);

impl Clone for LastRead {
    fn clone(&self) -> Self {
        LastRead(Mutex::new(self.0.lock().clone()))
    }
}

/// Events for which a window always keeps room; what a burst needed beyond is given back.
const ROOM_MIN: usize = 32;

/// Shorter stretches are not kept for the next reader: to gather so few events again costs less than
/// the keeping, and a reader that follows its stream asks for one or two.
const SHARED_EVENTS_MIN: usize = 16;

/// What a log is made of, for the codec of saved windows.
#[derive(Clone, Debug)]
pub struct LogParts {
    /// The epochs that led here.
    pub lineage: Lineage,
    /// The last number.
    pub head: Seq,
    /// The window, oldest first.
    pub window: Vec<Kept>,
    /// The idempotency keys.
    pub keys: Keys,
    /// The first number of the account.
    pub first: Seq,
    /// The account's count.
    pub count: u64,
    /// The account's hash.
    pub hash: RollingHash,
}

impl Log {
    /// Returns an empty log.
    pub fn begin(lineage: Lineage) -> Self {
        Log {
            lineage,
            window: VecDeque::new(),
            lost_to: Seq::ZERO,
            head: Seq::ZERO,
            keys: Keys::default(),
            first: Seq::ZERO,
            count: 0,
            hash: RollingHash::default(),
            last_read: LastRead::default(),
        }
    }

    /// Returns the log that these parts make, or `None` where they contradict each other.
    pub fn from_parts(parts: LogParts) -> Option<Self> {
        let LogParts { lineage, head, window, keys, first, count, hash } = parts;
        let numbered = window.iter().rev().enumerate().all(|(back, kept)| {
            let position = kept.event.position;
            // Epochs older than the lineage remembers can't be checked.
            let remembered = position.seq > lineage.forks()[0].after;
            head.0.checked_sub(back as u64) == Some(position.seq.0)
                && position.seq > Seq::ZERO
                && (!remembered || lineage.position_at(position.seq) == position)
        });
        let after_forks = lineage.forks().last().is_some_and(|fork: &Fork| fork.after <= head);
        (numbered && after_forks).then(|| Log {
            lineage,
            window: window.into(),
            lost_to: Seq::ZERO,
            head,
            keys,
            first,
            count,
            hash,
            last_read: LastRead::default(),
        })
    }

    /// Returns copies of the parts; events are shared, not copied.
    pub fn parts(&self) -> LogParts {
        LogParts {
            lineage: self.lineage.clone(),
            head: self.head,
            window: self.window.iter().cloned().collect(),
            keys: self.keys.clone(),
            first: self.first,
            count: self.count,
            hash: self.hash,
        }
    }

    /// Returns how many events the window holds.
    pub fn window_len(&self) -> usize {
        self.window.len()
    }

    /// Begins a new epoch at the head.
    pub fn fork(&mut self, epoch: event::Epoch, kind: ForkKind) {
        self.lineage.fork(epoch, self.head, kind);
        // Where the oldest fork that is remembered lost something, nothing can say any more that a
        // hole lies between the events before it and its own.
        let oldest = self.lineage.forks()[0];
        let is_forgotten =
            |kept: &Kept| oldest.kind == ForkKind::Lossy && kept.event.position.seq <= oldest.after;
        while self.window.front().is_some_and(is_forgotten) {
            self.window.pop_front();
        }
        self.forget_stretch();
    }

    /// Begins a new epoch behind this number, where the head is not there yet; the window ends.
    pub(crate) fn raise(&mut self, epoch: event::Epoch, to: Seq) {
        if self.head >= to {
            return;
        }
        self.window.clear();
        self.head = to;
        self.lineage.fork(epoch, to, ForkKind::Lossy);
        self.forget_stretch();
    }

    /// Begins the epoch of a branch at the head; what led there stays as it is.
    pub(crate) fn begin_branch(&mut self, epoch: event::Epoch) {
        self.lineage.branch(epoch, self.head);
    }

    /// Returns the window's events after a number.
    pub(crate) fn kept_after(&self, seq: Seq) -> impl Iterator<Item = &Kept> {
        let skip = seq.count_after(self.window_after()) as usize;
        self.window.iter().skip(skip)
    }

    /// Returns the last place, beyond a hole that lies there.
    pub fn head(&self) -> Position {
        self.lineage.last_at(self.head)
    }

    /// Returns the epochs that led here.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// Puts events at the end, all or none; one key takes effect once.
    ///
    /// # Errors
    /// Fails on a key that was used for something else, and where no further key fits.
    pub fn append(
        &mut self,
        append: Append,
        now: MonoMs,
        limits: &WindowLimits,
    ) -> Result<Appended, AppendError> {
        self.keys.expire(now);
        if let Some(key) = &append.idempotency {
            match self.keys.find(key) {
                Found::Nothing => self.keys.check_room(append.events.len())?,
                Found::Conflict => return Err(AppendError::Conflict),
                Found::Same(receipts) => return Ok(Appended::Replayed(receipts)),
            }
        }
        let receipts: Vec<_> = append.events.into_iter().map(|new| self.push(new, now)).collect();
        if let Some(key) = append.idempotency {
            self.keys.insert(key, &receipts, now);
        }
        self.trim(now, limits);
        Ok(Appended::First(receipts))
    }

    fn push(&mut self, new: NewEvent, now: MonoMs) -> Receipt {
        let position = Position::new(self.lineage.current(), self.head.next());
        self.head = position.seq;
        self.hash = self.hash.and(position.seq, &new.json);
        self.count += 1;
        if self.first == Seq::ZERO {
            self.first = position.seq;
        }
        let event = Arc::new(Event::new(position, new.id, new.name, new.json));
        self.window.push_back(Kept { at: now, event });
        Receipt { id: new.id, position }
    }

    /// Forgets what the limits no longer keep; returns whether that was anything.
    pub fn trim(&mut self, now: MonoMs, limits: &WindowLimits) -> bool {
        let before = self.window.len();
        let over = before.saturating_sub(limits.events_max);
        self.window.drain(..over);
        let too_old = |kept: &Kept| now.since(kept.at) > limits.age_max;
        while self.window.front().is_some_and(too_old) {
            self.window.pop_front();
        }
        let trimmed = self.window.len() < before;
        if self.window.capacity() > ROOM_MIN.max(4 * self.window.len()) {
            self.window.shrink_to(ROOM_MIN.max(2 * self.window.len()));
        }
        self.forget_stretch();
        trimmed
    }

    /// Forgets a stretch that the window no longer holds whole: what is not kept is kept by nobody.
    fn forget_stretch(&mut self) {
        let kept_after = self.window_after();
        self.last_read.0.get_mut().take_if(|stretch| stretch.after < kept_after);
    }

    /// Returns the account.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            window_after: self.standings().oldest(),
            first: self.first,
            last: self.lineage.position_at(self.head),
            count: self.count,
            hash: self.hash,
        }
    }

    /// Reads a stretch; a bad cursor gives a gap, never nothing.
    ///
    /// It ends before a hole; the page that goes on from there begins with the gap.
    pub fn page(&self, after: &After, limit: PageLimit) -> Page {
        let standings = self.standings();
        let (start, gap) = standings.resolve(after, self.seq_of(after));
        let take = limit.get().min(standings.page_end(start).count_after(start.seq) as usize);
        let events = self.stretch(start.seq, take);
        // By number, since the lineage may have forgotten the epoch of an event that is still here.
        let next = events.last().map_or(start, |e| self.lineage.position_at(e.position.seq));
        Page { gap, after: start, events, skipped: 0, next, head: self.head() }
    }

    /// Returns so many events after a number of the window.
    fn stretch(&self, after: Seq, take: usize) -> Events {
        let is_same = |last: &&Stretch| last.after == after && last.events.len() == take;
        if let Some(last) = self.last_read.0.lock().as_ref().filter(is_same) {
            return Arc::clone(&last.events);
        }
        let skip = after.count_after(self.window_after()) as usize;
        let kept = self.window.range(skip.min(self.window.len())..).take(take);
        let events: Events = kept.map(|kept| Arc::clone(&kept.event)).collect();
        if events.len() >= SHARED_EVENTS_MIN {
            *self.last_read.0.lock() = Some(Stretch { after, events: Arc::clone(&events) });
        }
        events
    }

    fn standings(&self) -> Standings<'_> {
        Standings {
            lineage: &self.lineage,
            head: self.head,
            window_after: self.window_after(),
            lost_to: self.lost_to,
            oldest_id_at: self.window.front().map(|kept| kept.event.id.unix_ms()),
        }
    }

    /// Returns the number of the event that a cursor names by its id.
    fn seq_of(&self, after: &After) -> Option<Seq> {
        let After::Id(id) = after else { return None };
        let kept = self.window.iter().find(|kept| kept.event.id == *id)?;
        Some(kept.event.position.seq)
    }

    pub(crate) fn window_after(&self) -> Seq {
        self.window.front().map_or(self.head, |kept| kept.event.position.seq.prev())
    }
}
