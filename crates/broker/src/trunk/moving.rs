//! What a replica's broker takes over from a memory backend while it runs, and gives back to one.

use event::{Epoch, MonoMs, Seq, StreamName};

use super::{ReplicaBroker, branch::Branch, phase::Phase};
use crate::{ReadError, memory::log::Log, redis::failure::Failure};

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

    /// Merges what a log has beyond the last number that it shares with the trunk, and its keys, as those of a
    /// replica that was cut off.
    ///
    /// # Cancel safety
    /// What was merged by then is found again by its ids.
    pub(crate) async fn merge_log(
        &self,
        stream: &StreamName,
        log: Log,
        shared: Seq,
        epoch: Epoch,
        now: MonoMs,
    ) -> Result<(), Failure> {
        let trunk = &self.core.trunk;
        let cell = self.core.cell(stream).map_err(|error| Failure::refused(error.to_string()))?;
        let keys = log.keys().clone();
        let state = trunk.state_now(stream).await?;
        let mut branch = Branch::of_log(log, shared, epoch);
        branch.stand_on(&state.lineage, state.head, &state.run);
        self.core.count(0, 0, branch.pending(), branch.pending_bytes());
        cell.side.lock().branch = Some(branch);
        let merged = self.core.merge(&cell).await;
        // Memory owns the stream where it did not come to its end.
        if let Some(left) = cell.side.lock().branch.take() {
            self.core.count(left.pending(), left.pending_bytes(), 0, 0);
        }
        merged?;
        let run = trunk.run().ok_or_else(|| Failure::refused("the connection broke"))?;
        trunk.remember_keys(&run, stream, &keys, |at| now.since(at)).await
    }
}
