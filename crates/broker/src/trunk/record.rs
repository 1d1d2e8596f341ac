//! What became of a branch: where it left the trunk, and where its events stand on it now.
//!
//! A log that is being written beside the trunk is a *branch*: it shares the trunk up to its parent,
//! and its own events b₁ … bₖ have the numbers that follow. Merged, they stand on the trunk in their
//! order, with others between them. The record is kept in Redis, so that a cursor of the branch
//! means the same on every replica. Pure.
//!
//! Text: `DONE STATE TIME PARENT LINEAGE BEFORE RUNS`, where STATE is `open` or `done`, BEFORE is
//! `-` or `AFTER/LAST/LINEAGE`, and RUNS is `-` or `FIRSTxCOUNT` with commas, in the branch's order.

use event::{Epoch, Fork, ForkKind, Lineage, Position, Seq, Standing, limits::LINEAGE_EPOCHS_MAX};

use crate::{
    lineage_text::{lineage_from, lineage_text},
    number_text::{NUMBER_MAX, number_from},
};

/// Events that lie next to each other on the trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The number of the first.
    pub(crate) first: Seq,
    /// How many; at least one.
    pub(crate) count: u64,
}

impl Run {
    /// Returns the number of the last.
    pub(crate) fn last(self) -> Seq {
        Seq(self.first.0 + self.count - 1)
    }
}

/// The epochs of a branch whose view has a name of its own: where its oldest events were gone when
/// it was merged, so that its numbers are higher by as many than those of the view, or where it was
/// a part of the trunk that the trunk has lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// The number, in the branch, before its first event that was merged.
    pub(crate) after: Seq,
    /// The number, in the branch, of its last event that was merged.
    pub(crate) last: Seq,
    /// The branch's own epochs after the parent.
    pub(crate) lineage: Lineage,
}

/// What became of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BranchRecord {
    /// The last number that the branch shares with the trunk.
    pub(crate) parent: Seq,
    /// The epochs under which the view is read: the first begins after the parent, and the last one
    /// of a complete record after the branch's events.
    pub(crate) lineage: Lineage,
    /// The branch's own numbers, where they are not the view's.
    pub(crate) before: Option<Before>,
    /// Where the branch's events stand on the trunk, in the branch's order.
    pub(crate) runs: Vec<Run>,
    /// Whether the whole branch is on the trunk.
    pub(crate) is_complete: bool,
}

impl BranchRecord {
    /// Returns what it is called.
    pub(crate) fn name(&self) -> Epoch {
        self.lineage.forks()[0].epoch
    }

    /// Returns how many of the branch's events are on the trunk.
    pub(crate) fn merged(&self) -> u64 {
        self.runs.iter().map(|run| run.count).sum()
    }

    /// Closes it after so many events of the branch: what the view has behind them gets places of
    /// this epoch, drawn for this attempt alone. Where Redis loses the closed record, and the branch
    /// is merged again among others, those places are unknown, and not taken for other events.
    pub(crate) fn close(&mut self, merged: u64, epoch: Epoch) {
        let mut forks = self.lineage.forks().to_vec();
        if forks.len() == LINEAGE_EPOCHS_MAX {
            // The first one is the name; cursors of this one are unknown from now on.
            forks.remove(1);
        }
        let after = Seq(self.parent.0 + merged);
        forks.push(Fork { epoch, after, kind: ForkKind::Whole });
        if let Ok(lineage) = Lineage::from_forks(forks) {
            self.lineage = lineage;
        }
    }

    /// Returns whether an event of the branch with this place may be one of those that it has.
    pub(crate) fn gave(&self, place: Position) -> bool {
        let lineage = self.before.as_ref().map_or(&self.lineage, |before| &before.lineage);
        lineage.position_at(place.seq) == place
    }

    /// Returns the place in the view that a cursor of the branch names; `None` for a foreign one,
    /// `Err` for one whose successors were gone before the merge.
    pub(crate) fn place_of(&self, cursor: Position) -> Option<Result<Position, Seq>> {
        let names =
            |lineage: &Lineage| lineage.forks().iter().any(|fork| fork.epoch == cursor.epoch);
        if names(&self.lineage) {
            return (cursor.seq >= self.parent).then_some(Ok(cursor));
        }
        let before = self.before.as_ref().filter(|before| names(&before.lineage))?;
        // A place behind the end of its epoch is one that another record's view has given.
        if cursor.seq < self.parent
            || before.lineage.standing(cursor, before.last) != Standing::Good
        {
            return None;
        }
        if cursor.seq < before.after {
            return Some(Err(before.after));
        }
        let seq = Seq(self.parent.0 + cursor.seq.count_after(before.after));
        Some(Ok(self.lineage.position_at(seq)))
    }

    /// Writes what does not change from round to round: `PARENT LINEAGE BEFORE`.
    pub(crate) fn head_text(&self) -> String {
        let before = self.before.as_ref().map_or_else(
            || "-".to_owned(),
            |before| format!("{}/{}/{}", before.after, before.last, lineage_text(&before.lineage)),
        );
        format!("{} {} {before}", self.parent, lineage_text(&self.lineage))
    }

    /// Reads a record; `None` where it is damaged.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split(' ').collect();
        let [done, state, _time, parent, lineage, before, runs] = words.try_into().ok()?;
        let is_complete = match state {
            "open" => false,
            "done" => true,
            _ => return None,
        };
        let before = match before {
            "-" => None,
            text => {
                let (after, rest) = text.split_once('/')?;
                let (last, lineage) = rest.split_once('/')?;
                let (after, last) = (Seq(number_from(after)?), Seq(number_from(last)?));
                Some(Before { after, last, lineage: lineage_from(lineage)? })
            }
        };
        let record = BranchRecord {
            parent: Seq(number_from(parent)?),
            lineage: lineage_from(lineage)?,
            before,
            runs: runs_from(runs)?,
            is_complete,
        };
        let fits = record.lineage.forks()[0].after == record.parent
            && record.runs.iter().all(|run| run.first > record.parent)
            && Some(record.merged()) == done.parse().ok();
        fits.then_some(record)
    }
}

/// Writes runs: `FIRSTxCOUNT` with commas, `-` for none.
pub(crate) fn runs_text(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "-".to_owned();
    }
    let run = |run: &Run| format!("{}x{}", run.first, run.count);
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

fn runs_from(text: &str) -> Option<Vec<Run>> {
    let run = |text: &str| {
        let (first, count) = text.split_once('x')?;
        let run = Run { first: Seq(number_from(first)?), count: number_from(count)? };
        let is_sane = run.count > 0 && run.first.0 + run.count <= NUMBER_MAX;
        is_sane.then_some(run)
    };
    if text == "-" {
        return Some(Vec::new());
    }
    let runs: Vec<Run> = text.split(',').map(run).collect::<Option<_>>()?;
    let mut counts = runs.iter().map(|run| run.count);
    let total = counts.try_fold(0, |sum: u64, count| sum.checked_add(count))?;
    (total <= NUMBER_MAX).then_some(runs)
}

#[cfg(test)]
mod tests;
