//! The reverse shadow: while Redis owns the streams after a switch, memory's logs follow, so that
//! going back is a matter of the last few events, and the saved windows are fresh.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::{
    Core,
    cell::Cell,
    plan::{Stage, Target},
};
use crate::ReplicaBroker;

/// How often the logs are brought up to date.
const EVERY: Duration = Duration::from_millis(500);

/// How many streams are followed at once.
const AT_ONCE: usize = 4;

impl Core {
    /// Follows for ever; to be run by one task.
    pub(super) async fn keep_shadows(&self) {
        loop {
            sleep(EVERY).await;
            self.catch_up().await;
        }
    }

    /// Brings memory's logs up to date with what this process knows of Redis's, while they are the
    /// shadow of a switch.
    pub(super) async fn catch_up(&self) {
        let is_on = {
            let plan = self.plan.lock();
            plan.stage() == Stage::Switched && plan.to() == Target::Redis
        };
        if !is_on {
            return;
        }
        let Some(replica) = self.replica.lock().clone() else { return };
        // A switch must not find a log of memory's replaced that has become the owner's.
        let Ok(_alone) = self.shadowing.try_lock() else { return };
        if !replica.is_up() {
            return;
        }
        let cells: Vec<Arc<Cell>> = self.map.read().cells.values().cloned().collect();
        let behind = cells.into_iter().filter(|cell| self.is_behind(&replica, cell));
        stream::iter(behind)
            .for_each_concurrent(AT_ONCE, |cell| {
                let replica = &replica;
                async move {
                    if self.waits.load(Ordering::Acquire) {
                        return;
                    }
                    // What can't be read now is read when the stream comes back.
                    let _ = self.follow_redis(replica, &cell).await;
                }
            })
            .await;
    }

    fn is_behind(&self, replica: &ReplicaBroker, cell: &Cell) -> bool {
        let known = replica.trunk().last_known(&cell.stream);
        let ours = self.options.memory.peek(&cell.stream, |log| log.head().seq);
        cell.owner() == Target::Redis && known.is_some_and(|(_, head)| Some(head) != ours)
    }
}
