//! What the fault model allows, and what must have happened for it.
//!
//! The source of each line is `docs/fault-model.md`. Whatever is not allowed here is a failure.

use super::Evidence;
use crate::{
    facts::Sent, history::Lately, publisher::Manner, reader::record::GapSeen, settings::Mode,
};

/// An acknowledged event is in the spool after so long, on a machine that has other things to do.
const SPOOLED_MS: u64 = 5_000;

/// So much later than it was given an answer is read.
const READ_MS: u64 = 500;

/// No replica has its streams in its memory for longer.
const PARTED_MS: u64 = 70_000;

/// For so long after an acknowledgement a fault of Redis can still lose it.
const LOSABLE_MS: u64 = 60_000;

/// Returns whether a reader may be told of this gap: by what was broken lately, or since what it had
/// read was put there, where it is far behind.
pub(super) fn gap(evidence: &Evidence<'_>, gap: &GapSeen) -> bool {
    let since_ms = gap.read_ms.saturating_sub(LOSABLE_MS);
    is_allowed(evidence, &gap.reason, evidence.history.before(gap.at_ms))
        || is_allowed(evidence, &gap.reason, evidence.history.between(since_ms, gap.at_ms))
}

/// Returns whether whoever reads the log from its beginning may be told of a gap of this reason: what
/// it has lost at any time is told again.
pub(super) fn gap_of_log(evidence: &Evidence<'_>, reason: &str, at_ms: u64) -> bool {
    is_allowed(evidence, reason, evidence.history.between(0, at_ms))
}

fn is_allowed(evidence: &Evidence<'_>, reason: &str, lately: Lately) -> bool {
    let branches = has_branches(evidence, lately);
    match reason {
        // Redis lost data; or it began again while a replica that may have known more was not there;
        // or a replica was killed that had events of its own.
        "data_loss" | "diverged" | "another past" => {
            let is_incomplete = lately.absent || lately.cuts;
            lately.loses || (lately.restarts && is_incomplete) || (branches && lately.kills)
        }
        // A branch's cursor, on another replica, before the merge.
        "unknown_cursor" => branches || lately.loses,
        // A replica that began lately may branch off with less than the window; and behind a branch
        // that knew nothing its view has all of the log, also what no window keeps. Otherwise the
        // window and the lag limits are larger than anything that a plan makes of them.
        "expired" | "lagged" => branches && lately.absent,
        _ => false,
    }
}

/// Returns whether replicas may have had events that are not in Redis yet: cut off, or with their
/// streams in memory.
fn has_branches(evidence: &Evidence<'_>, lately: Lately) -> bool {
    lately.parts || (evidence.plan.mode == Mode::Loose && lately.cuts)
}

/// Returns whether a cursor of before may go on through another order than the log's: where replicas
/// merge what Redis lost, places of before are those of a branch.
pub(super) fn another_order(evidence: &Evidence<'_>) -> bool {
    let ever = evidence.history.between(0, u64::MAX);
    ever.loses || (ever.restarts && (ever.absent || ever.cuts))
}

/// Returns whether an acknowledged event may be gone.
pub(super) fn gone(evidence: &Evidence<'_>, sent: Sent) -> bool {
    let history = evidence.history;
    // An answer can be read a little after the end of who gave it.
    let (from, to) = (sent.ended_ms.saturating_sub(READ_MS), sent.ended_ms + SPOOLED_MS);
    let killed = history.killed(sent.replica, from, to);
    let with_branch =
        evidence.plan.mode == Mode::Loose && history.before(sent.ended_ms).cuts && killed;
    // What memory has is written when its process ends in order.
    let with_memory = history.before(sent.ended_ms).parts
        && history.killed(sent.replica, from, sent.ended_ms + PARTED_MS);
    // Replicas give back what Redis lost; what none of them holds is lost, however old it is.
    with_branch || with_memory || history.lost_after_absence(sent.ended_ms)
}

/// Returns whether one key may have taken effect twice.
pub(super) fn twice(evidence: &Evidence<'_>, by: usize, n: u64, at_ms: u64) -> bool {
    let (from, to) = (at_ms.saturating_sub(LOSABLE_MS), at_ms + LOSABLE_MS);
    let around = evidence.history.between(from, to);
    let branches = has_branches(evidence, around);
    // A key is each replica's own without Redis, and is lost with what it belongs to.
    let roams = Manner::of(by) == Manner::Roaming;
    let replica = evidence.facts.sent(by, n).map(|sent| sent.replica);
    let is_killed = replica.is_some_and(|replica| evidence.history.killed(replica, from, to));
    around.loses || (branches && (roams || is_killed))
}

/// Returns whether a part of a list may be there.
pub(super) fn torn(evidence: &Evidence<'_>, at_ms: u64) -> bool {
    let after = evidence.history.between(at_ms.saturating_sub(SPOOLED_MS), at_ms + LOSABLE_MS);
    after.loses && after.absent
}

/// Returns whether an acknowledged event of a publisher may come behind a later one to a reader.
pub(super) fn late(evidence: &Evidence<'_>, by: usize, sent: Sent, at_ms: u64) -> bool {
    // It comes late where it is merged late, and again to those who read that stretch again.
    let since = at_ms.saturating_sub(LOSABLE_MS);
    let around = sent.ended_ms.saturating_sub(LOSABLE_MS);
    is_merged_late(evidence, by, sent.replica, (since, at_ms))
        || is_merged_late(evidence, by, sent.replica, (around, sent.ended_ms + LOSABLE_MS))
}

fn is_merged_late(
    evidence: &Evidence<'_>,
    by: usize,
    replica: usize,
    (from_ms, to_ms): (u64, u64),
) -> bool {
    // Each replica's branch is merged by itself; and one that was killed knows nothing of the log, so
    // that its branch comes before all of it.
    let is_killed = evidence.history.killed(replica, from_ms, to_ms);
    has_branches(evidence, evidence.history.between(from_ms, to_ms))
        && (Manner::of(by) == Manner::Roaming || is_killed)
}
