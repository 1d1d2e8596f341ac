//! Giving back to a Redis that came back empty or old what this replica still has.
//!
//! Whenever the server is another run than the one that was served last, no log is used before
//! every replica that was there has offered what it knows (`BASE:heal`), or has had its time. Then
//! the logs are settled: with the same places and ids where nothing is missing. What nobody holds
//! is a lossy fork, which readers are told of. What comes too late for that, and what another
//! backend left of a log that Redis has too, is merged as a branch from the place where they part.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use super::{Core, cell::Cell, mirror::Mirror, parting::parting, phase::Phase};
use crate::redis::{
    failure::Failure,
    healing::{Offer, Who},
};

/// How often a replica says that it is there.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_secs(3);

/// How long ago a replica may have said so and still count.
const ALIVE: Duration = Duration::from_secs(15);

/// How many logs are offered at once.
const AT_ONCE: usize = 32;

/// How often those are looked for that have not offered yet.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a log in Redis is to the one that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// It has all of it.
    Whole,
    /// It has not, or not yet, and was offered the rest.
    Offered,
    /// It is another history.
    Other,
}

impl Core {
    /// Heals the logs of a server that may have begun anew, and lets them be used.
    pub(super) async fn heal(&self, run: Arc<str>) -> Result<(), Failure> {
        let cells: Vec<Arc<Cell>> = self.cells.read().values().cloned().collect();
        let offers = stream::iter(cells).map(|cell| async move {
            let stored = self.offer(&cell).await?;
            Ok::<_, Failure>((cell, stored))
        });
        let mut lacking: Vec<_> = offers.buffer_unordered(AT_ONCE).try_collect().await?;
        let who = self.wait_for_peers(&run).await?;
        if who == Who::Everybody {
            // Where one is missing, it may have had more of any log than is known here.
            lacking.retain(|(_, stored)| *stored != Stored::Whole);
        }
        let settling = stream::iter(lacking.clone()).map(|(cell, stored)| async move {
            let who = if cell.side.lock().is_adopted { Who::ItsOwner } else { who };
            match stored {
                Stored::Offered => self.trunk.settle_log(&cell.stream, who).await,
                Stored::Whole => self.settle_as_known(&cell, who).await,
                Stored::Other => Ok(()),
            }
        });
        settling.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        self.trunk.clear(run);
        let late = stream::iter(lacking);
        let late = late.map(|(cell, _)| async move { self.merge_tail(&cell).await });
        late.buffer_unordered(AT_ONCE).try_collect::<()>().await
    }

    /// Offers what is known here and the log does not have.
    async fn offer(&self, cell: &Cell) -> Result<Stored, Failure> {
        if cell.side.lock().mirror.known().is_none() {
            return Ok(Stored::Whole);
        }
        let stored = self.trunk.stored(&cell.stream).await?;
        let (lineage, head, events) = {
            let side = cell.side.lock();
            let Some((lineage, head)) = side.mirror.known() else { return Ok(Stored::Whole) };
            let after = match &stored {
                None => event::Seq::ZERO,
                Some(state) => match parting((&state.lineage, state.head), (lineage, head)) {
                    None => return Ok(Stored::Whole),
                    // A log that this one did not grow out of is not to be mixed with it.
                    Some(shared) if shared < state.head => return Ok(Stored::Other),
                    Some(_) => state.head,
                },
            };
            let events = side.mirror.after(after).map(|kept| Arc::clone(&kept.event)).collect();
            (lineage.clone(), head, events)
        };
        let offer = Offer { lineage: &lineage, head, events };
        self.trunk.offer(&cell.stream, &offer).await.map(|()| Stored::Offered)
    }

    /// Settles a log that has all that is known here.
    async fn settle_as_known(&self, cell: &Cell, who: Who) -> Result<(), Failure> {
        let known = {
            let side = cell.side.lock();
            side.mirror.known().map(|(lineage, head)| (lineage.clone(), head))
        };
        let Some((lineage, head)) = known else { return Ok(()) };
        let offer = Offer { lineage: &lineage, head, events: Vec::new() };
        self.trunk.offer(&cell.stream, &offer).await?;
        self.trunk.settle_log(&cell.stream, who).await
    }

    /// Makes what is known here beyond the last place that the trunk shares with it a branch of the
    /// stream, or a part of the one that it has; it is merged with the others.
    async fn merge_tail(&self, cell: &Cell) -> Result<(), Failure> {
        let Some(state) = self.trunk.stored(&cell.stream).await? else { return Ok(()) };
        let mut side = cell.side.lock();
        let Some((lineage, head)) = side.mirror.known() else { return Ok(()) };
        let parts = parting((&state.lineage, state.head), (lineage, head));
        let Some(shared) = parts else { return Ok(()) };
        // What is older than its lineage remembers the trunk may well have had.
        let shared = shared.max(state.lineage.forks()[0].after);
        tracing::info!(stream = %cell.stream, after = %shared, "what Redis has not is merged");
        let tail: Vec<_> = side.mirror.after(shared).map(|k| Arc::clone(&k.event)).collect();
        let now = self.options.clock.mono();
        let base = |mirror: &Mirror| mirror.base_of_tail(cell.is_followed(), now);
        let branch = self.branch_from(cell, &mut side, base);
        let (events, bytes) = (branch.pending(), branch.pending_bytes());
        branch.stand_on(&state.lineage, state.head, &state.run);
        branch.add_tail(&tail, now, &self.options.redis.window);
        self.count(events, bytes, branch.pending(), branch.pending_bytes());
        cell.grew(branch.log().head().seq);
        side.is_dirty = true;
        Ok(())
    }

    /// Waits until every replica that was there has offered.
    async fn wait_for_peers(&self, run: &str) -> Result<Who, Failure> {
        let deadline = Instant::now() + self.options.heal_grace;
        let mut expected: HashSet<String> = self.peers.lock().clone();
        expected.extend(self.announce().await?);
        loop {
            let done = self.trunk.healed(run, &self.name).await?;
            let missing = expected.iter().filter(|peer| !done.contains(peer)).count();
            if missing == 0 {
                return Ok(Who::Everybody);
            }
            if Instant::now() >= deadline {
                tracing::warn!(missing, "replicas did not say in time what they have");
                return Ok(Who::Some);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Says that this replica is there, and remembers the others that are.
    pub(super) async fn announce(&self) -> Result<HashSet<String>, Failure> {
        // One that ends must not be waited for.
        let is_leaving = self.is_leaving.load(Ordering::Acquire);
        let here = if is_leaving { "" } else { &self.name };
        let replicas = self.trunk.announce(here, "").await?;
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
