//! A log that is written beside the trunk while Redis is lost, and what of it is still to be
//! merged. Pure.
//!
//! Invariants: the log's window is bounded as any; the branch's own events are all kept beside it,
//! in order, and end at the log's head, until its record is closed and known to be: a Redis that
//! forgets is given all of them again. Each belongs to one unit, which is merged whole.
//!
//! Its names in Redis follow from the branch alone, so that another process over the same file goes
//! on with the same records.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use event::{After, Epoch, Event, EventId, Fork, ForkKind, Lineage, MonoMs, Seq, Standing};

use super::{
    parting::parting,
    record::{Before, BranchRecord, Run},
    view,
};
use crate::{
    Append, AppendError, Appended, NewEvent, Page, PageLimit,
    memory::log::{Kept, Log, LogParts, WindowLimits},
};

mod names;
mod units;

use self::units::units_of;
pub(crate) use self::units::{Round, Unit};

/// A log beside the trunk.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    log: Log,
    /// The epoch that names it in its record.
    name: Epoch,
    /// Its oldest epoch, which names it on disk.
    saved_as: Epoch,
    parent: Seq,
    /// All that is to be merged, whether or not it is.
    events: VecDeque<Kept>,
    units: VecDeque<Unit>,
    /// How many of the events the record has.
    merged: usize,
    /// How many bytes of JSON the others have.
    pending_bytes: usize,
    /// Where earlier events stand, which a closed record has.
    runs: Vec<Run>,
    /// The number before the first event that is merged under a name that is not the branch's own.
    renamed: Option<Seq>,
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
            events: VecDeque::new(),
            units: VecDeque::new(),
            merged: 0,
            pending_bytes: 0,
            runs: Vec::new(),
            renamed: None,
        }
    }

    /// Takes up a branch that was saved; `None` where the log is none of that name. What was saved
    /// may have been merged since.
    pub(crate) fn take_up(mut log: Log, name: Epoch, epoch: Epoch, kind: ForkKind) -> Option<Self> {
        let parent = log.lineage().forks().iter().find(|fork| fork.epoch == name)?.after;
        let parts = log.parts();
        let events: VecDeque<Kept> =
            parts.window.iter().filter(|kept| kept.event.position.seq > parent).cloned().collect();
        let first = events.front().map_or(parts.head, |kept| kept.event.position.seq.prev());
        let units = units_of(&events, &parts);
        // An epoch that took no event gave no place: it goes on, rather than leave the lineage.
        let took_none = log.lineage().forks().last().is_some_and(|fork| fork.after == parts.head);
        if !(took_none && kind == ForkKind::Whole) {
            log.fork(epoch, kind);
        }
        let mut branch = Branch {
            log,
            name,
            saved_as: name,
            parent,
            pending_bytes: events.iter().map(|kept| kept.event.json.len()).sum(),
            events,
            units,
            merged: 0,
            runs: Vec::new(),
            renamed: None,
        };
        if first > parent {
            branch.rename();
        }
        Some(branch)
    }

    /// Returns what the log of another backend has beyond what it shares with the trunk, to stand on
    /// that yet: its own epochs name it, so that each of its cursors is known.
    pub(crate) fn of_log(log: Log, shared: Seq, epoch: Epoch) -> Self {
        let own = log.lineage().forks().iter().find(|fork| fork.after >= shared);
        let own = own.map(|fork| fork.epoch);
        let taken = own.and_then(|own| Branch::take_up(log.clone(), own, epoch, ForkKind::Whole));
        taken.unwrap_or_else(|| Branch::begin(Some(log), epoch))
    }

    /// Takes the trunk as it stands: where it has lost the branch's parent, what lies between is
    /// merged with the branch, as far as it is known, under another name.
    pub(crate) fn stand_on(&mut self, trunk: &Lineage, head: Seq) {
        let Some(ours) = self.trunk_part() else { return };
        let Some(shared) = parting((trunk, head), (&ours, self.parent)) else { return };
        // Of what is older than its lineage remembers, the trunk can't say that it is another.
        self.stand_after(shared.max(trunk.forks()[0].after));
    }

    /// Takes the trunk for shared up to this number at most: where it has a hole behind it, what is
    /// known of that is merged with the branch, under another name.
    pub(crate) fn stand_after(&mut self, shared: Seq) {
        if shared < self.parent {
            self.move_parent(shared);
        }
    }

    /// Returns the epochs up to the parent; `None` where there are none, or none is remembered.
    fn trunk_part(&self) -> Option<Lineage> {
        let forks = self.log.lineage().forks().iter();
        let before =
            forks.take_while(|fork| fork.epoch != self.saved_as && fork.after <= self.parent);
        Lineage::from_forks(before.copied().collect()).ok()
    }

    fn move_parent(&mut self, parent: Seq) {
        let first =
            self.events.front().map_or(self.log.head().seq.next(), |k| k.event.position.seq);
        let between = self.log.kept_after(parent);
        let between: Vec<_> =
            between.take_while(|kept| kept.event.position.seq < first).cloned().collect();
        self.set_back(0);
        for kept in between.into_iter().rev() {
            self.pending_bytes += kept.event.json.len();
            self.events.push_front(kept);
            self.units.push_front(Unit { count: 1, key: None, is_unsure: true });
        }
        self.parent = parent;
        self.rename();
    }

    /// Begins again under another name.
    fn rename(&mut self) {
        let first = self.events.front().map(|kept| kept.event.position.seq.prev());
        self.renamed = Some(first.unwrap_or(self.log.head().seq));
        self.name = self.first_name();
        self.set_back(0);
        self.runs.clear();
    }

    /// Takes in that less is merged than was known; what healing gave back meanwhile has to be
    /// looked for.
    fn set_back(&mut self, merged: usize) {
        let mut end = 0;
        for unit in &mut self.units {
            end += unit.count;
            unit.is_unsure |= end > merged;
        }
        self.set_merged(merged);
    }

    fn set_merged(&mut self, merged: usize) {
        let (low, high) = (merged.min(self.merged), merged.max(self.merged));
        let between: usize = self.events.range(low..high).map(|kept| kept.event.json.len()).sum();
        if merged > self.merged {
            self.pending_bytes -= between;
        } else {
            self.pending_bytes += between;
        }
        self.merged = merged;
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
    pub(crate) fn page<'a>(
        &self,
        after: &After,
        limit: PageLimit,
        mut merged: impl Iterator<Item = &'a BranchRecord>,
    ) -> Page {
        if let After::At(place) = after
            && self.log.lineage().standing(*place, self.log.head().seq) != Standing::Good
        {
            let local = |record: &BranchRecord| {
                view::local::page(record, &self.log, self.parent, *place, limit)
            };
            if let Some(page) = merged.find_map(local) {
                return page;
            }
        }
        self.log.page(after, limit)
    }

    /// Forgets what the limits no longer keep for readers.
    pub(crate) fn trim(&mut self, now: MonoMs, limits: &WindowLimits) {
        self.log.trim(now, limits);
    }

    /// Returns how many events are to be merged, whether or not they are.
    pub(crate) fn len(&self) -> u64 {
        self.events.len() as u64
    }

    /// Returns how many events wait to be merged.
    pub(crate) fn pending(&self) -> usize {
        self.events.len() - self.merged
    }

    /// Returns how many bytes of JSON wait to be merged.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Returns what tells it from later ones of its stream: those leave the trunk later, and their
    /// events are younger.
    pub(crate) fn age(&self) -> (Seq, Option<EventId>, Epoch) {
        (self.parent, self.events.front().map(|kept| kept.event.id), self.saved_as)
    }

    /// Returns the epoch that names it on disk.
    pub(crate) fn saved_as(&self) -> Epoch {
        self.saved_as
    }

    /// Returns whether any place of it was given away, so that its readers need its record.
    pub(crate) fn has_places(&self) -> bool {
        !self.events.is_empty() || self.log.lineage().forks()[0].epoch == self.saved_as
    }

    /// Returns what it has, with what it shares with the trunk as far as that is known here.
    pub(crate) fn ids(&self) -> HashSet<EventId> {
        let shared = self.log.kept_after(Seq::ZERO);
        self.events.iter().chain(shared).map(|kept| kept.event.id).collect()
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
                self.events.push_back(kept.clone());
            }
            self.units.push_back(Unit { count: receipts.len(), key, is_unsure });
        }
        self.log.trim(now, limits);
        Ok(appended)
    }

    /// Puts events at the end that were the trunk's and that it may have lost, where they are not
    /// among what is known already.
    pub(crate) fn add_tail(&mut self, tail: &[Arc<Event>], now: MonoMs, limits: &WindowLimits) {
        let known = self.ids();
        for event in tail.iter().filter(|event| !known.contains(&event.id)) {
            let Event { id, name, json, .. } = &**event;
            let new = NewEvent { id: *id, name: name.clone(), json: json.clone() };
            // Without a key a log takes everything.
            let _ = self.append(Append::one(new), true, now, limits);
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

    /// Takes in what the records say is merged, be it more or less than was known. Where an
    /// attempt had closed a record, what came after it is a branch of its own, which goes on from
    /// there. Returns the record by which all of it is merged.
    pub(crate) fn agree<'a>(
        &mut self,
        records: &'a HashMap<Epoch, BranchRecord>,
    ) -> Option<&'a BranchRecord> {
        let (mut name, mut runs, mut merged, mut closed) = (self.first_name(), Vec::new(), 0, None);
        // Each name is met once.
        for _ in 0..=records.len() {
            let Some(record) = records.get(&name) else { break };
            let count = usize::try_from(record.merged()).unwrap_or(usize::MAX);
            if !self.is_of(record, count) {
                // It is of events that a crash took from here; they stand on the trunk without us.
                let was_renamed = self.renamed.is_some();
                self.rename();
                name = if was_renamed { self.name_of_another(record) } else { self.first_name() };
                (runs, merged) = (Vec::new(), 0);
                continue;
            }
            merged = count;
            if !record.is_complete {
                break;
            }
            if merged == self.events.len() {
                closed = Some(record);
                break;
            }
            (name, runs) = (self.name_after(merged), record.runs.clone());
        }
        (self.name, self.runs) = (name, runs);
        if merged < self.merged {
            self.set_back(merged)
        } else {
            self.set_merged(merged)
        }
        closed
    }

    /// Returns whether a record with so many events is of those that are known here.
    fn is_of(&self, record: &BranchRecord, count: usize) -> bool {
        let last = count.checked_sub(1).map(|last| self.events.get(last));
        last.is_none_or(|last| last.is_some_and(|kept| record.gave(kept.event.position)))
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

    /// Returns what has to be on disk so that another process can merge it.
    pub(crate) fn parts(&self) -> LogParts {
        let mut parts = self.log.parts();
        if self.events.len() > parts.window.len() {
            parts.window = self.events.iter().cloned().collect();
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

#[cfg(test)]
mod tests;
