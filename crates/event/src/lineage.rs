//! The epochs that led to a log, and where each ended: what makes a cursor outlive its backend.
//!
//! Invariants: at least one fork; forks are in the order of their `after`, which never falls;
//! no epoch stands twice; an epoch that began whole and took no event leaves no trace once the next
//! one begins, since no cursor can name it.
//!
//! A lossy fork after `n` is a hole between two places of one number: `(parent, n)` lies before it
//! and `(child, n)` beyond it. A reader that goes from the one to the other is told.

use crate::{Epoch, GapReason, Position, Seq, limits::LINEAGE_EPOCHS_MAX};

/// The epochs that led to a log, oldest first; the last one owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    forks: Vec<Fork>,
}

/// The beginning of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The epoch that begins.
    pub epoch: Epoch,
    /// The last number of the parent that it goes on from; its own first is the next.
    pub after: Seq,
    /// Whether the parent is known to be whole up to there.
    pub kind: ForkKind,
}

/// How an epoch took over from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkKind {
    /// Everything that the parent acknowledged lies before the fork.
    Whole,
    /// The parent may have acknowledged events past the fork, which are lost.
    Lossy,
}

/// What a lineage says of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Reading can go on after it.
    Good,
    /// Its epoch ended, or the log's head lies, before it.
    PastEnd {
        /// The last place that the reader and this log share.
        shared: Position,
        /// Why what lies beyond is not here.
        reason: GapReason,
    },
    /// No epoch of this log has its name.
    Unknown,
}

/// The forks are not a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    /// There is none.
    #[error("a lineage has at least one epoch")]
    Empty,
    /// There are too many to be ours.
    #[error("a lineage has at most {LINEAGE_EPOCHS_MAX} epochs")]
    TooLong,
    /// A later fork lies before an earlier one.
    #[error("the epochs of a lineage are in order")]
    Disordered,
    /// One epoch stands twice.
    #[error("an epoch stands once in a lineage")]
    Repeated,
}

impl Lineage {
    /// Returns the lineage of a log that begins now.
    pub fn origin(epoch: Epoch) -> Self {
        Lineage { forks: vec![Fork { epoch, after: Seq::ZERO, kind: ForkKind::Whole }] }
    }

    /// Returns the lineage of a log that begins now in the place of one whose events are gone.
    pub fn lossy_origin(epoch: Epoch) -> Self {
        Lineage { forks: vec![Fork { epoch, after: Seq::ZERO, kind: ForkKind::Lossy }] }
    }

    /// Checks forks that were read from somewhere.
    ///
    /// # Errors
    /// Fails where they break an invariant of the module.
    pub fn from_forks(forks: Vec<Fork>) -> Result<Self, LineageError> {
        if forks.is_empty() {
            return Err(LineageError::Empty);
        }
        if forks.len() > LINEAGE_EPOCHS_MAX {
            return Err(LineageError::TooLong);
        }
        if !forks.is_sorted_by_key(|fork| fork.after) {
            return Err(LineageError::Disordered);
        }
        let mut epochs: Vec<_> = forks.iter().map(|fork| fork.epoch).collect();
        epochs.sort_unstable();
        if epochs.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(LineageError::Repeated);
        }
        Ok(Lineage { forks })
    }

    /// Returns the forks, oldest first.
    pub fn forks(&self) -> &[Fork] {
        &self.forks
    }

    /// Returns the epoch that owns the log.
    pub fn current(&self) -> Epoch {
        self.last().epoch
    }

    /// Begins a new epoch after `head`; the oldest epoch is forgotten where there are too many.
    ///
    /// `epoch` is freshly drawn and stands nowhere in the lineage yet.
    pub fn fork(&mut self, epoch: Epoch, head: Seq, kind: ForkKind) {
        // A lossy fork can't know that the epoch before it took no event, and the beginning of a
        // lossy epoch is a place that readers have been given.
        let took_none = self.forks.len() > 1 && self.last().after == head;
        if took_none && kind == ForkKind::Whole && self.last().kind == ForkKind::Whole {
            self.forks.pop();
        }
        self.forks.push(Fork { epoch, after: head, kind });
        if self.forks.len() > LINEAGE_EPOCHS_MAX {
            self.forks.remove(0);
        }
    }

    /// Begins the epoch of a branch after `head`. Other than [`Lineage::fork`] it leaves an epoch
    /// that took no event where it is: the log that is branched from goes on elsewhere, and may yet
    /// give places of it.
    pub fn branch(&mut self, epoch: Epoch, head: Seq) {
        self.forks.push(Fork { epoch, after: head, kind: ForkKind::Whole });
        if self.forks.len() > LINEAGE_EPOCHS_MAX {
            self.forks.remove(0);
        }
    }

    /// Returns the place with this number, under the epoch that appended it.
    pub fn position_at(&self, seq: Seq) -> Position {
        let owner = self.forks.iter().rev().find(|fork| fork.after < seq);
        Position::new(owner.unwrap_or(&self.forks[0]).epoch, seq)
    }

    /// Returns the last place with this number: the one beyond a hole that lies right after it.
    pub fn last_at(&self, seq: Seq) -> Position {
        let beyond = self.forks.iter().rev().find(|fork| fork.is_hole() && fork.after == seq);
        beyond.map_or_else(|| self.position_at(seq), |fork| Position::new(fork.epoch, seq))
    }

    /// Returns the number after which the next hole lies for a reader that goes on from `place`.
    pub fn hole_after(&self, place: Position) -> Option<Seq> {
        let at = self.forks.iter().position(|fork| fork.epoch == place.epoch)?;
        let ahead = |index: usize, fork: &Fork| {
            fork.after > place.seq || (fork.after == place.seq && index > at)
        };
        let mut forks = self.forks.iter().enumerate();
        forks.find(|(i, fork)| fork.is_hole() && ahead(*i, fork)).map(|(_, fork)| fork.after)
    }

    /// Judges a reader's place in a log whose last number is `head`.
    pub fn standing(&self, place: Position, head: Seq) -> Standing {
        let Some(at) = self.forks.iter().position(|fork| fork.epoch == place.epoch) else {
            return Standing::Unknown;
        };
        let (end, kind) = match self.forks.get(at + 1) {
            Some(next) => (next.after, next.kind),
            None => (head, ForkKind::Whole),
        };
        if place.seq <= end {
            return Standing::Good;
        }
        let reason = match kind {
            ForkKind::Whole => GapReason::Diverged,
            ForkKind::Lossy => GapReason::DataLoss,
        };
        Standing::PastEnd { shared: self.position_at(end), reason }
    }

    /// Returns whether the log replaced one whose events are gone, so that a place of an unknown
    /// epoch may well be a lost one.
    pub fn lost_its_past(&self) -> bool {
        self.forks[0].kind == ForkKind::Lossy
    }

    fn last(&self) -> &Fork {
        self.forks.last().expect("a lineage has at least one epoch, by construction")
    }
}

impl Fork {
    /// Returns whether acknowledged events may be missing right before it.
    fn is_hole(&self) -> bool {
        self.kind == ForkKind::Lossy
    }
}
