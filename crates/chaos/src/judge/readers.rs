//! One reader's record against the log.

use super::{Evidence, Verdict, explain, log::Log};
use crate::{
    facts::Fate,
    reader::record::{Missing, Record},
};

impl Verdict {
    pub(super) fn judge_reader(
        &mut self,
        evidence: &Evidence<'_>,
        log: &Log,
        index: usize,
        record: &Record,
    ) {
        let before = self.clone_counts();
        self.readers += 1;
        self.add_counts(record);
        self.judge_gaps(evidence, index, record);
        self.judge_order(evidence, index, record);
        self.judge_missing(index, log, record);
        self.judge_ghosts(evidence, index, log, record);
        if !record.is_finished {
            self.problems.push(format!("reader {index} did not come to the last event"));
        }
        for incident in record.incidents.iter().take(2) {
            let (at_ms, what) = (incident.at_ms, &incident.what);
            self.problems.push(format!("reader {index} at {at_ms} ms: {what}"));
        }
        if self.clone_counts() != before || !record.is_finished {
            self.failing.push(index);
        }
    }

    /// Returns what must not grow.
    fn clone_counts(&self) -> [u64; 10] {
        let Verdict { lost, ghosts, repeated, reordered, altered, .. } = *self;
        let Verdict { diverged, jumped, nonsense, silent, gaps_unexplained, .. } = *self;
        [
            lost,
            ghosts,
            repeated,
            reordered,
            altered,
            diverged,
            jumped,
            nonsense,
            silent,
            gaps_unexplained,
        ]
    }

    fn add_counts(&mut self, record: &Record) {
        let counts = record.counts;
        self.deliveries += counts.delivered;
        self.connections += counts.connections;
        self.repeated += counts.repeated;
        self.repeated_told += counts.told_again;
        self.altered += counts.altered;
        self.diverged += counts.diverged;
        self.jumped += counts.jumped;
        self.nonsense += counts.nonsense;
        self.silent += counts.silent;
    }

    fn judge_gaps(&mut self, evidence: &Evidence<'_>, index: usize, record: &Record) {
        for gap in &record.gaps {
            *self.gaps.entry(gap.reason.clone()).or_default() += 1;
            if !explain::gap(evidence, gap) {
                self.gaps_unexplained += 1;
                let (at_ms, replica, reason) = (gap.at_ms, gap.replica, &gap.reason);
                self.example(self.gaps_unexplained, || {
                    format!("reader {index} was told `{reason}` by replica {replica} at {at_ms} ms")
                });
            }
        }
    }

    fn judge_order(&mut self, evidence: &Evidence<'_>, index: usize, record: &Record) {
        for late in &record.late {
            // One whose publisher was told nothing may come whenever it likes; and one that took
            // effect a second time is counted as that.
            let Some(sent) = evidence.facts.sent(late.by, late.n) else { continue };
            let was_told = sent.fate == Fate::Acknowledged(late.id);
            if !was_told || explain::late(evidence, late.by, sent, late.at_ms) {
                continue;
            }
            self.reordered += 1;
            let (by, n, behind, at_ms) = (late.by, late.n, late.behind, late.at_ms);
            self.example(self.reordered, || {
                format!("reader {index} got {by}/{n} behind {by}/{behind} at {at_ms} ms")
            });
        }
    }

    /// What did not come must lie where a gap was told.
    fn judge_missing(&mut self, index: usize, log: &Log, record: &Record) {
        for (at, entry) in log.entries.iter().enumerate() {
            let (by, n, id) = (entry.stamp.by, entry.stamp.n, entry.id);
            if record.came(by, n, id).is_some() {
                continue;
            }
            if record.surroundings.tell(Missing { by, n, index: at }, &log.indexes) {
                self.lost_told += 1;
            } else {
                self.lost += 1;
                self.example(self.lost, || format!("reader {index} never got {by}/{n} {id}"));
            }
        }
    }

    fn judge_ghosts(&mut self, evidence: &Evidence<'_>, index: usize, log: &Log, record: &Record) {
        if !log.is_whole {
            return;
        }
        for by in 0..evidence.facts.publishers() {
            for (n, mark) in (0..).zip(record.of(by)) {
                let Some(generation) = mark.checked_sub(1) else { continue };
                if !log.of_stamp(by, n).is_empty() {
                    continue;
                }
                // Who had read it before its place became a hole lacks nothing.
                if generation < record.generation() || log.lost.contains(&(by, n)) {
                    self.ghosts_told += 1;
                } else {
                    self.ghosts += 1;
                    self.example(self.ghosts, || {
                        format!("reader {index} got {by}/{n}, which is not in the log")
                    });
                }
            }
        }
    }
}
