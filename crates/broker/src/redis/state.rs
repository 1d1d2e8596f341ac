//! What a log's meta says, and how it agrees with what this process knew of the log.
//!
//! Rule: an epoch is one unbroken ownership, so it ends when Redis itself begins anew (its run
//! changes: a restart, or another reign after a fail-over, see `link/connect.rs`). Where what this process had seen is
//! still there the next epoch is whole, else lossy; where replicas of ours that may have known more
//! did not say so it is lossy too (`run`). A process of ours that starts ends no epoch.

use event::{Epoch, Fork, ForkKind, Lineage, Position, Seq, Standing};

/// A log as its meta stands in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) lineage: Lineage,
    pub(crate) head: Seq,
    /// The run of the server that the current epoch belongs to.
    pub(crate) run: String,
}

/// What has to become of a log before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it should be.
    Use,
    /// Its owner changed; go on under this lineage.
    Fork(Lineage),
}

impl State {
    /// Returns the last place, beyond a hole that lies there.
    pub(crate) fn place(&self) -> Position {
        self.lineage.last_at(self.head)
    }

    /// Returns whether it tells of a loss at its very end.
    pub(crate) fn ends_in_loss(&self) -> bool {
        let last = self.lineage.forks().last();
        last.is_some_and(|last| last.kind == ForkKind::Lossy && last.after == self.head)
    }

    /// Returns whether this is `earlier`, or has grown out of it.
    pub(super) fn holds(&self, earlier: &State) -> bool {
        self.lineage.standing(earlier.place(), self.head) == Standing::Good
    }

    /// Judges what Redis has against what this process knew, on a server of this run; `kind` is how
    /// a log of an earlier run goes on of which nothing is known to be lost.
    pub(super) fn judge(
        &self,
        known: Option<&State>,
        run: &str,
        kind: ForkKind,
        epoch: Epoch,
    ) -> Verdict {
        let mut lineage = self.lineage.clone();
        match known {
            Some(known) if !self.holds(known) && known.descends_from(self) => {
                // Where what is known took another way before this log's end, as where an older copy
                // came after an empty server, its epochs are none of these entries'.
                if known.holds(self) {
                    lineage = known.cut_at(self.head).unwrap_or(lineage);
                }
                lineage.fork(epoch, self.head, ForkKind::Lossy);
            }
            Some(known) if self.hides_loss_of(known) => {
                lineage.fork(epoch, self.head, ForkKind::Lossy);
            }
            _ if self.run != run => lineage.fork(epoch, self.head, kind),
            _ => return Verdict::Use,
        }
        Verdict::Fork(lineage)
    }

    /// Returns the log that takes the place of one that is gone from Redis; `orphans` is the last
    /// number of entries that lost their meta, which can't be served and whose numbers are used up.
    pub(super) fn begin(known: Option<&State>, orphans: Seq, run: &str, epoch: Epoch) -> State {
        let head = known.map_or(orphans, |known| known.head.max(orphans));
        let lossy = Fork { epoch, after: head, kind: ForkKind::Lossy };
        let lineage = match known {
            Some(known) => {
                let mut lineage = known.lineage.clone();
                lineage.fork(epoch, head, ForkKind::Lossy);
                lineage
            }
            None if orphans == Seq::ZERO => Lineage::origin(epoch),
            None => Lineage::from_forks(vec![lossy]).expect("one fork is always a lineage"),
        };
        State { lineage, head, run: run.to_owned() }
    }

    /// Returns whether an owner that knew less than we began an epoch as if nothing was lost before it.
    /// Those who hold the place of what was lost are told by that; all others are only by a fork.
    fn hides_loss_of(&self, known: &State) -> bool {
        let mut later = self.lineage.forks().iter();
        let ours = later.find(|fork| fork.epoch == known.lineage.current()).is_some();
        ours && !self.holds(known) && later.all(|fork| fork.kind == ForkKind::Whole)
    }

    fn descends_from(&self, older: &State) -> bool {
        self.lineage.forks().iter().any(|fork| fork.epoch == older.lineage.current())
    }

    /// Returns the epochs that began up to here, if any that is remembered did.
    fn cut_at(&self, head: Seq) -> Option<Lineage> {
        let forks = self.lineage.forks();
        let kept: Vec<Fork> = forks.iter().copied().filter(|fork| fork.after <= head).collect();
        Lineage::from_forks(kept).ok()
    }
}

/// Returns the number up to which the window can't be served: where the oldest epoch that is
/// remembered lost something, nothing can say any more that a hole lies before its events.
pub(super) fn unservable(lineage: &Lineage) -> Seq {
    let oldest = lineage.forks()[0];
    if oldest.kind == ForkKind::Lossy { oldest.after } else { Seq::ZERO }
}

#[cfg(test)]
mod tests;
