//! What one reader has to be right about: every event once, in order, without a hole.
//!
//! Pure: numbers in, findings out.

use std::{collections::BTreeMap, ops::RangeInclusive};

use event::{Position, Seq};

/// Most separate holes that are remembered; events that fill a hole beyond it count as repeats.
const HOLES_MAX: usize = 10_000;

/// Most changes of epoch that are remembered; a server does not restart that often.
const DEPARTURES_MAX: usize = 10_000;

/// The account of one reader.
#[derive(Clone, Debug)]
pub(super) struct ReaderCheck {
    /// The number of the last event, or the place that the last gap named.
    last: Seq,
    /// The place of the last event, unless a gap was told after it.
    at: Option<Position>,
    /// Places after which an event of another epoch came, without a word.
    departures: Vec<Position>,
    /// Numbers that were passed over in silence, as first → last.
    holes: BTreeMap<u64, u64>,
    /// What was found so far.
    found: Found,
}

/// What was found in what a reader received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Events that came in their place.
    pub(super) delivered: u64,
    /// Events that came again.
    pub(super) repeated: u64,
    /// Events that came after a later one.
    pub(super) reordered: u64,
    /// Events whose content is not what another reader received at that place.
    pub(super) altered: u64,
    /// Holes that the server told of, by reason.
    pub(super) gaps: BTreeMap<String, u64>,
    /// Events in those holes.
    pub(super) told_missing: u64,
}

impl ReaderCheck {
    /// Returns the account of a reader that begins after this place.
    pub(super) fn new(start: Seq) -> Self {
        let (departures, holes) = (Vec::new(), BTreeMap::new());
        ReaderCheck { last: start, at: None, departures, holes, found: Found::default() }
    }

    /// Returns whether the reader has come to the end of the log.
    pub(super) fn is_at(&self, end: Position) -> bool {
        self.last >= end.seq && self.at.is_none_or(|at| at.epoch == end.epoch)
    }

    /// Returns the places from which the reader went on into another epoch without being told of
    /// a gap: each must be in the log, or what the server lost was passed over in silence.
    pub(super) fn departures(&self) -> &[Position] {
        &self.departures
    }

    /// Returns what was found so far.
    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// Takes an event; `same` says whether it is what others received in that place.
    pub(super) fn event(&mut self, position: Position, same: bool) {
        let seq = position.seq;
        self.found.altered += u64::from(!same);
        if seq <= self.last {
            if self.fill(seq.0) {
                self.found.reordered += 1;
            } else {
                self.found.repeated += 1;
            }
            return;
        }
        self.passed_over(self.last.next().0..=seq.prev().0);
        self.found.delivered += 1;
        self.last = seq;
        let before = self.at.replace(position).filter(|before| before.epoch != position.epoch);
        if self.departures.len() < DEPARTURES_MAX {
            self.departures.extend(before);
        }
    }

    /// Takes a hole that the server tells of; reading goes on after `resumes_at`.
    pub(super) fn gap(&mut self, reason: &str, resumes_at: Seq) {
        *self.found.gaps.entry(reason.to_owned()).or_default() += 1;
        self.found.told_missing += resumes_at.count_after(self.last);
        self.last = resumes_at;
        self.at = None;
    }

    /// Returns how many events up to `end` never came, without a word.
    pub(super) fn lost(&self, end: Seq) -> u64 {
        let in_holes = self.holes.iter().filter(|(first, _)| **first <= end.0);
        let in_holes: u64 = in_holes.map(|(first, last)| (*last).min(end.0) - first + 1).sum();
        in_holes + end.count_after(self.last)
    }

    fn passed_over(&mut self, numbers: RangeInclusive<u64>) {
        if numbers.is_empty() {
            return;
        }
        let (first, mut last) = numbers.into_inner();
        let newest = self.holes.last_key_value().map(|(first, _)| *first);
        match newest.filter(|_| self.holes.len() >= HOLES_MAX) {
            // Beyond the limit the newest hole grows: the count stays, its place gets coarse.
            Some(newest) => {
                let end = self.holes.entry(newest).or_default();
                last = *end + (last - first + 1);
                *end = last;
            }
            None => {
                self.holes.insert(first, last);
            }
        }
    }

    /// Takes a number out of the hole that it is in.
    fn fill(&mut self, seq: u64) -> bool {
        let Some((&first, &last)) = self.holes.range(..=seq).next_back() else { return false };
        if seq > last {
            return false;
        }
        self.holes.remove(&first);
        if first < seq {
            self.holes.insert(first, seq - 1);
        }
        if seq < last {
            self.holes.insert(seq + 1, last);
        }
        true
    }
}

#[cfg(test)]
mod tests;
