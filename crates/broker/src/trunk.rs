//! The replica's broker: the trunk in Redis, and what this replica does while it has lost it.
//!
//! Owns: a [`RedisBroker`], which is the *trunk*; for each stream that this process touches, a
//! *mirror* of what it knows of the trunk; while Redis is lost, a *branch* of each stream that is
//! written or read, kept in the *spool* folder; and the merge of the branches once Redis is back.
//! Strict, it never branches: while Redis is lost nothing is published or read.
//!
//! Where a reader is in a merged branch is told by its place alone (`view`): no replica remembers
//! readers.

mod adopt;
pub(crate) mod branch;
mod cell;
mod heal;
mod losses;
mod members;
mod merge;
pub(crate) mod mirror;
pub(crate) mod moving;
mod options;
pub(crate) mod parting;
mod phase;
mod raising;
pub(crate) mod record;
mod restore;
mod serve;
mod spool;
mod unanswered;
pub(crate) mod view;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use event::{After, Ledger, Position, StreamName};
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

pub use self::options::ReplicaOptions;
use self::{
    branch::Branch,
    cell::Cell,
    heal::{ANNOUNCE_EVERY, Announcing},
    members::Members,
    phase::Phase,
    spool::Spool,
};
use crate::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, Page, PageLimit,
    ReadError, RedisBroker, Watch,
    memory::{LOGS_MAX, log::Log, state_dir::Mirrors},
    redis::{RedisAddressError, run::FleetRun, run::HEALING},
};

/// How often streams that nobody touches are looked through.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// How many times as long as a save takes the next one is waited for, and how long at most.
const SAVE_PAUSES: u32 = 9;
const SAVE_PAUSE_MAX: Duration = Duration::from_secs(5);

/// The broker of a replica: Redis, and this process while Redis is lost.
pub struct ReplicaBroker {
    core: Arc<Core>,
    /// The keeper of the phase, and the saver; they end with the broker.
    _keepers: JoinSet<()>,
}

/// Why a replica's broker can't start.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaStartError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] RedisAddressError),
    /// The spool can't be used.
    #[error("the spool {} can't be used", folder.display())]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

struct Core {
    trunk: RedisBroker,
    options: ReplicaOptions,
    /// What this replica is called among the others.
    name: String,
    /// Whether it ends, and does not say any more that it is there.
    is_leaving: AtomicBool,
    /// Whether Redis was told that it ends.
    has_left: AtomicBool,
    /// What processes were called whose knowledge this one has, and which could not say to Redis
    /// that they end.
    predecessors: Mutex<Vec<String>>,
    /// What was last said of this replica and the others.
    announcing: Mutex<Announcing>,
    /// Told when servers turn out to have forgotten everything while they ran.
    emptied: Notify,
    /// The others that were there, for the process that comes after.
    members: Members,
    phase: watch::Sender<Phase>,
    cells: RwLock<HashMap<StreamName, Arc<Cell>>>,
    spool: Option<Arc<Spool>>,
    /// Branches of streams that have a later one as well, each in a cell of its own that nobody
    /// appends to or reads, in their order: they are merged first.
    older: Mutex<Vec<Arc<Cell>>>,
    spooled_events: AtomicU64,
    spooled_bytes: AtomicU64,
    /// Keys of adopted logs that Redis does not know yet.
    adopted: Mutex<adopt::Adopted>,
    /// Why the branches could not be merged, the last time.
    trouble: Mutex<String>,
    /// The run of the server that was given the records of merged branches.
    restored: Mutex<Option<FleetRun>>,
}

impl ReplicaBroker {
    /// Returns the broker and begins to connect; what an earlier process left in the spool is
    /// served, and merged once Redis is there.
    ///
    /// To be called within a runtime. Blocks on the disk.
    ///
    /// # Errors
    /// Fails on an address that is none, and on a spool that can't be read or written.
    pub fn start(options: ReplicaOptions) -> Result<Self, ReplicaStartError> {
        ReplicaBroker::start_with(options, Vec::new(), Mirrors::default())
    }

    /// Starts the broker in the place of a process that kept these logs in memory; of the mirrors it
    /// knew only what it had read of them in Redis.
    ///
    /// # Errors
    /// See [`ReplicaBroker::start`].
    pub fn start_with(
        options: ReplicaOptions,
        adopted: Vec<(StreamName, Log)>,
        mirrors: Mirrors,
    ) -> Result<Self, ReplicaStartError> {
        let core = Arc::new(Core {
            trunk: RedisBroker::start(options.redis.clone())?,
            name: format!("{}.{}", options.redis.replica, options.epochs.draw()),
            is_leaving: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            predecessors: Mutex::default(),
            announcing: Mutex::default(),
            emptied: Notify::new(),
            members: Members::default(),
            phase: watch::Sender::new(Phase::Healing),
            cells: RwLock::default(),
            spool: None,
            older: Mutex::default(),
            spooled_events: AtomicU64::new(0),
            spooled_bytes: AtomicU64::new(0),
            trouble: Mutex::default(),
            restored: Mutex::default(),
            adopted: Mutex::default(),
            options,
        });
        let core = Core::with_spool(core)?;
        core.adopt(adopted, &mirrors);
        core.predecessors.lock().extend(mirrors.replicas);
        let mut keepers = JoinSet::new();
        core.trunk.guard();
        keepers.spawn({
            let core = Arc::clone(&core);
            async move { core.keep().await }
        });
        keepers.spawn({
            let core = Arc::clone(&core);
            async move { core.look_after().await }
        });
        Ok(ReplicaBroker { core, _keepers: keepers })
    }

    /// Returns the trunk, for what is done to it alone.
    pub fn trunk(&self) -> &RedisBroker {
        &self.core.trunk
    }

    /// Returns how many events wait to be merged.
    pub fn spool_events(&self) -> u64 {
        self.core.spooled_events.load(Ordering::Relaxed)
    }

    /// Returns how many streams can't be used for what stands under their keys in Redis.
    pub fn streams_unusable(&self) -> usize {
        self.core.trunk.unusable().len()
    }

    /// Returns how many connections for commands were made until now.
    pub fn connections_made(&self) -> u64 {
        self.core.trunk.connections_made()
    }

    /// Returns whether Redis is lost, or branches wait to be merged that can be.
    pub fn is_cut_off(&self) -> bool {
        self.core.phase() != Phase::Up
    }

    /// Returns how many branches wait in a spool to be merged into Redis.
    ///
    /// # Errors
    /// Fails where the folder can't be read; one that is missing is empty.
    pub fn spooled(folder: &Path) -> io::Result<usize> {
        spool::branches_in(folder)
    }

    /// Saves what has to outlive the process; only to be called when no append can follow.
    ///
    /// # Errors
    /// Fails where something could not be saved; the next start then reckons with a loss.
    pub async fn drain(&self) -> io::Result<()> {
        self.save().await?;
        self.core.is_leaving.store(true, Ordering::Release);
        // Others need not wait for this one; where Redis is lost they find out by themselves.
        let leaving = self.core.leave();
        let left = tokio::time::timeout(self.core.options.cut_off_after, leaving).await;
        self.core.has_left.store(matches!(left, Ok(Ok(()))), Ordering::Release);
        self.core.mark_clean()
    }

    /// Writes what has changed, as happens by itself again and again.
    ///
    /// # Errors
    /// Fails where something could not be written.
    pub async fn save(&self) -> io::Result<()> {
        let saved = self.core.save_all().await;
        if saved { Ok(()) } else { Err(io::Error::other("a branch is not saved")) }
    }
}

impl Core {
    fn with_spool(mut core: Arc<Core>) -> Result<Arc<Core>, ReplicaStartError> {
        let Some(folder) = core.options.spool.clone() else { return Ok(core) };
        let failed = |source| ReplicaStartError::Spool { folder: folder.clone(), source };
        let spool = Spool::open(&folder).map_err(failed)?;
        let epochs = Arc::clone(&core.options.epochs);
        let found = spool.take_up(&*core.options.clock, &|| epochs.draw()).map_err(failed)?;
        let members = Members::read(&folder).map_err(failed)?;
        if let Some(core) = Arc::get_mut(&mut core) {
            core.members = members;
            core.spool = Some(Arc::new(spool));
        }
        for found in found {
            let (stream, branch) = (found.stream, found.branch);
            tracing::info!(%stream, events = branch.pending(), "a spooled branch is taken up");
            core.count(0, 0, branch.pending(), branch.pending_bytes());
            let cell = core.cell(&stream).ok();
            if let Some(cell) = cell {
                let mut side = cell.side.lock();
                side.mirror.adopt_trunk_of(&branch);
                side.has_changed();
                if let Some(older) = side.branch.replace(branch) {
                    core.older.lock().push(Arc::new(Cell::with_branch(stream, older)));
                }
            }
        }
        Ok(core)
    }

    /// Returns the stream's cell, a new one where there is none.
    fn cell(&self, stream: &StreamName) -> Result<Arc<Cell>, ReadError> {
        if let Some(cell) = self.cells.read().get(stream) {
            return Ok(Arc::clone(cell));
        }
        let mut cells = self.cells.write();
        if cells.len() >= LOGS_MAX && !cells.contains_key(stream) {
            return Err(ReadError::StreamsFull);
        }
        let cell = cells.entry(stream.clone());
        Ok(Arc::clone(cell.or_insert_with(|| Arc::new(Cell::new(stream.clone())))))
    }

    fn cells_with_branches(&self) -> Vec<Arc<Cell>> {
        let cells = self.cells.read();
        cells.values().filter(|cell| cell.side.lock().branch.is_some()).cloned().collect()
    }

    fn older(&self) -> Vec<Arc<Cell>> {
        self.older.lock().clone()
    }

    fn has_branches(&self) -> bool {
        !self.older.lock().is_empty()
            || self.cells.read().values().any(|cell| cell.side.lock().branch.is_some())
    }

    /// Changes what is merged of a stream's branch, and what is counted of it. Nothing of that is in
    /// the folder, which has all of the branch until it is merged.
    fn change_branch<T>(&self, cell: &Cell, change: impl FnOnce(&mut Branch) -> T) -> Option<T> {
        let mut side = cell.side.lock();
        let branch = side.branch.as_mut()?;
        let (events, bytes) = (branch.pending(), branch.pending_bytes());
        let changed = change(branch);
        self.count(events, bytes, branch.pending(), branch.pending_bytes());
        Some(changed)
    }

    fn count(&self, events: usize, bytes: usize, events_now: usize, bytes_now: usize) {
        let add = |count: &AtomicU64, before: usize, now: usize| {
            count.fetch_add(now as u64, Ordering::Relaxed);
            count.fetch_sub(before as u64, Ordering::Relaxed);
        };
        add(&self.spooled_events, events, events_now);
        add(&self.spooled_bytes, bytes, bytes_now);
    }

    /// Saves what has changed, and forgets streams that nobody touches; for ever.
    async fn look_after(self: &Arc<Self>) {
        let [mut since_forgotten, mut since_announced, mut since_looked] = [Duration::ZERO; 3];
        let mut pause = self.options.save_every;
        loop {
            tokio::time::sleep(pause).await;
            since_announced += pause;
            since_forgotten += pause;
            since_looked += pause;
            let began = tokio::time::Instant::now();
            self.save_all().await;
            pause = pause_after(began.elapsed(), self.options.save_every);
            if since_looked >= ANNOUNCE_EVERY {
                since_looked = Duration::ZERO;
                self.trunk.look_at_damaged().await;
            }
            // One that merges has been healed too, and acknowledges on the trunk.
            let is_healed = matches!(self.phase(), Phase::Up | Phase::Back);
            let may_announce = is_healed && !self.is_leaving.load(Ordering::Acquire);
            if since_announced >= ANNOUNCE_EVERY && may_announce {
                since_announced = Duration::ZERO;
                // Another one will do; what was known of the others stays.
                let _ = self.announce_as_healed().await;
                self.keep_members().await;
            }
            if since_forgotten >= FORGET_EVERY {
                since_forgotten = Duration::ZERO;
                self.forget();
            }
        }
    }

    /// Forgets what the limits no longer keep, and the streams of which nothing is left.
    fn forget(&self) {
        let now = self.options.clock.mono();
        self.cells.write().retain(|_, cell| {
            let mut side = cell.side.lock();
            side.mirror.trim(now, &self.options.redis.window);
            // One that somebody holds is in use, or followed.
            side.branch.is_some() || !side.mirror.is_empty() || Arc::strong_count(cell) > 1
        });
    }
}

impl Broker for ReplicaBroker {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(self.core.append(stream, append, None))
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(self.core.page(stream, after, limit))
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(self.core.head(stream))
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(self.core.ledger(stream))
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(self.core.watch(stream))
    }

    fn health(&self) -> BrokerHealth {
        let trunk = self.core.trunk.health();
        if let (Phase::Up, Some(refused)) = (self.core.phase(), self.core.why_refused())
            && trunk.state != HealthState::Unhealthy
        {
            let (state, reason) = (HealthState::Degraded, Some(refused));
            return BrokerHealth { state, reason, selected: "redis" };
        }
        if self.core.options.strict {
            return match self.core.phase() {
                Phase::Up => trunk,
                _ => unhealthy(trunk),
            };
        }
        let why = trunk.reason.clone().unwrap_or_else(|| "the connection broke".to_owned());
        let (reason, selected) = match self.core.phase() {
            Phase::Cut => {
                (format!("Redis is lost, events are kept on this replica: {why}"), "memory")
            }
            Phase::Back => {
                let trouble = self.core.trouble.lock();
                let colon = if trouble.is_empty() { "" } else { ": " };
                let what = "what this replica kept is being merged into Redis";
                (format!("{what}{colon}{trouble}"), "memory")
            }
            Phase::Healing => (HEALING.to_owned(), "redis"),
            Phase::Up if trunk.state == HealthState::Healthy => return trunk,
            Phase::Up => (why, "redis"),
        };
        BrokerHealth { state: HealthState::Degraded, reason: Some(reason), selected }
    }
}

/// Returns how long to wait after a save that took so long: a branch is written whole.
fn pause_after(took: Duration, save_every: Duration) -> Duration {
    (took * SAVE_PAUSES).clamp(save_every, save_every.max(SAVE_PAUSE_MAX))
}

/// A strict replica is not healthy before its logs are known to be whole.
fn unhealthy(trunk: BrokerHealth) -> BrokerHealth {
    let reason = trunk.reason.unwrap_or_else(|| HEALING.to_owned());
    BrokerHealth { state: HealthState::Unhealthy, reason: Some(reason), ..trunk }
}

#[cfg(test)]
mod tests;
