//! What two logs of a stream, memory's and that in Redis, make of each other: which takes the other's
//! place, and which goes on after a start. Pure.

use event::{ForkKind, Lineage, Seq, Standing};

use super::Record;
use crate::trunk::parting::parting;

/// What has to become of a stream of memory that Redis shall own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Redis has no such log, or one that ours grew out of: ours takes its place.
    Whole,
    /// Redis has all of ours, and perhaps more.
    There,
    /// Redis has another history: ours is merged behind the last number that both share.
    Branch(Seq),
}

/// A log as far as its place in a history goes: its epochs, and its last number.
pub(crate) type History<'a> = (&'a Lineage, Seq);

/// Finds out what has to become of a stream of memory that Redis shall own.
pub(crate) fn placement(ours: History<'_>, theirs: Option<History<'_>>) -> Placement {
    let Some(theirs) = theirs else { return Placement::Whole };
    match parting(theirs, ours) {
        None => Placement::There,
        Some(_) if grew_out_of(ours, theirs) => Placement::Whole,
        Some(shared) => Placement::Branch(shared),
    }
}

/// Returns whether our lineage tells of a loss that theirs does not: where our log does not take the
/// place of theirs, it has to be told there. What precedes the oldest epoch that theirs remembers was
/// told there, and forgotten.
pub(crate) fn hides_loss(ours: &Lineage, theirs: &Lineage) -> bool {
    let is_known = |epoch| theirs.forks().iter().any(|fork| fork.epoch == epoch);
    let oldest = theirs.forks()[0].epoch;
    let forgotten = ours.forks().iter().position(|fork| fork.epoch == oldest);
    let remembered = ours.forks().iter().skip(forgotten.unwrap_or_default());
    let mut lossy = remembered.filter(|fork| fork.kind == ForkKind::Lossy);
    lossy.any(|fork| !is_known(fork.epoch))
}

/// Returns whether a log has all that another one has.
pub(crate) fn grew_out_of(ours: History<'_>, theirs: History<'_>) -> bool {
    ours.0.standing(theirs.0.last_at(theirs.1), ours.1) == Standing::Good
}

/// What a start in memory makes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// It goes on from the saved window.
    Keep,
    /// It goes on from the saved window, and something may be lost behind it.
    KeepLossy,
    /// It goes on from what Redis has.
    Take(ForkKind),
}

/// Finds out what a start in memory makes of a stream, given the saved window and what Redis has;
/// `is_merged` where the saved window ends in a branch that Redis has whole.
pub(crate) fn resume(
    record: Record,
    ours: Option<History<'_>>,
    theirs: Option<History<'_>>,
    is_merged: bool,
) -> Resume {
    if !record.redis_may_own {
        return Resume::Keep;
    }
    let Some(theirs) = theirs else { return Resume::KeepLossy };
    let take = Resume::Take(match record.memory_leads {
        true => ForkKind::Lossy,
        false => ForkKind::Whole,
    });
    match ours {
        Some(ours) if ours.1 > Seq::ZERO => match parting(theirs, ours) {
            None => take,
            Some(_) if is_merged => take,
            Some(_) => Resume::Keep,
        },
        _ => take,
    }
}
