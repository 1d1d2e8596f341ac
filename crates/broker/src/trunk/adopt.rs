//! Going over from a process that kept its logs in memory, and back to one.
//!
//! What a memory backend saved is taken for what this replica knew of the trunk; healing then does
//! the rest: a log that Redis has not is given to it whole, with its places, ids and lineage; one
//! that it has too is merged as a branch from where the two part. Doing it again does no harm. The
//! other way, what is known of the trunk becomes a window that a memory backend can go on from.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use event::{Epoch, ForkKind, MonoMs, StreamName};
use futures_util::{StreamExt, stream};

use super::{
    Core, ReplicaBroker,
    branch::Branch,
    cell::{Cell, Side},
    heal::Refused,
    phase::Phase,
};
use crate::{
    MemoryBroker,
    memory::{keys::Keys, log::Log, state_dir::Mirrors},
    redis::{failure::Failure, run::FleetRun},
};

/// How many streams are looked after at once.
const AT_ONCE: usize = 16;

/// Keys of a log that was kept in memory, which Redis has to know.
pub(super) type Adopted = HashMap<StreamName, Arc<Keys>>;

impl ReplicaBroker {
    /// Waits until everything that was adopted is in Redis, so that its files can go.
    pub async fn until_adopted(&self) {
        // The sender lives as long as the core does.
        let _ = self.core.phase.subscribe().wait_for(|phase| *phase == Phase::Up).await;
    }

    /// Gives a memory backend what this replica knows of the trunk, so that a process without Redis
    /// can go on from it; what Redis has and this replica has not read yet is read first, where it
    /// answers. A log whose latest events may not be known begins lossy behind the highest number
    /// that is. Which of the logs are Redis's is said in `given`, of each before it is given.
    ///
    /// To be called when no append can follow. Branches that are not merged are given as they are.
    ///
    /// # Cancel safety
    /// What was given until then stays given, and is in `given`. This replica's name is not: whoever
    /// goes on does not have all that it knew.
    pub async fn hand_over(&self, memory: &MemoryBroker, given: &mut Mirrors) {
        let cells: Vec<_> = self.core.cells.read().values().cloned().collect();
        let logs = stream::iter(cells).map(|cell| async move { self.core.part_with(&cell).await });
        let mut logs = logs.buffer_unordered(AT_ONCE);
        while let Some(parted) = logs.next().await {
            let Some((stream, log, epoch)) = parted else { continue };
            if let Some(epoch) = epoch {
                given.streams.insert(stream.clone(), epoch);
            }
            memory.take_up(stream, log);
        }
        if !self.core.has_left.load(Ordering::Acquire) {
            given.replicas.push(self.core.name.clone());
            given.replicas.extend(self.core.predecessors.lock().iter().cloned());
        }
    }
}

impl Core {
    /// Takes logs of a memory backend for what was known of the trunk. A mirror whose stream has a
    /// branch in the spool is left out: it is the same branch, under another name.
    pub(super) fn adopt(&self, logs: Vec<(StreamName, Log)>, mirrors: &Mirrors) {
        let mut keys = self.adopted.lock();
        for (stream, log) in logs {
            let Ok(cell) = self.cell(&stream) else { continue };
            let mut side = cell.side.lock();
            match mirrors.streams.get(&stream) {
                Some(_) if side.branch.is_some() => continue,
                Some(epoch) => side.mirror.adopt_mirror(&log, *epoch),
                // A process without Redis went on from the branch: the merge gives Redis its keys.
                None if self.go_on_from(&mut side, &log) => continue,
                None => {
                    side.mirror.adopt(&log);
                    side.is_adopted = true;
                }
            }
            keys.insert(stream, Arc::new(log.parts().keys));
        }
    }

    /// Takes a log in the place of the spooled branch that it went on from, so that its epochs are
    /// the branch's own; returns whether it is such a one.
    fn go_on_from(&self, side: &mut Side, log: &Log) -> bool {
        let Some(branch) = &side.branch else { return false };
        let has_branch = log.lineage().forks().iter().any(|f| f.epoch == branch.saved_as());
        let is_later = log.head().seq >= branch.log().head().seq;
        let (name, epoch) = (branch.saved_as(), self.options.epochs.draw());
        let longer = (has_branch && is_later)
            .then(|| Branch::take_up(log.clone(), name, epoch, ForkKind::Whole));
        let Some(longer) = longer.flatten() else { return false };
        self.count(
            branch.pending(),
            branch.pending_bytes(),
            longer.pending(),
            longer.pending_bytes(),
        );
        side.branch = Some(longer);
        side.has_changed();
        true
    }

    /// Returns a stream's log for whoever goes on without Redis; with its last epoch, where it is
    /// Redis's or a branch.
    async fn part_with(&self, cell: &Cell) -> Option<(StreamName, Log, Option<Epoch>)> {
        if cell.stream == StreamName::Probe {
            return None;
        }
        let is_read = self.phase() == Phase::Up && self.read_to_the_end(cell).await;
        let side = cell.side.lock();
        let log = match &side.branch {
            Some(branch) => Some(branch.log().clone()),
            // Its owner's log is not Redis's yet, which can't have more of it.
            None if side.is_adopted => side.mirror.log_at_end(),
            None => side.mirror.log_to_go_on(is_read, self.options.epochs.draw()),
        };
        let known = match &side.branch {
            Some(branch) => Some(branch.log().lineage().current()),
            None => side.mirror.known().map(|(lineage, _)| lineage.current()),
        };
        Some((cell.stream.clone(), log?, known.filter(|_| !side.is_adopted)))
    }

    /// Reads what Redis has and is not known here; returns whether that was done to the end.
    async fn read_to_the_end(&self, cell: &Cell) -> bool {
        let mut after = cell.side.lock().mirror.end();
        loop {
            let Ok(page) = self.trunk.stretch(&cell.stream, after).await else { return false };
            let known = self.trunk.last_known(&cell.stream);
            let mut side = cell.side.lock();
            if let Some((lineage, head)) = known {
                side.mirror.learn(&lineage, head);
            }
            side.mirror.take_page(&page, self.options.clock.mono(), &self.options.redis.window);
            if !page.has_more() {
                return true;
            }
            if page.next.seq <= after {
                return false;
            }
            after = page.next.seq;
        }
    }

    /// Gives Redis the keys of what was adopted, of the streams that are so; of each log once. One
    /// whose keys can't be used keeps itself alone.
    ///
    /// # Cancel safety
    /// What Redis has not is given to it the next time.
    pub(super) async fn remember_adopted(
        &self,
        run: &FleetRun,
        which: impl Fn(&Side) -> bool,
    ) -> Result<(), Failure> {
        let adopted: Vec<StreamName> = self.adopted.lock().keys().cloned().collect();
        let cells = adopted.iter().filter_map(|stream| self.cell(stream).ok());
        let cells: Vec<_> = cells.filter(|cell| which(&cell.side.lock())).collect();
        let give = |cell: Arc<Cell>| async move { self.give_keys(run, &cell).await };
        self.for_each(cells, &Refused::default(), give).await.map(|_| ())
    }

    /// Gives Redis a stream's adopted keys, where it has not got them yet.
    pub(super) async fn give_keys(&self, run: &FleetRun, cell: &Cell) -> Result<(), Failure> {
        let Some(keys) = self.adopted.lock().get(&cell.stream).cloned() else { return Ok(()) };
        let now = self.options.clock.mono();
        let age = |at: MonoMs| -> Duration { now.since(at) };
        self.trunk.remember_keys(run, &cell.stream, &keys, age).await?;
        self.adopted.lock().remove(&cell.stream);
        cell.side.lock().is_adopted = false;
        Ok(())
    }
}
