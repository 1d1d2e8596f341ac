//! Giving back to a Redis that came back empty or old what this replica still has.
//!
//! Whenever the server is another run than the one that was served last, no log is used before
//! every replica that was there has offered what it knows (`BASE:heal`), or has had its time. Then
//! the logs are settled: with the same places and ids where nothing is missing. What nobody holds
//! is a lossy fork, which readers are told of.

use std::{collections::HashSet, sync::Arc, time::Duration};

use event::Standing;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use super::{Core, cell::Cell, phase::Phase};
use crate::redis::{failure::Failure, healing::Offer};

/// How often a replica says that it is there.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_secs(3);

/// How long ago a replica may have said so and still count.
const ALIVE: Duration = Duration::from_secs(15);

/// How many logs are offered at once.
const AT_ONCE: usize = 32;

/// How often those are looked for that have not offered yet.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Core {
    /// Heals the logs of a server that may have begun anew, and lets them be used.
    pub(super) async fn heal(&self, run: Arc<str>) -> Result<(), Failure> {
        let cells: Vec<Arc<Cell>> = self.cells.read().values().cloned().collect();
        let offers = stream::iter(cells).map(|cell| async move {
            let offered = self.offer(&cell).await?;
            Ok::<_, Failure>(offered.then_some(cell))
        });
        let offered: Vec<_> = offers.buffer_unordered(AT_ONCE).try_collect().await?;
        let everybody = self.wait_for_peers(&run).await?;
        let offered = stream::iter(offered.into_iter().flatten());
        let settling =
            offered.map(|cell| async move { self.trunk.settle_log(&cell.stream, everybody).await });
        settling.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        self.trunk.clear(run);
        Ok(())
    }

    /// Offers what is known here and the log does not have; returns whether that is anything.
    async fn offer(&self, cell: &Cell) -> Result<bool, Failure> {
        if cell.side.lock().mirror.known().is_none() {
            return Ok(false);
        }
        let stored = self.trunk.stored(&cell.stream).await?;
        let (lineage, head, events) = {
            let side = cell.side.lock();
            let Some((lineage, head)) = side.mirror.known() else { return Ok(false) };
            let after = match &stored {
                None => event::Seq::ZERO,
                // A log that this one did not grow out of is not to be mixed with it.
                Some(state) if lineage.standing(state.place(), head) != Standing::Good => {
                    return Ok(false);
                }
                Some(state) if state.head >= head => return Ok(false),
                Some(state) => state.head,
            };
            let events = side.mirror.after(after).map(|kept| Arc::clone(&kept.event)).collect();
            (lineage.clone(), head, events)
        };
        let offer = Offer { lineage: &lineage, head, events };
        self.trunk.offer(&cell.stream, &offer).await.map(|()| true)
    }

    /// Waits until every replica that was there has offered; returns whether all have.
    async fn wait_for_peers(&self, run: &str) -> Result<bool, Failure> {
        let deadline = Instant::now() + self.options.heal_grace;
        let mut expected: HashSet<String> = self.peers.lock().clone();
        expected.extend(self.announce().await?);
        loop {
            let done = self.trunk.healed(run, &self.name).await?;
            if expected.iter().all(|peer| done.contains(peer)) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                let missing = expected.iter().filter(|peer| !done.contains(peer)).count();
                tracing::warn!(missing, "replicas did not say in time what they have");
                return Ok(false);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Says that this replica is there, and remembers the others that are.
    pub(super) async fn announce(&self) -> Result<HashSet<String>, Failure> {
        let replicas = self.trunk.announce(&self.name, "").await?;
        if let (Phase::Up, Some(run)) = (self.phase(), self.trunk.run()) {
            // So that one that comes later need not wait for this one.
            self.trunk.healed(&run, &self.name).await?;
        }
        let alive = replicas.into_iter().filter(|(name, ago)| *name != self.name && *ago <= ALIVE);
        let alive: HashSet<_> = alive.map(|(name, _)| name).collect();
        self.peers.lock().clone_from(&alive);
        Ok(alive)
    }
}
