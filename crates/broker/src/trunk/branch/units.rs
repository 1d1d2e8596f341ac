//! What of a branch is merged together, and how far that has come.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use event::{Event, EventId, Seq};

use super::Branch;
use crate::{
    IdempotencyKey,
    memory::log::{Kept, LogParts},
};

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
    pub(crate) units: Vec<(Unit, Vec<Arc<Event>>)>,
    /// Whether nothing is left behind them.
    pub(crate) is_last: bool,
}

impl Round {
    /// Returns how many events it has.
    pub(crate) fn len(&self) -> usize {
        self.units.iter().map(|(unit, _)| unit.count).sum()
    }

    /// Returns what of it may be on the trunk already.
    pub(crate) fn unsure_ids(&self) -> impl Iterator<Item = EventId> + '_ {
        let unsure = self.units.iter().filter(|(unit, _)| unit.is_unsure);
        unsure.flat_map(|(_, events)| events.iter().map(|event| event.id))
    }
}

impl Branch {
    /// Returns the units that wait; of the first, what of it waits.
    fn pending_units(&self) -> impl Iterator<Item = Unit> + '_ {
        let mut merged = self.merged;
        self.units.iter().filter_map(move |unit| {
            let gone = merged.min(unit.count);
            merged -= gone;
            (gone < unit.count).then(|| Unit { count: unit.count - gone, ..*unit })
        })
    }

    /// Returns whether something that waits may be on the trunk already.
    #[cfg(test)]
    pub(crate) fn is_unsure(&self) -> bool {
        self.pending_units().any(|unit| unit.is_unsure)
    }

    /// Returns the ids of what waits and may be on the trunk already.
    pub(crate) fn unsure_ids(&self) -> impl Iterator<Item = EventId> + '_ {
        let units = self.pending_units();
        let flags = units.flat_map(|unit| std::iter::repeat_n(unit.is_unsure, unit.count));
        let pending = self.events.range(self.merged..).zip(flags);
        pending.filter(|(_, is_unsure)| *is_unsure).map(|(kept, _)| kept.event.id)
    }

    /// Returns the next units up to so many events and bytes, at least one where any is left.
    pub(crate) fn round(&self, events_max: usize, bytes_max: usize) -> Round {
        let (mut taken, mut bytes, mut units) = (0, 0, Vec::new());
        for unit in self.pending_units() {
            let from = self.merged + taken;
            let events = self.events.range(from..from + unit.count);
            bytes += events.clone().map(|kept| kept.event.json.len()).sum::<usize>();
            if taken > 0 && (taken + unit.count > events_max || bytes > bytes_max) {
                break;
            }
            units.push((unit, events.map(|kept| kept.event.clone()).collect()));
            taken += unit.count;
        }
        Round { offset: self.merged as u64, units, is_last: taken == self.pending() }
    }

    /// Takes in that a round is on its way: until it is answered, it may be on the trunk.
    pub(crate) fn sending(&mut self, round: &Round) {
        let (from, to) = (self.merged, self.merged + round.len());
        let mut end = 0;
        for unit in &mut self.units {
            let begin = end;
            end += unit.count;
            unit.is_unsure |= end > from && begin < to;
        }
    }

    /// Takes in that so many of the branch's events are on the trunk.
    pub(crate) fn merged_up_to(&mut self, merged: u64) {
        let merged = usize::try_from(merged).unwrap_or(usize::MAX).min(self.events.len());
        if merged > self.merged {
            self.set_merged(merged);
        }
    }
}

/// Finds the units of a saved branch: what one key did, and every other event by itself.
pub(super) fn units_of(events: &VecDeque<Kept>, parts: &LogParts) -> VecDeque<Unit> {
    let done = parts.keys.buckets().flat_map(|bucket| &bucket.done);
    let keyed: HashMap<Seq, (IdempotencyKey, usize)> = done
        .map(|(&key, done)| {
            let key = IdempotencyKey { key, fingerprint: done.fingerprint };
            (done.first.seq, (key, done.ids.len()))
        })
        .collect();
    let (mut units, mut index) = (VecDeque::new(), 0);
    while let Some(kept) = events.get(index) {
        let known = keyed.get(&kept.event.position.seq);
        let (key, count) = known.map_or((None, 1), |&(key, count)| (Some(key), count));
        let count = count.clamp(1, events.len() - index);
        units.push_back(Unit { count, key, is_unsure: true });
        index += count;
    }
    units
}
