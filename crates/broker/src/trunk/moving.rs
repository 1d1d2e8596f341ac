//! What a replica's broker takes over from a memory backend while it runs, and gives back to one.

use std::sync::Arc;

use event::{Epoch, ForkKind, MonoMs, Seq, StreamName};

use super::{Core, ReplicaBroker, branch::Branch, cell::Cell, phase::Phase, record::BranchRecord};
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

    /// Returns whether Redis is lost, so that waiting for it is of no use.
    pub(crate) fn is_lost(&self) -> bool {
        !self.is_up() && self.core.trunk.run().is_none()
    }

    /// Returns whether this replica takes appends of which Redis does not know yet.
    pub(crate) fn takes_by_itself(&self) -> bool {
        !self.core.options.strict && matches!(self.core.phase(), Phase::Cut | Phase::Back)
    }

    /// Returns whether others have ever been seen beside this replica: what they appended last may not
    /// be known here.
    pub(crate) fn has_met_others(&self) -> bool {
        self.core.announcing.lock().has_met_others
    }

    /// Takes what is known of a stream out of this replica's hands, as nobody can ask Redis; a branch
    /// of it is not merged any more. Its file stays until [`ReplicaBroker::forget_spooled`].
    ///
    /// # Cancel safety
    /// It is: all is taken, or nothing.
    pub(crate) async fn part_with(&self, stream: &StreamName) -> Result<Parted, ReadError> {
        let cell = self.core.cell(stream)?;
        let _alone = cell.gate.write().await;
        let (met, known) = (self.has_met_others(), self.core.trunk.last_known(stream));
        let mut side = cell.side.lock();
        let draw = || self.core.options.epochs.draw();
        let merged = side.merged.iter().map(|merged| merged.record.clone()).collect();
        let Some(branch) = side.branch.take() else {
            if let Some((lineage, head)) = known {
                side.mirror.learn(&lineage, head);
            }
            let log = side.mirror.log_to_go_on(!met, draw());
            return Ok(Parted { log, merged, spooled: None });
        };
        self.core.count(branch.pending(), branch.pending_bytes(), 0, 0);
        cell.changed_owner();
        let mut log = branch.log().clone();
        if met {
            log.fork(draw(), ForkKind::Lossy);
        }
        Ok(Parted { log: Some(log), merged, spooled: Some(branch.saved_as()) })
    }

    /// Removes the files of branches that another backend has saved.
    pub(crate) async fn forget_spooled(&self, branches: &[(StreamName, Epoch)]) {
        let Some(spool) = &self.core.spool else { return };
        let writing = spool.writing().await;
        for (stream, name) in branches {
            spool.remove(&writing, stream, *name);
        }
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
    pub(crate) async fn merge_ahead(&self, log: &ToMerge<'_>) -> Result<(), Failure> {
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
    pub(crate) async fn merge_log(&self, log: &ToMerge<'_>, now: MonoMs) -> Result<(), Failure> {
        let trunk = &self.core.trunk;
        let merging = self.begin_merging(log).await?;
        self.core.merge(&merging.cell).await?;
        if let Ok(cell) = self.core.cell(log.stream) {
            let mut merged = merging.cell.side.lock();
            let mut side = cell.side.lock();
            side.mirror = std::mem::take(&mut merged.mirror);
            for record in std::mem::take(&mut merged.merged) {
                side.remember_merged(record);
            }
        }
        let run = trunk.run().ok_or_else(|| Failure::refused("the connection broke"))?;
        trunk.remember_keys(&run, log.stream, log.log.keys(), |at| now.since(at)).await
    }

    /// Makes a branch of a log, in a cell of its own: the stream is still another's, and what reads it
    /// here must not meet the branch.
    async fn begin_merging(&self, log: &ToMerge<'_>) -> Result<Merging<'_>, Failure> {
        let ToMerge { stream, log, shared, epoch } = log;
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

/// What was known of a stream that this replica gave out of its hands.
pub(crate) struct Parted {
    /// The log; `None` where nothing is known of it. It ends in a lossy epoch where its latest events
    /// may not be known.
    pub(crate) log: Option<Log>,
    /// What became of earlier branches.
    pub(crate) merged: Vec<BranchRecord>,
    /// The name of the branch on disk that it was.
    pub(crate) spooled: Option<Epoch>,
}

/// A log of another backend that is to be on the trunk.
pub(crate) struct ToMerge<'a> {
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
