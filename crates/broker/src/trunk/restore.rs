//! Giving back to a Redis that began anew the records that it had closed.
//!
//! The events of a merged branch are healed as any; without its record their cursors would be
//! unknown. A record is given back only where the healed trunk has the place at which its view ends,
//! under the epoch that it had: then it has everything before that in its place. Any other one is
//! forgotten here too.

use std::sync::Arc;

use event::Standing;
use futures_util::{StreamExt, stream};

use super::{Core, cell::Cell, record::BranchRecord};
use crate::redis::failure::Failure;

/// How many streams are looked after at once.
const AT_ONCE: usize = 16;

impl Core {
    /// Gives back the records that are remembered here; once for each run of the server.
    pub(super) async fn restore_records(&self) -> Result<(), Failure> {
        let run = self.trunk.run();
        if *self.restored.lock() == run {
            return Ok(());
        }
        let cells: Vec<Arc<Cell>> = {
            let cells = self.cells.read();
            cells.values().filter(|cell| !cell.side.lock().merged.is_empty()).cloned().collect()
        };
        let restore = |cell: Arc<Cell>| async move { self.restore_records_of(&cell).await };
        let mut restored = stream::iter(cells).map(restore).buffer_unordered(AT_ONCE);
        let mut is_whole = true;
        while let Some(restored) = restored.next().await {
            match restored {
                // It keeps its own records alone, until it can be used.
                Err(failure) if failure.is_of_log => is_whole = false,
                restored => restored?,
            }
        }
        if is_whole {
            *self.restored.lock() = run;
        }
        Ok(())
    }

    async fn restore_records_of(&self, cell: &Cell) -> Result<(), Failure> {
        let state = self.trunk.stored(&cell.stream).await?;
        let kept: Vec<BranchRecord> = {
            let mut side = cell.side.lock();
            side.merged.retain(|merged| {
                state.as_ref().is_some_and(|state| {
                    state.lineage.standing(merged.end, state.head) == Standing::Good
                })
            });
            side.merged.iter().map(|merged| merged.record.clone()).collect()
        };
        match state {
            Some(state) if !kept.is_empty() => {
                self.trunk.restore_records(&cell.stream, &state, &kept).await
            }
            _ => Ok(()),
        }
    }
}
