//! A log that is written beside the trunk while Redis is lost, and what of it is still to be
//! merged. Pure.
//!
//! Invariants: the log's window is bounded as any; the events that are not merged yet are all kept
//! beside it, in order, and end at the log's head; each belongs to one unit, which is merged whole.

use std::collections::VecDeque;

use event::{After, Epoch, Event, Fork, ForkKind, Lineage, MonoMs, Seq, Standing};

use super::{
    record::{Before, BranchRecord, Run},
    view,
};
use crate::{
    Append, AppendError, Appended, IdempotencyKey, Page, PageLimit,
    memory::log::{Kept, Log, LogParts, WindowLimits},
};

/// A log beside the trunk.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    log: Log,
    /// The epoch that names it in its record.
    name: Epoch,
    /// Its oldest epoch, which names it on disk.
    saved_as: Epoch,
    parent: Seq,
    pending: VecDeque<Kept>,
    units: VecDeque<Unit>,
    pending_bytes: usize,
    merged: u64,
    /// Where earlier events stand, which a closed record has.
    runs: Vec<Run>,
    /// The number before the first event that is merged under a name that is not the branch's own.
    renamed: Option<Seq>,
}

/// Events that are merged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// How many.
    pub(crate) count: usize,
    /// What makes a repeated attempt harmless.
    pub(crate) key: Option<IdempotencyKey>,
    /// Whether they may be on the trunk already.
    pub(crate) is_unsure: bool,
}

/// What is sent to the trunk in one round.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// How many of the branch's events were merged before.
    pub(crate) offset: u64,
    /// The events, with the unit that each stretch of them is.
    pub(crate) units: Vec<(Unit, Vec<std::sync::Arc<Event>>)>,
    /// Whether nothing is left behind them.
    pub(crate) is_last: bool,
}

impl Round {
    /// Returns how many events it has.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.units.iter().map(|(unit, _)| unit.count).sum()
    }
}

impl Branch {
    /// Begins a branch at the head of what is known of the trunk; of nothing, where that is none.
    pub(crate) fn begin(base: Option<Log>, epoch: Epoch) -> Self {
        let log = match base {
            None => Log::begin(Lineage::origin(epoch)),
            Some(mut log) => {
                log.begin_branch(epoch);
                log
            }
        };
        let parent = log.lineage().forks().last().map_or(Seq::ZERO, |fork| fork.after);
        Branch {
            log,
            name: epoch,
            saved_as: epoch,
            parent,
            pending: VecDeque::new(),
            units: VecDeque::new(),
            pending_bytes: 0,
            merged: 0,
            runs: Vec::new(),
            renamed: None,
        }
    }

    /// Returns what a log has beyond its last place that the trunk has, as a branch to be merged.
    pub(crate) fn tail(log: Log, parent: Seq, name: Epoch) -> Self {
        let saved_as = log.lineage().current();
        let mut branch = Branch {
            parent: log.head().seq,
            log,
            name: saved_as,
            saved_as,
            pending: VecDeque::new(),
            units: VecDeque::new(),
            pending_bytes: 0,
            merged: 0,
            runs: Vec::new(),
            renamed: None,
        };
        branch.move_parent(parent, name);
        branch
    }

    /// Moves the parent back to the last place that the trunk still has: what lies between is merged
    /// with the branch, as far as it is known, under another name.
    pub(crate) fn move_parent(&mut self, parent: Seq, name: Epoch) {
        let between = self.log.kept_after(parent);
        let between: Vec<_> =
            between.take_while(|kept| kept.event.position.seq <= self.parent).cloned().collect();
        for kept in between.into_iter().rev() {
            self.pending_bytes += kept.event.json.len();
            self.pending.push_front(kept);
            self.units.push_front(Unit { count: 1, key: None, is_unsure: true });
        }
        let first = self.pending.front().map(|kept| kept.event.position.seq.prev());
        self.renamed = Some(first.unwrap_or(self.log.head().seq));
        (self.parent, self.name, self.merged) = (parent, name, 0);
        self.runs.clear();
    }

    /// Takes up a branch that was saved; `None` where the log is none of that name. What was saved
    /// may have been merged since.
    pub(crate) fn take_up(mut log: Log, name: Epoch, epoch: Epoch, kind: ForkKind) -> Option<Self> {
        let parent = log.lineage().forks().iter().find(|fork| fork.epoch == name)?.after;
        let parts = log.parts();
        let pending: VecDeque<Kept> =
            parts.window.iter().filter(|kept| kept.event.position.seq > parent).cloned().collect();
        let begins_after =
            pending.front().map_or(parts.head, |kept| kept.event.position.seq.prev());
        let merged = begins_after.count_after(parent);
        let units = units_of(&pending, &parts);
        // An epoch that took no event gave no place: it goes on, rather than leave the lineage.
        let took_none = log.lineage().forks().last().is_some_and(|fork| fork.after == parts.head);
        if !(took_none && kind == ForkKind::Whole) {
            log.fork(epoch, kind);
        }
        let pending_bytes = pending.iter().map(|kept| kept.event.json.len()).sum();
        let (saved_as, runs, renamed) = (name, Vec::new(), None);
        Some(Branch {
            log,
            name,
            saved_as,
            parent,
            pending,
            units,
            pending_bytes,
            merged,
            runs,
            renamed,
        })
    }

    /// Returns the epoch that names it.
    pub(crate) fn name(&self) -> Epoch {
        self.name
    }

    /// Returns the last number that it shares with the trunk.
    pub(crate) fn parent(&self) -> Seq {
        self.parent
    }

    /// Returns the log as its readers see it.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Reads a stretch, also for cursors of branches that were merged before.
    pub(crate) fn page(&self, after: &After, limit: PageLimit, merged: &[BranchRecord]) -> Page {
        if let After::At(place) = after
            && self.log.lineage().standing(*place, self.log.head().seq) != Standing::Good
        {
            let local = |record| view::local::page(record, &self.log, self.parent, *place, limit);
            if let Some(page) = merged.iter().find_map(local) {
                return page;
            }
        }
        self.log.page(after, limit)
    }

    /// Forgets what the limits no longer keep for readers.
    pub(crate) fn trim(&mut self, now: MonoMs, limits: &WindowLimits) {
        self.log.trim(now, limits);
    }

    /// Returns how many events wait to be merged.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Returns how many bytes of JSON wait to be merged.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Returns the epoch that names it on disk.
    pub(crate) fn saved_as(&self) -> Epoch {
        self.saved_as
    }

    /// Returns whether any place of it was given away, so that its readers need its record.
    pub(crate) fn has_places(&self) -> bool {
        self.merged > 0
            || !self.pending.is_empty()
            || self.log.lineage().forks()[0].epoch == self.name
    }

    /// Returns whether something that waits may be on the trunk already.
    #[cfg(test)]
    pub(crate) fn is_unsure(&self) -> bool {
        self.units.iter().any(|unit| unit.is_unsure)
    }

    /// Returns the ids of what may be on the trunk already.
    pub(crate) fn unsure_ids(&self) -> impl Iterator<Item = event::EventId> + '_ {
        let flags =
            self.units.iter().flat_map(|unit| std::iter::repeat_n(unit.is_unsure, unit.count));
        let pending = self.pending.iter().zip(flags).filter(|(_, is_unsure)| *is_unsure);
        pending.map(|(kept, _)| kept.event.id)
    }

    /// Puts events at the end.
    ///
    /// # Errors
    /// Fails as a log does.
    pub(crate) fn append(
        &mut self,
        append: Append,
        is_unsure: bool,
        now: MonoMs,
        limits: &WindowLimits,
    ) -> Result<Appended, AppendError> {
        let (key, before) = (append.idempotency, self.log.head().seq);
        // Nothing is trimmed before it was copied: a list may be longer than the window.
        let unlimited = WindowLimits { events_max: usize::MAX, ..*limits };
        let appended = self.log.append(append, now, &unlimited)?;
        if let Appended::First(receipts) = &appended {
            for kept in self.log.kept_after(before) {
                self.pending_bytes += kept.event.json.len();
                self.pending.push_back(kept.clone());
            }
            self.units.push_back(Unit { count: receipts.len(), key, is_unsure });
        }
        self.log.trim(now, limits);
        Ok(appended)
    }

    /// Returns the next units up to so many events and bytes, at least one where any is left.
    pub(crate) fn round(&self, events_max: usize, bytes_max: usize) -> Round {
        let (mut taken, mut bytes, mut units) = (0, 0, Vec::new());
        for unit in &self.units {
            let events = self.pending.range(taken..taken + unit.count);
            bytes += events.clone().map(|kept| kept.event.json.len()).sum::<usize>();
            if taken > 0 && (taken + unit.count > events_max || bytes > bytes_max) {
                break;
            }
            units.push((*unit, events.map(|kept| kept.event.clone()).collect()));
            taken += unit.count;
        }
        Round { offset: self.merged, units, is_last: taken == self.pending.len() }
    }

    /// Takes in that so many of the branch's events are on the trunk.
    pub(crate) fn merged_up_to(&mut self, merged: u64) {
        while self.merged < merged && !self.pending.is_empty() {
            let gone = self.pending.pop_front();
            self.pending_bytes -= gone.map_or(0, |kept| kept.event.json.len());
            self.merged += 1;
            let Some(unit) = self.units.front_mut() else { continue };
            unit.count -= 1;
            if unit.count == 0 {
                self.units.pop_front();
            }
        }
    }

    /// Begins a new epoch, unless the last one took no event yet: what comes from now on may have to
    /// be told from what lies before it.
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) {
        if self.unused_epoch().is_none() {
            self.log.begin_branch(epoch);
        }
    }

    /// Returns the last epoch, where it took no event and no place of it was given: a record does
    /// not name it, since what comes under it may not be the record's any more.
    fn unused_epoch(&self) -> Option<Epoch> {
        let last = self.log.lineage().forks().last()?;
        let is_named = last.epoch == self.name || last.epoch == self.saved_as;
        let is_unused = last.after == self.log.head().seq && last.kind == ForkKind::Whole;
        (is_unused && !is_named).then_some(last.epoch)
    }

    /// Takes in what an earlier attempt had merged. Where that attempt had closed the record, what
    /// came after it is a branch of its own, which goes on from there.
    pub(crate) fn agree(&mut self, record: &BranchRecord, epoch: Epoch) {
        self.merged_up_to(record.merged());
        if let (true, Some(next)) = (record.is_complete, self.pending.front()) {
            let own = next.event.position.epoch;
            self.name = if self.renamed.is_some() { epoch } else { own };
            self.runs.clone_from(&record.runs);
        }
    }

    /// Returns the record that the branch begins with.
    pub(crate) fn record(&self) -> BranchRecord {
        let (lineage, before) = match self.renamed {
            None => (self.own_lineage(), None),
            Some(after) => {
                let last = self.log.head().seq;
                let lineage = self.lineage_after(after);
                (begun(self.name, self.parent), Some(Before { after, last, lineage }))
            }
        };
        BranchRecord {
            parent: self.parent,
            lineage,
            before,
            runs: self.runs.clone(),
            is_complete: false,
        }
    }

    /// Returns the epochs that events after a number belong to.
    fn lineage_after(&self, after: Seq) -> Lineage {
        let forks = self.log.lineage().forks();
        let later = forks.iter().position(|fork| fork.after > after).unwrap_or(forks.len());
        let own = forks[later.saturating_sub(1)..].to_vec();
        Lineage::from_forks(own).unwrap_or_else(|_| self.log.lineage().clone())
    }

    fn own_lineage(&self) -> Lineage {
        let forks = self.log.lineage().forks();
        let mut own: Vec<Fork> =
            forks.iter().copied().skip_while(|fork| fork.epoch != self.name).collect();
        let unused = self.unused_epoch();
        own.retain(|fork| Some(fork.epoch) != unused);
        if let Some(first) = own.first_mut() {
            (first.after, first.kind) = (self.parent, ForkKind::Whole);
        }
        Lineage::from_forks(own).unwrap_or_else(|_| self.log.lineage().clone())
    }

    /// Returns what has to be on disk so that another process can merge the rest.
    pub(crate) fn parts(&self) -> LogParts {
        let mut parts = self.log.parts();
        if self.pending.len() > parts.window.len() {
            parts.window = self.pending.iter().cloned().collect();
        }
        parts
    }
}

/// Returns the lineage of a view that begins after a number.
fn begun(name: Epoch, after: Seq) -> Lineage {
    let mut lineage = Lineage::origin(name);
    if after > Seq::ZERO {
        let fork = Fork { epoch: name, after, kind: ForkKind::Whole };
        lineage = Lineage::from_forks(vec![fork]).unwrap_or(lineage);
    }
    lineage
}

/// Finds the units of a saved branch: what one key did, and every other event by itself.
fn units_of(pending: &VecDeque<Kept>, parts: &LogParts) -> VecDeque<Unit> {
    let done = parts.keys.buckets().flat_map(|bucket| &bucket.done);
    let keyed: std::collections::HashMap<Seq, (IdempotencyKey, usize)> = done
        .map(|(&key, done)| {
            let key = IdempotencyKey { key, fingerprint: done.fingerprint };
            (done.first.seq, (key, done.ids.len()))
        })
        .collect();
    let (mut units, mut index) = (VecDeque::new(), 0);
    while let Some(kept) = pending.get(index) {
        let known = keyed.get(&kept.event.position.seq);
        let (key, count) = known.map_or((None, 1), |&(key, count)| (Some(key), count));
        let count = count.clamp(1, pending.len() - index);
        units.push_back(Unit { count, key, is_unsure: true });
        index += count;
    }
    units
}

#[cfg(test)]
mod tests;
