//! What of Redis a merge sees.

use std::collections::HashMap;

use event::{Epoch, EventId, Lineage, Seq};

use crate::trunk::{
    branch,
    record::{BranchRecord, Run},
};

/// A round as it is sent.
pub(super) struct Round {
    pub(super) epoch: Epoch,
    pub(super) name: Epoch,
    pub(super) record: BranchRecord,
    pub(super) units: branch::Round,
    pub(super) found: HashMap<EventId, Seq>,
    /// How much of the trunk was searched.
    pub(super) searched: usize,
    pub(super) is_last: bool,
}

/// The trunk and the records.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) lineage: Lineage,
    pub(super) trunk: Vec<EventId>,
    pub(super) records: HashMap<Epoch, BranchRecord>,
}

impl Server {
    /// Merges a round as the server-side function does; returns how many events the record has.
    pub(super) fn merge(&mut self, round: &Round) -> Option<u64> {
        if round.epoch != self.lineage.current() {
            return None;
        }
        let stored = self.records.get(&round.name).unwrap_or(&round.record);
        if stored.is_complete || stored.merged() != round.units.offset {
            return None;
        }
        let (mut runs, began) = (stored.runs.clone(), self.trunk.len());
        for event in round.units.units.iter().flat_map(|(_, events)| events) {
            let since = (round.searched..began).find(|&at| self.trunk[at] == event.id);
            let since = since.map(|at| Seq(at as u64 + 1));
            let first = since.or(round.found.get(&event.id).copied()).unwrap_or_else(|| {
                self.trunk.push(event.id);
                Seq(self.trunk.len() as u64)
            });
            runs.push(Run { first, count: 1 });
        }
        let record = BranchRecord { runs, is_complete: round.is_last, ..round.record.clone() };
        let merged = record.merged();
        self.records.insert(round.name, record);
        Some(merged)
    }
}
