//! A merged branch as its readers go on reading it.
//!
//! The view of a branch: the trunk up to the parent; the branch's events in their order; then all
//! others that the trunk has after the parent, up to the last merged one, in the trunk's order. It
//! has as many events as the trunk has up to there, so its end is the trunk's place with the same
//! number, and behind it everybody is on the trunk. A reader that has had some of the branch goes on
//! through the view without loss, repeat or a jump in its numbers, and nobody has to remember what
//! it has had. Pure: numbers in, numbers out.
//!
//! Places are counted from the parent: the place `i` has i events of the view before it.

pub(crate) mod local;

use event::{Position, Seq};

use super::record::{BranchRecord, Run};

/// The view of one branch.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    record: &'a BranchRecord,
    /// How many events the branch has on the trunk.
    merged: u64,
    /// The same runs in the trunk's order.
    sorted: Vec<Run>,
}

impl<'a> View<'a> {
    pub(crate) fn of(record: &'a BranchRecord) -> Self {
        let mut sorted = record.runs.clone();
        sorted.sort_unstable_by_key(|run| run.first);
        View { record, merged: record.merged(), sorted }
    }

    /// Returns how many events the view has after the parent. While the branch is still being
    /// merged nobody knows what follows its events, so the view ends with them.
    pub(crate) fn len(&self) -> u64 {
        if self.record.is_complete {
            self.end().count_after(self.record.parent)
        } else {
            self.merged
        }
    }

    /// Returns the trunk's number at which view and trunk are at the same place.
    pub(crate) fn end(&self) -> Seq {
        self.sorted.last().map_or(self.record.parent, |run| run.last())
    }

    /// Returns the place's name.
    pub(crate) fn position(&self, place: u64) -> Position {
        self.record.lineage.position_at(Seq(self.record.parent.0 + place))
    }

    /// Returns the events that follow a place, as far as they lie next to each other on the trunk;
    /// `None` at the end.
    pub(crate) fn stretch(&self, place: u64) -> Option<Run> {
        if place >= self.len() {
            return None;
        }
        let mut before = 0;
        for run in &self.record.runs {
            if place < before + run.count {
                let had = place - before;
                return Some(Run { first: Seq(run.first.0 + had), count: run.count - had });
            }
            before += run.count;
        }
        self.other(place - self.merged)
    }

    /// Returns the first place from this one on whose next event the trunk still has, where the
    /// trunk's window begins after a number; the end where it has none.
    pub(crate) fn available_from(&self, place: u64, window_after: Seq) -> u64 {
        let mut before = 0;
        for run in &self.record.runs {
            let after = before + run.count;
            if place < after {
                let gone = window_after.0.saturating_sub(run.first.0 - 1).min(run.count);
                let here = place.max(before + gone);
                if here < after {
                    return here;
                }
            }
            before = after;
        }
        place.max(self.merged + self.others_up_to(window_after)).min(self.len().max(place))
    }

    /// Returns the stretch of others that begins after so many of them.
    fn other(&self, mut had: u64) -> Option<Run> {
        for gap in self.gaps() {
            if had < gap.count {
                return Some(Run { first: Seq(gap.first.0 + had), count: gap.count - had });
            }
            had -= gap.count;
        }
        None
    }

    fn others_up_to(&self, last: Seq) -> u64 {
        let within = |gap: Run| last.count_after(gap.first.prev()).min(gap.count);
        self.gaps().map(within).sum()
    }

    /// Returns what lies between the merged events on the trunk.
    fn gaps(&self) -> impl Iterator<Item = Run> + '_ {
        let befores =
            std::iter::once(self.record.parent).chain(self.sorted.iter().map(|r| r.last()));
        let gaps = befores.zip(&self.sorted).map(|(before, run)| Run {
            first: before.next(),
            count: run.first.prev().count_after(before),
        });
        gaps.filter(|gap| gap.count > 0)
    }
}

#[cfg(test)]
mod tests;
