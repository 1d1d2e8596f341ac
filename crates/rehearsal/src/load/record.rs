//! What one reader has seen: its place, what is missing, and what was wrong. Pure; times are given.
//!
//! Two things are checked of each event. Its **number** is the next one of the stream: a greater one
//! leaves a hole, which is a loss once nothing filled it for [`HOLE_MS_MAX`] or its connection ended,
//! since the reader comes back after the last place; a smaller one was repeated or comes out of order.
//! Its **stamp** says which event it is, whatever its place: it has to come once. A gap that the server
//! tells of is no hole; what lies in it is counted as told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    facts::{Facts, Origin},
    ledger::OnCanary,
    stamp::{Said, Stamp},
};

/// How long a hole may be filled, in milliseconds.
pub(super) const HOLE_MS_MAX: u64 = 1000;

/// How many missing numbers are kept, of a stream and of a lane; what is beyond is counted alone.
const MISSING_MAX: usize = 10_000;

/// How many kinds of gap are counted apart.
const REASONS_MAX: usize = 16;

/// Where a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What the server gave for it.
    pub(super) cursor: String,
    /// The number in the stream.
    pub(super) seq: u64,
}

/// What one reader has seen.
#[derive(Debug, Default)]
pub(super) struct Record {
    place: Option<Place>,
    /// Numbers that were left out, and when that was seen.
    holes: BTreeMap<u64, u64>,
    lanes: HashMap<u32, Seen>,
    /// Whether its stream is on the canary now.
    pub(super) is_on_canary: bool,
    pub(super) counts: Counts,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) checked: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) reordered: u64,
    /// Of these three, what came, or did not, over a stream of the canary.
    pub(super) on_canary: OnCanary,
    pub(super) altered: u64,
    /// Somebody else's events.
    pub(super) foreign: u64,
    /// Gaps that were told, by reason.
    pub(super) gaps: BTreeMap<String, u64>,
    /// The load's events that lay in gaps, and those that came again behind one.
    pub(super) told_missing: u64,
    pub(super) told_again: u64,
}

/// What was seen of one lane.
#[derive(Debug, Default)]
struct Seen {
    /// The number behind the greatest one that came.
    next: u64,
    missing: BTreeSet<u64>,
    /// How many more are missing than are kept.
    more_missing: u64,
    /// Behind a gap: the numbers that may come a second time, from … up to ….
    again: Option<(u64, u64)>,
    /// Behind a gap, until the next event: the numbers below may lie in it. What was begun after the gap
    /// was told stands behind where it resumes, and never does.
    told_to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    New,
    ToldAgain,
    Again,
}

/// What a reader lacks of what was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) count: u64,
    /// Of these so many may lie in a gap that was told.
    pub(super) told: u64,
    /// The first few.
    pub(super) first: Vec<Stamp>,
}

/// How many of what is lacking are named.
const NAMED_MAX: usize = 5;

impl Record {
    /// Returns after what it resumes.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.cursor.as_str())
    }

    /// Notes where a stream begins; one that it comes back to goes on.
    pub(super) fn begins(&mut self, place: Option<Place>) {
        if self.place.is_none() {
            self.place = place;
        }
    }

    /// Takes an event in; `origin` is that of one of the load's.
    pub(super) fn event(&mut self, place: Place, said: Said, origin: Origin, now_ms: u64) {
        self.look(now_ms);
        self.counts.checked += 1;
        let came = match (said, origin) {
            (Said::Ours { stamp, .. }, Origin::Sent) => Some(self.take(stamp)),
            // Counted once for all readers.
            (Said::Ours { .. }, Origin::SecondEffect) => None,
            (Said::Ours { .. }, Origin::Nobody) | (Said::Altered, _) => {
                self.counts.altered += 1;
                None
            }
            (Said::Foreign, _) => {
                self.counts.foreign += 1;
                None
            }
        };
        let last = self.place.as_ref().map(|place| place.seq);
        match last {
            Some(last) if place.seq <= last => self.came_late(place.seq, came),
            Some(last) => {
                // A second place for the same event.
                if came == Some(Came::Again) {
                    self.repeated();
                }
                self.leave_out(last + 1, place.seq, now_ms);
                self.place = Some(place);
            }
            None => self.place = Some(place),
        }
        self.counts.told_again += u64::from(came == Some(Came::ToldAgain));
    }

    fn came_late(&mut self, seq: u64, came: Option<Came>) {
        let fills_hole = self.holes.remove(&seq).is_some();
        match fills_hole || came == Some(Came::New) {
            true => {
                self.counts.reordered += 1;
                self.counts.on_canary.reordered += u64::from(self.is_on_canary);
            }
            false => self.repeated(),
        }
    }

    fn repeated(&mut self) {
        self.counts.repeated += 1;
        self.counts.on_canary.repeated += u64::from(self.is_on_canary);
    }

    fn lost(&mut self, count: u64) {
        self.counts.lost += count;
        self.counts.on_canary.lost += if self.is_on_canary { count } else { 0 };
    }

    fn leave_out(&mut self, from: u64, to: u64, now_ms: u64) {
        for seq in from..to {
            if self.holes.len() >= MISSING_MAX {
                return self.lost(to - seq);
            }
            self.holes.insert(seq, now_ms);
        }
    }

    fn take(&mut self, Stamp { lane, n }: Stamp) -> Came {
        let seen = self.lanes.entry(lane).or_default();
        let (came, told) = seen.take(n);
        self.counts.told_missing += told;
        came
    }

    /// Takes in a gap that the server tells of, given how many of each lane of the stream were begun
    /// until now: what is begun later stands behind where the gap resumes.
    pub(super) fn gap(
        &mut self,
        reason: &str,
        resumes_at: Place,
        begun: impl IntoIterator<Item = (u32, u64)>,
    ) {
        let is_known = self.counts.gaps.contains_key(reason);
        let has_room = is_known || self.counts.gaps.len() < REASONS_MAX;
        let reason = if has_room { reason } else { "other" };
        *self.counts.gaps.entry(reason.to_owned()).or_default() += 1;
        self.lose_holes();
        self.place = Some(resumes_at);
        for (lane, begun) in begun {
            let seen = self.lanes.entry(lane).or_default();
            (seen.again, seen.told_to) = (Some((0, seen.next)), begun);
        }
    }

    /// Notes that its connection ended: it comes back behind its holes.
    pub(super) fn ended(&mut self) {
        self.lose_holes();
    }

    fn lose_holes(&mut self) {
        self.lost(self.holes.len() as u64);
        self.holes.clear();
    }

    /// Counts holes as losses that nothing filled in time.
    pub(super) fn look(&mut self, now_ms: u64) {
        let before = self.holes.len();
        if before > 0 {
            self.holes.retain(|_, seen_ms| now_ms.saturating_sub(*seen_ms) < HOLE_MS_MAX);
            self.lost((before - self.holes.len()) as u64);
        }
    }

    /// Returns whether something is missing that may still come.
    pub(super) fn has_holes(&mut self, now_ms: u64) -> bool {
        self.look(now_ms);
        !self.holes.is_empty()
    }

    /// Returns what it lacks of what was acknowledged on its stream.
    pub(super) fn lacks(&self, facts: &Facts, stream: usize) -> Lack {
        let mut lack = Lack::default();
        let nothing = Seen::default();
        for (number, lane) in facts.lanes_of(stream) {
            let seen = self.lanes.get(&number).unwrap_or(&nothing);
            let end = lane.acknowledged.saturating_sub(seen.next);
            let missing = seen.missing.range(..lane.acknowledged);
            let numbers = missing.copied().chain(seen.next..lane.acknowledged);
            let room = NAMED_MAX.saturating_sub(lack.first.len());
            lack.first.extend(numbers.take(room).map(|n| Stamp { lane: number, n }));
            lack.count += seen.missing.range(..lane.acknowledged).count() as u64;
            lack.count += end + seen.more_missing;
            lack.told += seen.told_to.min(lane.acknowledged).saturating_sub(seen.next);
        }
        lack
    }
}

impl Seen {
    /// Takes a number in; returns how it came, and how many were left out in a gap that was told.
    fn take(&mut self, n: u64) -> (Came, u64) {
        if n >= self.next {
            let left_out = self.next..n;
            self.next = n + 1;
            let told_to = std::mem::take(&mut self.told_to).clamp(left_out.start, left_out.end);
            for n in told_to..left_out.end {
                match self.missing.len() < MISSING_MAX {
                    true => drop(self.missing.insert(n)),
                    false => self.more_missing += 1,
                }
            }
            return (Came::New, told_to - left_out.start);
        }
        if self.missing.remove(&n) {
            return (Came::New, 0);
        }
        match &mut self.again {
            Some((from, to)) if (*from..*to).contains(&n) => {
                *from = n + 1;
                (Came::ToldAgain, 0)
            }
            _ => (Came::Again, 0),
        }
    }
}

#[cfg(test)]
mod tests;
