//! Undoing a switch to Redis while that is lost, or takes no writes: each stream goes on in memory
//! from what this process knows of it.
//!
//! That is all of it where no other replica was ever seen: every append of this process is known here
//! before it is acknowledged, by the replica's mirror or its branch, and memory's log has followed up
//! to shortly before. Where there were others, what they appended last may not be known; then the log
//! goes on under a lossy epoch, and readers who cross that are told.

use std::sync::Arc;

use event::{Epoch, ForkKind, StreamName};
use tokio::time::{Instant, timeout};

use super::{
    Core, Moved, SwitchError,
    cell::Cell,
    drive::{PASSES_MAX, streams_begin_faster},
    plan::{Target, grew_out_of},
};
use crate::{ReplicaBroker, memory::log::Log, trunk::moving::Parted};

/// Branches that are in memory now, and whose files go once memory is saved.
pub(super) type Spooled = Vec<(StreamName, Epoch)>;

impl Core {
    /// Returns whether what is under way can be done without Redis.
    pub(super) fn goes_back(&self) -> bool {
        let plan = self.plan.lock();
        plan.is_undo() && plan.to() == Target::Memory
    }

    /// Returns whether the way back goes on without Redis after an error.
    pub(super) fn goes_back_alone(&self, error: &SwitchError) -> bool {
        let is_lost = || self.replica.lock().as_ref().is_some_and(|replica| replica.is_lost());
        self.goes_back()
            && match error {
                SwitchError::Unreachable(_) => is_lost(),
                SwitchError::Full(_) | SwitchError::ReadOnly(_) => true,
                _ => false,
            }
    }

    /// Takes every stream into memory that Redis owns; then the rest is memory's.
    pub(super) async fn move_all_alone(&self) -> Result<(), SwitchError> {
        let Some(replica) = self.replica.lock().clone() else { return Err(SwitchError::NoRedis) };
        tracing::warn!("Redis can't be asked; the streams go on from what is known of them here");
        if replica.has_met_others() {
            self.options.memory.reckon_with_lost_logs();
        }
        for _ in 0..PASSES_MAX {
            for stream in replica.touched() {
                self.cell(&stream)?;
            }
            for cell in self.elsewhere(Target::Memory) {
                self.take_what_is_known(&replica, &cell).await?;
            }
            if self.all_are(Target::Memory) {
                return Ok(());
            }
        }
        Err(streams_begin_faster())
    }

    async fn take_what_is_known(
        &self,
        replica: &Arc<ReplicaBroker>,
        cell: &Cell,
    ) -> Result<(), SwitchError> {
        let began = Instant::now();
        let busy = || SwitchError::Busy(cell.stream.to_string());
        let held = timeout(self.options.patience, cell.gate.write()).await;
        let _held = held.map_err(|_| busy())?;
        if cell.owner() == Target::Memory {
            return Ok(());
        }
        let _leaving = cell.leave();
        // It can still be read where it only takes no writes.
        if replica.is_up() {
            let _ = timeout(self.options.hold_max, self.follow_redis(replica, cell)).await;
        }
        let parted = timeout(self.options.hold_max, replica.part_with(&cell.stream)).await;
        let Parted { log, merged, spooled } = parted.map_err(|_| busy())??;
        let memory = &self.options.memory;
        // What is known says by itself where it may lack something.
        let (had_log, met_others) = (log.is_some(), replica.has_met_others());
        let is_copy = cell.side.lock().is_shadow;
        let before = memory.peek(&cell.stream, Log::ledger);
        let epoch = memory.draw_epoch();
        let after = memory.change(&cell.stream, |ours| {
            let is_known = go_on(ours, log, is_copy) && (had_log || !met_others);
            ours.fork(epoch, if is_known { ForkKind::Whole } else { ForkKind::Lossy });
            ours.ledger()
        });
        let after = after.ok_or(SwitchError::StreamsFull)?;
        let mut side = cell.side.lock();
        (side.copy, side.is_shadow, side.merged) = (None, false, merged);
        drop(side);
        self.spooled.lock().extend(spooled.map(|name| (cell.stream.clone(), name)));
        cell.give(Target::Memory);
        let before = before.unwrap_or_else(|| after.clone());
        let (stream, pause) = (cell.stream.clone(), began.elapsed());
        self.count_moved(Moved { stream, before, after, pause });
        Ok(())
    }

    /// Removes what the spool has of streams that memory has saved.
    pub(super) async fn forget_spooled(&self) {
        let spooled = std::mem::take(&mut *self.spooled.lock());
        let replica = self.replica.lock().clone();
        if let (Some(replica), false) = (replica, spooled.is_empty()) {
            replica.forget_spooled(&spooled).await;
        }
    }
}

/// Lets memory's log go on from what is known of Redis's; `is_copy` where it followed that. Returns
/// whether that is all that was ever known.
fn go_on(ours: &mut Log, known: Option<Log>, is_copy: bool) -> bool {
    let Some(known) = known else { return is_copy };
    if is_copy {
        let (ahead, behind) =
            ((ours.lineage(), ours.head().seq), (known.lineage(), known.head().seq));
        // It followed further than the replica remembers, or the replica knows the rest.
        if grew_out_of(ahead, behind) || ours.grow_into(&known) {
            return true;
        }
    }
    let keys = ours.keys().clone();
    *ours = known;
    ours.join_keys(&keys);
    true
}
