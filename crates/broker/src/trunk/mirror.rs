//! What this replica knows of one trunk log, for the time when it has lost Redis. Pure.
//!
//! Owns: the events that this process has read or appended itself, by number, within the window's
//! limits and possibly with holes; up to where its readers have read; the keys of its own appends.
//! A branch begins where the readers are, not at the highest number that was ever seen: an event
//! that others appended and that nobody here has read yet is on the trunk, and comes after the
//! merge. One that was appended here comes again at the branch's beginning: readers here are to see
//! what one publisher sent in the order in which it was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use event::{Epoch, Event, Fork, ForkKind, Lineage, MonoMs, Position, RollingHash, Seq};

use super::branch::Branch;
use crate::{
    IdempotencyKey, Page, Receipt,
    holes::Hole,
    memory::{
        keys::Keys,
        log::{Kept, Log, LogParts, WindowLimits},
    },
};

/// How long after its last reading a stream still counts as followed: a reader that has just been
/// cut off comes back to where it was.
const FOLLOWED: Duration = Duration::from_secs(30);

/// What this replica knows of one trunk log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mirror {
    lineage: Option<Lineage>,
    head: Seq,
    events: BTreeMap<Seq, Kept>,
    /// Which of them were appended here.
    appended: BTreeSet<Seq>,
    read: Option<Read>,
    keyed: VecDeque<Keyed>,
}

/// Up to where readers here have read, and when they last did.
#[derive(Clone, Copy, Debug)]
struct Read {
    through: Seq,
    at: MonoMs,
}

/// An append with a key that was made here.
#[derive(Clone, Debug)]
struct Keyed {
    at: MonoMs,
    key: IdempotencyKey,
    receipts: Vec<Receipt>,
}

impl Mirror {
    /// Takes in the log's state.
    pub(crate) fn learn(&mut self, lineage: &Lineage, head: Seq) {
        if self.lineage.as_ref() != Some(lineage) {
            self.lineage = Some(lineage.clone());
            self.head = head;
        }
        self.head = self.head.max(head);
    }

    /// Returns the epochs and the head, as last known.
    pub(crate) fn known(&self) -> Option<(&Lineage, Seq)> {
        self.lineage.as_ref().map(|lineage| (lineage, self.head))
    }

    /// Returns the trunk's events that are known after a number, in order and possibly with holes.
    pub(crate) fn after(&self, seq: Seq) -> impl Iterator<Item = &Kept> {
        let later = self.events.range(seq.next()..).map(|(_, kept)| kept);
        later.filter(|kept| self.is_ours(kept.event.position))
    }

    /// Returns the first number in these holes of the trunk of which the event is known here.
    pub(crate) fn first_within(&self, holes: &[Hole]) -> Option<Seq> {
        holes.iter().find_map(|hole| {
            let mut known = self.events.range(hole.first..=hole.last);
            known.find(|(_, kept)| self.is_ours(kept.event.position)).map(|(seq, _)| *seq)
        })
    }

    /// Forgets what is known of numbers that the trunk does not have.
    pub(crate) fn forget_within(&mut self, holes: &[Hole]) {
        self.events.retain(|seq, _| !holes.iter().any(|h| (h.first..=h.last).contains(seq)));
    }

    /// Returns the place from which this replica has to read on before a reader may begin at
    /// `place`: others are behind it, and a branch could not serve both.
    pub(crate) fn behind(
        &self,
        place: Seq,
        now: MonoMs,
        limits: &WindowLimits,
    ) -> Option<Position> {
        let read = self.read.filter(|read| now.since(read.at) <= FOLLOWED)?;
        let through = self.reaches(read.through);
        let lacking = place.count_after(through);
        let is_near = lacking > 0 && lacking <= limits.events_max as u64;
        is_near.then(|| self.lineage.as_ref().map(|lineage| lineage.position_at(through)))?
    }

    /// Returns whether a page is of a merged branch, of which the trunk is not known here up to its
    /// head: a branch that began now could not serve its readers.
    pub(crate) fn is_view_beyond(&self, page: &Page) -> bool {
        let reaches = self.read.map(|read| self.reaches(read.through));
        !self.is_ours(page.after) && reaches.is_none_or(|reaches| reaches < page.head.seq)
    }

    /// Returns whether nothing is known that could still be asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.keyed.is_empty()
    }

    /// Takes in a page that was read for a reader.
    pub(crate) fn take_page(&mut self, page: &Page, now: MonoMs, limits: &WindowLimits) {
        for event in &*page.events {
            self.insert(event, now);
        }
        if self.is_ours(page.next) {
            let next = page.next.seq;
            let through = match self.read {
                Some(read)
                    if page.gap.is_none() && page.after.seq <= self.reaches(read.through) =>
                {
                    next.max(read.through)
                }
                _ => next,
            };
            self.read = Some(Read { through, at: now });
        }
        self.trim(now, limits);
    }

    /// Takes in an event that came by itself, if it is next to what readers here have read; `false`
    /// where a page has to say what it is.
    pub(crate) fn take_live(
        &mut self,
        event: &Arc<Event>,
        now: MonoMs,
        limits: &WindowLimits,
    ) -> bool {
        let (Some(read), seq) = (self.read, event.position.seq) else { return false };
        if seq > self.reaches(read.through).next() || !self.is_ours(event.position) {
            return false;
        }
        self.insert(event, now);
        self.head = self.head.max(seq);
        self.read = Some(Read { through: read.through.max(seq), at: now });
        self.trim(now, limits);
        true
    }

    /// Takes in events that were appended here.
    pub(crate) fn take_append(
        &mut self,
        events: &[Arc<Event>],
        key: Option<IdempotencyKey>,
        now: MonoMs,
        limits: &WindowLimits,
    ) {
        for event in events {
            self.insert(event, now);
            self.appended.insert(event.position.seq);
            self.head = self.head.max(event.position.seq);
        }
        if let Some(key) = key {
            let receipt = |event: &Arc<Event>| Receipt { id: event.id, position: event.position };
            self.keyed.push_back(Keyed {
                at: now,
                key,
                receipts: events.iter().map(receipt).collect(),
            });
        }
        self.trim(now, limits);
    }

    /// Returns the place of an event that is known to be on the trunk.
    pub(crate) fn find(&self, id: event::EventId) -> Option<Position> {
        let found = self.events.values().rev().find(|kept| kept.event.id == id)?;
        self.is_ours(found.event.position).then_some(found.event.position)
    }

    /// Returns the log that a branch begins with: the trunk as it is known here, up to where its
    /// readers are. `None` where nothing is known of it.
    pub(crate) fn base(&self, is_followed: bool, now: MonoMs) -> Option<Log> {
        let head = self.readers_at(is_followed, now).unwrap_or(self.head);
        self.log_at(self.lineage.as_ref()?, head)
    }

    /// Returns the log with which the branch of what the trunk has lost begins: up to where its
    /// readers are, or, without any, to its last event.
    pub(crate) fn base_of_tail(&self, is_followed: bool, now: MonoMs) -> Option<Log> {
        match self.readers_at(is_followed, now) {
            Some(head) => self.log_at(self.lineage.as_ref()?, head),
            None => self.log_at_end(),
        }
    }

    /// Returns up to where readers here have read, where there are any.
    fn readers_at(&self, is_followed: bool, now: MonoMs) -> Option<Seq> {
        let read = self.read.filter(|read| is_followed || now.since(read.at) <= FOLLOWED)?;
        Some(self.reaches(read.through))
    }

    fn log_at(&self, lineage: &Lineage, head: Seq) -> Option<Log> {
        let forks: Vec<Fork> =
            lineage.forks().iter().copied().filter(|fork| fork.after <= head).collect();
        let lineage = Lineage::from_forks(forks).ok()?;
        let window = self.suffix(&lineage, head);
        let mut keys = Keys::default();
        for Keyed { at, key, receipts } in &self.keyed {
            keys.insert(*key, receipts, *at);
        }
        // What the trunk's account says is not known here; that of the branch begins with it.
        let (first, count, hash) = (Seq::ZERO, 0, RollingHash::default());
        Log::from_parts(LogParts { lineage, head, window, keys, first, count, hash })
    }

    /// Returns the log as it is known up to its last event.
    pub(crate) fn log_at_end(&self) -> Option<Log> {
        let lineage = self.lineage.as_ref()?;
        let last = self.after(Seq::ZERO).last().map(|kept| kept.event.position.seq);
        self.log_at(lineage, last.unwrap_or(self.head))
    }

    /// Returns the log for whoever goes on without Redis; where its latest events may not be known
    /// its numbers go on behind the highest that is, under a lossy epoch.
    pub(crate) fn log_to_go_on(&self, is_known_to_its_end: bool, epoch: Epoch) -> Option<Log> {
        let last = self.after(Seq::ZERO).last().map(|kept| kept.event.position.seq);
        if is_known_to_its_end && last.is_none_or(|last| last >= self.head) {
            return self.log_at_end();
        }
        let mut log =
            self.log_at(self.lineage.as_ref()?, self.head.max(last.unwrap_or_default()))?;
        log.fork(epoch, ForkKind::Lossy);
        Some(log)
    }

    /// Returns the number up to which the trunk is known without a hole from where readers were.
    pub(crate) fn end(&self) -> Seq {
        self.read.map_or(Seq::ZERO, |read| self.reaches(read.through))
    }

    /// Returns what is known of the trunk after a number.
    pub(crate) fn beyond(&self, seq: Seq) -> Vec<Arc<Event>> {
        self.after(seq).map(|kept| Arc::clone(&kept.event)).collect()
    }

    /// Returns what was appended here beyond a hole, which a branch that ends before it lacks: between
    /// them stand events of others that nobody here has read. What others appended is theirs to
    /// bring back, should the trunk lose it: two who did so at once would put it twice.
    pub(crate) fn own_beyond(&self, seq: Seq) -> Vec<Arc<Event>> {
        let own = |kept: &&Kept| self.appended.contains(&kept.event.position.seq);
        self.after(seq).filter(own).map(|kept| Arc::clone(&kept.event)).collect()
    }

    /// Takes a log for what the trunk was, as another backend left it.
    pub(crate) fn adopt(&mut self, log: &Log) {
        let parts = log.parts();
        (self.lineage, self.head) = (Some(parts.lineage), parts.head);
        for kept in parts.window {
            self.events.insert(kept.event.position.seq, kept);
        }
    }

    /// Takes a log that was a mirror for what was known of the trunk, whose last epoch then was this
    /// one: what began behind it was never used.
    pub(crate) fn adopt_mirror(&mut self, log: &Log, epoch: Epoch) {
        self.adopt(log);
        let Some(lineage) = &self.lineage else { return };
        let last = lineage.forks().iter().position(|fork| fork.epoch == epoch);
        let known = last.map(|last| lineage.forks()[..=last].to_vec());
        if let Some(Ok(lineage)) = known.map(Lineage::from_forks) {
            self.lineage = Some(lineage);
        }
    }

    /// Takes the trunk's part of a branch that was saved for what was known of the trunk; where the
    /// branch grew out of nothing, nothing was.
    pub(crate) fn adopt_trunk_of(&mut self, branch: &Branch) {
        let parts = branch.log().parts();
        let is_older = |fork: &&Fork| fork.epoch != branch.saved_as();
        let forks: Vec<Fork> = parts.lineage.forks().iter().take_while(is_older).copied().collect();
        let own = parts.lineage.forks().get(forks.len());
        let (Some(own), Ok(lineage)) = (own, Lineage::from_forks(forks)) else { return };
        (self.lineage, self.head) = (Some(lineage), own.after);
        for kept in parts.window.into_iter().filter(|kept| kept.event.position.seq <= own.after) {
            self.events.insert(kept.event.position.seq, kept);
        }
    }

    /// Returns the events that lie next to each other up to a number.
    fn suffix(&self, lineage: &Lineage, head: Seq) -> Vec<Kept> {
        let oldest = lineage.forks()[0].after;
        let (mut suffix, mut seq) = (Vec::new(), head);
        while let Some(kept) = self.events.get(&seq) {
            let fits = seq <= oldest || lineage.position_at(seq) == kept.event.position;
            if !fits {
                break;
            }
            suffix.push(kept.clone());
            seq = seq.prev();
        }
        suffix.reverse();
        suffix
    }

    /// Returns how far the events go on without a hole.
    fn reaches(&self, mut through: Seq) -> Seq {
        while self.events.get(&through.next()).is_some_and(|k| self.is_ours(k.event.position)) {
            through = through.next();
        }
        through
    }

    /// Returns whether a place is the trunk's, and not that of a merged branch.
    fn is_ours(&self, place: Position) -> bool {
        self.lineage.as_ref().is_some_and(|lineage| {
            lineage.last_at(place.seq) == place || lineage.position_at(place.seq) == place
        })
    }

    fn insert(&mut self, event: &Arc<Event>, now: MonoMs) {
        if self.is_ours(event.position) {
            let kept = Kept { at: now, event: Arc::clone(event) };
            let seq = event.position.seq;
            let is_known = |known: &Kept| known.event.position == event.position;
            if !self.events.get(&seq).is_some_and(is_known) {
                self.appended.remove(&seq);
                self.events.insert(seq, kept);
            }
        }
    }

    /// Forgets what the limits no longer keep.
    pub(crate) fn trim(&mut self, now: MonoMs, limits: &WindowLimits) {
        while self.events.len() > limits.events_max {
            self.events.pop_first();
        }
        let is_old = |at: MonoMs| now.since(at) > limits.age_max;
        while self.events.first_key_value().is_some_and(|(_, kept)| is_old(kept.at)) {
            self.events.pop_first();
        }
        let oldest = self.events.first_key_value().map_or(Seq(u64::MAX), |(seq, _)| *seq);
        while self.appended.first().is_some_and(|seq| *seq < oldest) {
            self.appended.pop_first();
        }
        while self.keyed.len() > limits.events_max
            || self.keyed.front().is_some_and(|keyed| is_old(keyed.at))
        {
            self.keyed.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
