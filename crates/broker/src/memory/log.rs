//! One stream's log as plain data: lineage, window, keys, account. No lock, no clock, no disk.
//!
//! Invariants: the window's numbers ascend by one and end at the head; every number up to the head
//! belongs to an epoch of the lineage; at most `events_max` events are kept, and none older than
//! `age_max`.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use event::{
    After, Event, Fork, ForkKind, Gap, GapReason, Ledger, Lineage, MonoMs, Position, RollingHash,
    Seq, Standing, UnixMs,
};

use super::keys::{Found, Keys};
use crate::{Append, AppendError, Appended, NewEvent, Page, PageLimit, Receipt};

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
    head: Seq,
    keys: Keys,
    first: Seq,
    count: u64,
    hash: RollingHash,
}

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
            head: Seq::ZERO,
            keys: Keys::default(),
            first: Seq::ZERO,
            count: 0,
            hash: RollingHash::default(),
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
            head,
            keys,
            first,
            count,
            hash,
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
        self.window.len() < before
    }

    /// Returns the account.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            window_after: self.oldest(),
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
        let (start, gap) = self.resolve(after);
        let skip = start.seq.count_after(self.window_after()) as usize;
        let up_to = self.lineage.hole_after(start).unwrap_or(self.head);
        let take = limit.get().min(up_to.count_after(start.seq) as usize);
        let stretch = self.window.iter().skip(skip).take(take);
        let events: Vec<_> = stretch.map(|kept| Arc::clone(&kept.event)).collect();
        // By number, since the lineage may have forgotten the epoch of an event that is still here.
        let next = events.last().map_or(start, |e| self.lineage.position_at(e.position.seq));
        Page { gap, after: start, events, skipped: 0, next, head: self.head() }
    }

    /// Finds where reading goes on, and the hole before it.
    fn resolve(&self, after: &After) -> (Position, Option<Gap>) {
        match after {
            After::Head => (self.head(), None),
            After::Oldest => (self.oldest(), None),
            After::At(place) => self.resolve_place(*place, after),
            After::Id(id) => match self.window.iter().find(|kept| kept.event.id == *id) {
                Some(kept) => {
                    self.resolve_place(self.lineage.position_at(kept.event.position.seq), after)
                }
                None => self.oldest_with_gap(after, self.reason_for_missing(id.unix_ms()), None),
            },
            After::Unreadable(_) => self.oldest_with_gap(after, GapReason::UnknownCursor, None),
        }
    }

    fn resolve_place(&self, place: Position, after: &After) -> (Position, Option<Gap>) {
        match self.lineage.standing(place, self.head) {
            Standing::Good => self.resolve_good(place, after),
            Standing::PastEnd { shared, reason } => {
                let resumes_at = self.lineage.last_at(shared.seq.max(self.window_after()));
                (resumes_at, Some(gap(reason, after, resumes_at, None)))
            }
            Standing::Unknown if self.lineage.lost_its_past() => {
                self.oldest_with_gap(after, GapReason::DataLoss, None)
            }
            Standing::Unknown => self.oldest_with_gap(after, GapReason::UnknownCursor, None),
        }
    }

    /// Goes on from a place that the log has had, unless the window or a hole begins after it.
    fn resolve_good(&self, place: Position, after: &After) -> (Position, Option<Gap>) {
        let hole = self.lineage.hole_after(place);
        let missed = self.window_after().count_after(place.seq);
        if missed > 0 {
            return if hole.is_some_and(|hole| hole <= self.window_after()) {
                self.oldest_with_gap(after, GapReason::DataLoss, None)
            } else {
                self.oldest_with_gap(after, GapReason::Expired, Some(missed))
            };
        }
        let here = self.lineage.last_at(place.seq);
        let at_hole = hole == Some(place.seq);
        (here, at_hole.then(|| gap(GapReason::DataLoss, after, here, None)))
    }

    /// An id that is older than all that is kept has expired; another one was never here.
    fn reason_for_missing(&self, at: UnixMs) -> GapReason {
        match self.window.front() {
            Some(oldest) if at < oldest.event.id.unix_ms() => GapReason::Expired,
            None if self.head > Seq::ZERO => GapReason::Expired,
            _ if self.lineage.lost_its_past() => GapReason::DataLoss,
            _ => GapReason::UnknownCursor,
        }
    }

    fn oldest_with_gap(
        &self,
        after: &After,
        reason: GapReason,
        missed: Option<u64>,
    ) -> (Position, Option<Gap>) {
        let resumes_at = self.oldest();
        (resumes_at, Some(gap(reason, after, resumes_at, missed)))
    }

    /// Returns the place before the oldest event that is kept.
    fn oldest(&self) -> Position {
        self.lineage.last_at(self.window_after())
    }

    fn window_after(&self) -> Seq {
        self.window.front().map_or(self.head, |kept| kept.event.position.seq.prev())
    }
}

fn gap(reason: GapReason, after: &After, resumes_at: Position, missed: Option<u64>) -> Gap {
    Gap { reason, after: Some(after.to_string()), resumes_at, missed }
}
