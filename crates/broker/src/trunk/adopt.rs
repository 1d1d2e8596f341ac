//! Going over from a process that kept its logs in memory, and back to one.
//!
//! What a memory backend saved is taken for what this replica knew of the trunk; healing then does
//! the rest: a log that Redis has not is given to it whole, with its places, ids and lineage; one
//! that it has too is merged as a branch from where the two part. Doing it again does no harm. The
//! other way, what is known of the trunk becomes a window that a memory backend can go on from.

use std::time::Duration;

use event::{MonoMs, StreamName};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Core, ReplicaBroker, phase::Phase};
use crate::{
    MemoryBroker,
    memory::{keys::Keys, log::Log},
    redis::failure::Failure,
};

/// How many streams are looked after at once.
const AT_ONCE: usize = 16;

/// Keys of a log that was kept in memory, which Redis has to know.
pub(super) type Adopted = Vec<(StreamName, Keys)>;

impl ReplicaBroker {
    /// Waits until everything that was adopted is in Redis, so that its files can go.
    pub async fn until_adopted(&self) {
        // The sender lives as long as the core does.
        let _ = self.core.phase.subscribe().wait_for(|phase| *phase == Phase::Up).await;
    }

    /// Gives a memory backend what this replica knows of the trunk, so that a process without Redis
    /// can go on from it; what Redis has and this replica has not read yet is read first, where it
    /// answers. Returns how many logs it gave.
    ///
    /// To be called when no append can follow. Branches that are not merged are given as they are.
    pub async fn hand_over(&self, memory: &MemoryBroker) -> usize {
        let cells: Vec<_> = self.core.cells.read().values().cloned().collect();
        let logs = stream::iter(cells).map(|cell| async move {
            if cell.stream == StreamName::Probe {
                return None;
            }
            if self.core.phase() == Phase::Up {
                let through = cell.side.lock().mirror.end();
                self.core.refill(&cell, through).await;
            }
            let side = cell.side.lock();
            let log = match &side.branch {
                Some(branch) => Some(branch.log().clone()),
                None => side.mirror.log_at_end(),
            };
            Some((cell.stream.clone(), log?))
        });
        let logs: Vec<_> = logs.buffer_unordered(AT_ONCE).collect().await;
        let given = logs.into_iter().flatten();
        given.map(|(stream, log)| memory.take_up(stream, log)).count()
    }
}

impl Core {
    /// Takes logs of a memory backend for what was known of the trunk.
    pub(super) fn adopt(&self, logs: Vec<(StreamName, Log)>) {
        let mut keys = self.adopted.lock();
        for (stream, log) in logs {
            let Ok(cell) = self.cell(&stream) else { continue };
            let mut side = cell.side.lock();
            side.mirror.adopt(&log);
            side.is_adopted = true;
            keys.push((stream, log.parts().keys));
        }
    }

    /// Gives Redis the keys of what was adopted; once.
    pub(super) async fn remember_adopted(&self) -> Result<(), Failure> {
        let adopted = std::mem::take(&mut *self.adopted.lock());
        let now = self.options.clock.mono();
        let age = |at: MonoMs| -> Duration { now.since(at) };
        let given =
            stream::iter(&adopted).map(Ok).try_for_each_concurrent(AT_ONCE, |(stream, keys)| {
                self.trunk.remember_keys(stream, keys, age)
            });
        let given = given.await;
        match &given {
            Ok(()) => {
                for (stream, _) in &adopted {
                    if let Ok(cell) = self.cell(stream) {
                        cell.side.lock().is_adopted = false;
                    }
                }
            }
            Err(_) => self.adopted.lock().extend(adopted),
        }
        given
    }
}
