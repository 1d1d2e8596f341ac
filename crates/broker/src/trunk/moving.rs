//! What a replica's broker takes over from a memory backend while it runs, and gives back to one.

use std::sync::Arc;

use event::{Epoch, MonoMs, Seq, StreamName};

use super::{Core, ReplicaBroker, branch::Branch, cell::Cell, phase::Phase};
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

    /// Merges what a log has beyond the last number that it shares with the trunk, as that of a
    /// replica that was cut off, while its owner goes on. What comes meanwhile, and the end, are left
    /// to [`ReplicaBroker::merge_log`], which finds by the branch's record how far this came.
    ///
    /// # Cancel safety
    /// What was merged by then is found again.
    pub(crate) async fn merge_ahead(&self, log: &Moved<'_>) -> Result<(), Failure> {
        let merging = self.begin_merging(log).await?;
        if merging.cell.side.lock().branch.as_ref().is_none_or(|branch| !branch.has_places()) {
            return Ok(());
        }
        self.core.merge_ahead(&merging.cell, 0).await.map(|_| ())
    }

    /// Merges what a log has beyond the last number that it shares with the trunk, and its keys, as
    /// those of a replica that was cut off; to be called while its owner waits.
    ///
    /// # Cancel safety
    /// What was merged by then is found again, and the log is still its owner's.
    pub(crate) async fn merge_log(&self, log: &Moved<'_>, now: MonoMs) -> Result<(), Failure> {
        let trunk = &self.core.trunk;
        let merging = self.begin_merging(log).await?;
        self.core.merge(&merging.cell).await?;
        let cell = self.core.cell(log.stream);
        if let Ok(cell) = cell {
            let mut merged = merging.cell.side.lock();
            let mut side = cell.side.lock();
            side.mirror = std::mem::take(&mut merged.mirror);
            std::mem::take(&mut merged.merged)
                .into_iter()
                .for_each(|record| side.remember_merged(record));
        }
        let run = trunk.run().ok_or_else(|| Failure::refused("the connection broke"))?;
        trunk.remember_keys(&run, log.stream, log.log.keys(), |at| now.since(at)).await
    }

    /// Makes a branch of a log, in a cell of its own: the stream is still another's, and what reads it
    /// here must not meet the branch.
    async fn begin_merging(&self, log: &Moved<'_>) -> Result<Merging<'_>, Failure> {
        let Moved { stream, log, shared, epoch } = log;
        let state = self.core.trunk.state_now(stream).await?;
        let mut branch = Branch::of_log((*log).clone(), *shared, *epoch);
        branch.stand_on(&state.lineage, state.head);
        self.core.count(0, 0, branch.pending(), branch.pending_bytes());
        let cell = Cell::new((*stream).clone());
        // What is another's log is not to be in the spool, so nothing is said of a change.
        cell.side.lock().branch = Some(branch);
        Ok(Merging { core: &self.core, cell: Arc::new(cell) })
    }
}

/// A log of another backend that is to be on the trunk.
pub(crate) struct Moved<'a> {
    pub(crate) stream: &'a StreamName,
    pub(crate) log: &'a Log,
    /// The last number that it shares with the trunk.
    pub(crate) shared: Seq,
    /// An epoch that nobody has.
    pub(crate) epoch: Epoch,
}

/// A branch on its way, which is counted among those that wait.
struct Merging<'a> {
    core: &'a Core,
    cell: Arc<Cell>,
}

impl Merging<'_> {
    /// Returns how many events wait, and how many bytes of JSON they have.
    fn pending(&self) -> (usize, usize) {
        let side = self.cell.side.lock();
        side.branch.as_ref().map_or((0, 0), |b| (b.pending(), b.pending_bytes()))
    }
}

impl Drop for Merging<'_> {
    fn drop(&mut self) {
        let (events, bytes) = self.pending();
        self.core.count(events, bytes, 0, 0);
    }
}

#[cfg(test)]
mod tests;
