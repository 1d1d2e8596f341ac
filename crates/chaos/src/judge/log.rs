//! The log by what is in it, and what of it can be judged without readers: what is gone, there twice,
//! or there in part.

use std::collections::{BTreeMap, HashMap, HashSet};

use event::EventId;

use super::{Evidence, Verdict, explain};
use crate::{
    facts::{Facts, Fate, Sent},
    trunk::{Entry, Trunk},
};

/// The log by what is in it.
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// Where in `entries` each event stands.
    pub(super) indexes: HashMap<EventId, usize>,
    /// By publisher and number.
    by_stamp: HashMap<(usize, u64), Vec<EventId>>,
    /// The events that stood where the log has a hole now, as publisher and number.
    pub(super) lost: HashSet<(usize, u64)>,
    /// Whether every place is known.
    pub(super) is_whole: bool,
}

impl Log {
    pub(super) fn of(trunk: &Trunk, facts: &Facts) -> Self {
        let entries: Vec<_> = trunk.entries().copied().collect();
        let mut by_stamp: HashMap<_, Vec<_>> = HashMap::new();
        for entry in &entries {
            by_stamp.entry((entry.stamp.by, entry.stamp.n)).or_default().push(entry.id);
        }
        let indexes = entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
        let lost = facts.seen_at(|place| trunk.is_lost(place));
        Log { entries, indexes, by_stamp, lost, is_whole: trunk.is_whole() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the events of a publisher's number.
    pub(super) fn of_stamp(&self, by: usize, n: u64) -> &[EventId] {
        self.by_stamp.get(&(by, n)).map_or(&[], Vec::as_slice)
    }
}

impl Verdict {
    /// Compares the log with what publishers were told.
    pub(super) fn judge_log(&mut self, evidence: &Evidence<'_>, log: &Log) {
        for gap in &evidence.trunk.gaps {
            if !explain::gap_of_log(evidence, &gap.reason, gap.at_ms) {
                self.gaps_unexplained += 1;
                let (at_ms, reason) = (gap.at_ms, &gap.reason);
                self.example(self.gaps_unexplained, || {
                    format!("the pages of the log had a gap at {at_ms} ms: {reason}")
                });
            }
        }
        for by in 0..evidence.facts.publishers() {
            let all = evidence.facts.all(by);
            for (n, sent) in (0..).zip(&all) {
                self.judge_sent(evidence, log, (by, n), *sent);
            }
            self.judge_lists(evidence, log, by, &all);
        }
        for twice in evidence.facts.twice() {
            // Where both are in the log, they were counted there.
            if log.of_stamp(twice.by, twice.n).len() < 2 {
                self.twice(evidence, (twice.by, twice.n), twice.at_ms);
            }
        }
    }

    fn judge_sent(
        &mut self,
        evidence: &Evidence<'_>,
        log: &Log,
        (by, n): (usize, u64),
        sent: Sent,
    ) {
        let there = log.of_stamp(by, n);
        if there.len() > 1 {
            self.twice(evidence, (by, n), sent.ended_ms);
        }
        let Fate::Acknowledged(id) = sent.fate else { return };
        if there.contains(&id) || !log.is_whole {
            return;
        }
        if explain::gone(evidence, sent) {
            self.gone_explained += 1;
            return;
        }
        self.gone += 1;
        self.example(self.gone, || {
            let Sent { ended_ms, replica, .. } = sent;
            format!("{by}/{n} {id}, acknowledged by replica {replica} at {ended_ms} ms, is gone")
        });
    }

    fn twice(&mut self, evidence: &Evidence<'_>, (by, n): (usize, u64), at_ms: u64) {
        if explain::twice(evidence, by, n, at_ms) {
            self.twice_explained += 1;
            return;
        }
        self.twice += 1;
        self.example(self.twice, || format!("{by}/{n} took effect twice, at about {at_ms} ms"));
    }

    /// A list is there as a whole or not at all.
    fn judge_lists(&mut self, evidence: &Evidence<'_>, log: &Log, by: usize, all: &[Sent]) {
        let mut lists: BTreeMap<u64, (u64, u64, u64)> = BTreeMap::new();
        for (n, sent) in (0..).zip(all).filter(|(_, sent)| sent.of > 1) {
            let list = lists.entry(sent.first).or_default();
            list.0 = sent.of;
            list.1 += u64::from(!log.of_stamp(by, n).is_empty());
            list.2 = sent.ended_ms;
        }
        for (first, (of, there, at_ms)) in lists {
            if there != 0 && there != of && log.is_whole && !explain::torn(evidence, at_ms) {
                self.torn += 1;
                self.example(self.torn, || {
                    format!("of the list {by}/{first} {there} of {of} events are there")
                });
            }
        }
    }
}
