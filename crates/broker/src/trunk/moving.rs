//! What a replica's broker takes over from a memory backend while it runs, and gives back to one.

use std::collections::HashSet;

use event::{Epoch, MonoMs, Seq, StreamName};

use super::{ReplicaBroker, branch::Branch, phase::Phase, record::BranchRecord};
use crate::{
    ReadError,
    memory::log::Log,
    redis::{
        failure::Failure,
        merging::{Merged, Merging},
    },
};

/// Most events of one round of a merge, and most bytes of their JSON.
const ROUND_EVENTS_MAX: usize = 500;
const ROUND_BYTES_MAX: usize = 1 << 20;

impl ReplicaBroker {
    /// Returns whether the trunk serves.
    pub(crate) fn is_up(&self) -> bool {
        self.core.phase() == Phase::Up
    }

    /// Waits until the trunk serves.
    pub(crate) async fn until_up(&self) {
        self.until_adopted().await;
    }

    /// Returns the streams that this process has touched.
    pub(crate) fn touched(&self) -> Vec<StreamName> {
        self.core.cells.read().keys().cloned().collect()
    }

    /// Takes a log that was put on the trunk for what is known of it, should Redis be lost.
    pub(crate) fn take_over(&self, stream: &StreamName, log: &Log) -> Result<(), ReadError> {
        let cell = self.core.cell(stream)?;
        cell.side.lock().mirror.adopt(log);
        Ok(())
    }

    /// Merges what a log has after the last number that it shares with the trunk, and its keys, as
    /// those of a replica that was cut off; returns its record.
    pub(crate) async fn merge_log(
        &self,
        stream: &StreamName,
        log: Log,
        shared: Seq,
        name: Epoch,
        now: MonoMs,
    ) -> Result<Option<BranchRecord>, Failure> {
        let trunk = &self.core.trunk;
        let keys = log.keys().clone();
        let mut tail = Branch::tail(log, shared, name);
        let ids: HashSet<_> = tail.unsure_ids().collect();
        // An earlier attempt may have been broken off under another name.
        let found = trunk.find_all(stream, shared, &ids).await?;
        loop {
            let (record, round) = (tail.record(), tail.round(ROUND_EVENTS_MAX, ROUND_BYTES_MAX));
            let is_last = round.is_last;
            let merging = Merging { name, record: &record, round: &round, found: &found, is_last };
            match trunk.merge(stream, &merging).await? {
                Merged::Round(merged) => tail.merged_up_to(merged),
                Merged::Before(record) if record.is_complete => break,
                Merged::Before(record) => {
                    tail.merged_up_to(record.merged());
                    continue;
                }
            }
            if is_last {
                break;
            }
        }
        trunk.remember_keys(stream, &keys, |at| now.since(at)).await?;
        let record = trunk.record_of(stream, name).await?;
        let cell = self.core.cell(stream).map_err(|error| Failure::refused(error.to_string()))?;
        if let Some(record) = &record {
            cell.side.lock().remember(record.clone());
        }
        self.core.refill(&cell, shared).await;
        Ok(record)
    }
}
