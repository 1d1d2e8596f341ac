//! The broker whose streams can change hands while it serves: memory or Redis, and back.
//!
//! Owns: which of the two owns each stream, and the switch. `plan` has the rules, `drive` carries
//! them out one after the other, `to_redis` and `to_memory` move one stream. Must not know HTTP, nor
//! what becomes of the records of its transitions.
//!
//! A stream is held for the moment in which it changes hands: appends wait at its gate, readers stay
//! where they are and are told to read again. Its log forks there, so that every cursor stays good.
//! What is copied beforehand decides how long that takes, and never whether it is right: the last
//! look is always taken behind the gate.
//!
//! Streams without a cell belong to the default owner, which changes last, under the map's lock and
//! once no stream is the old owner's.

mod alone;
mod branches;
mod cell;
mod drive;
mod error;
pub(crate) mod plan;
mod shadow;
mod start;
mod status;
mod switch_log;
mod to_memory;
mod to_redis;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use event::{After, Ledger, Position, StreamName};
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{OwnedMutexGuard, oneshot, watch},
    task::JoinSet,
};

use self::cell::{Cell, Following, Standing};
use self::plan::{Asked, NotSwitched, Plan, Work};
pub use self::{
    error::SwitchError,
    plan::{Ask, Record, Stage, Target},
    start::Resumed,
    status::{Moved, Pauses, SwitchObserver, SwitchStatus, Transition, Unobserved},
    switch_log::{SwitchFile, SwitchLog},
};
use crate::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, MemoryBroker,
    Page, PageLimit, ReadError, Receipt, ReplicaBroker, ReplicaStartError, Watch, memory::LOGS_MAX,
    trunk::view,
};

/// How often cells that nobody uses are looked for, counted in cells.
const SWEEP_MIN: usize = 1024;

/// Starts the replica's broker when it is first needed.
pub type ReplicaFactory =
    Box<dyn Fn() -> Result<Arc<ReplicaBroker>, ReplicaStartError> + Send + Sync>;

/// How a live broker is set up.
pub struct LiveOptions {
    /// The memory backend, with what its folder had.
    pub memory: Arc<MemoryBroker>,
    /// Where Redis is; `None` where none is configured.
    pub replica: Option<ReplicaFactory>,
    /// Who owns every stream by the settings.
    pub owner: Target,
    /// What this process is called where another one's switch is refused for its own.
    pub name: String,
    /// What has to outlive the process.
    pub log: Arc<dyn SwitchLog>,
    /// Who is told of transitions.
    pub observer: Arc<dyn SwitchObserver>,
    /// How long a start waits for a Redis that may have more than the saved windows.
    pub resume_wait: Duration,
    /// How long a switch waits for Redis to be reached, and for appends that are under way.
    pub patience: Duration,
    /// How long appends to a stream wait at most for it to change hands; then they go on where it was.
    pub hold_max: Duration,
    /// How long the lease of a switch lasts that is not renewed.
    pub lease: Duration,
}

impl LiveOptions {
    /// Returns the options of a process whose settings name this owner.
    pub fn new(memory: Arc<MemoryBroker>, owner: Target, log: Arc<dyn SwitchLog>) -> Self {
        LiveOptions {
            memory,
            replica: None,
            owner,
            name: "another".to_owned(),
            log,
            observer: Arc::new(Unobserved),
            resume_wait: Duration::from_secs(5),
            patience: Duration::from_secs(5),
            hold_max: Duration::from_secs(2),
            lease: Duration::from_secs(15),
        }
    }
}

/// The broker whose streams can change hands.
pub struct LiveBroker {
    core: Arc<Core>,
    /// The one switch that is carried out, undos that wait for its end, and the keeper of the shadows;
    /// they end with the broker.
    tasks: Mutex<JoinSet<()>>,
}

struct Core {
    options: LiveOptions,
    /// What this process is called among those that switch: by its options, and drawn, so that no
    /// two have the same.
    name: String,
    replica: Mutex<Option<Arc<ReplicaBroker>>>,
    map: RwLock<Map>,
    plan: Mutex<Plan>,
    driving: Arc<tokio::sync::Mutex<()>>,
    /// Held by what is being written to the disk.
    disk: Arc<tokio::sync::Mutex<()>>,
    /// Whether what is carried out has to end, since it shall be undone.
    is_halted: watch::Sender<bool>,
    /// Held by whoever changes logs of memory that Redis owns: the switch, or the shadow's keeper.
    shadowing: tokio::sync::Mutex<()>,
    /// Whether a switch waits for the shadow's keeper.
    waits: AtomicBool,
    token: AtomicU64,
    status: watch::Sender<SwitchStatus>,
    moved: Mutex<Vec<Moved>>,
    spooled: Mutex<alone::Spooled>,
    is_draining: AtomicBool,
}

struct Map {
    cells: HashMap<StreamName, Arc<Cell>>,
    default: Target,
    sweep_at: usize,
}

impl LiveBroker {
    /// Asks for a change, and returns once it is so.
    ///
    /// # Errors
    /// See [`SwitchError`]; what was done until then stands, and asked again it goes on.
    ///
    /// # Cancel safety
    /// The switch goes on where the future is dropped.
    pub async fn ask(&self, ask: Ask) -> Result<SwitchStatus, SwitchError> {
        self.ask_by(ask, "").await
    }

    /// Asks for a change in somebody's name, as [`LiveBroker::ask`] does; an undo ends a switch that
    /// is being carried out.
    ///
    /// # Errors
    /// See [`LiveBroker::ask`].
    pub async fn ask_by(&self, ask: Ask, by: &str) -> Result<SwitchStatus, SwitchError> {
        let (core, by) = (Arc::clone(&self.core), by.to_owned());
        let (ended, end) = oneshot::channel();
        self.spawn(async move {
            let _ = ended.send(core.carry_out(ask, by).await);
        })?;
        end.await.unwrap_or(Err(SwitchError::Draining))?;
        Ok(self.status())
    }

    /// Begins a task that ends with the broker, unless that drains already.
    fn spawn(&self, asked: impl Future<Output = ()> + Send + 'static) -> Result<(), SwitchError> {
        let mut tasks = self.tasks.lock();
        // Behind the lock: a drain has not taken the tasks yet, and will.
        if self.core.is_draining.load(Ordering::Acquire) {
            return Err(SwitchError::Draining);
        }
        while tasks.try_join_next().is_some() {}
        tasks.spawn(asked);
        Ok(())
    }

    /// Makes this backend the owner of every stream.
    ///
    /// # Errors
    /// See [`LiveBroker::ask`].
    pub async fn cutover(&self, to: Target) -> Result<SwitchStatus, SwitchError> {
        self.ask(Ask::Cutover(to)).await
    }

    /// Makes everything as it was before the switch.
    ///
    /// # Errors
    /// See [`LiveBroker::ask`].
    pub async fn undo(&self) -> Result<SwitchStatus, SwitchError> {
        self.ask(Ask::Undo).await
    }

    /// Ends a switch whose streams have all changed hands, and drops what the owner before has.
    ///
    /// # Errors
    /// See [`LiveBroker::ask`].
    pub async fn finalise(&self) -> Result<SwitchStatus, SwitchError> {
        self.ask(Ask::Finalise).await
    }

    /// Returns how far the switch is.
    pub fn status(&self) -> SwitchStatus {
        self.core.status.borrow().clone()
    }

    /// Returns how far the switch has come, and who owns the streams that nobody has touched.
    pub fn standing(&self) -> (Stage, Target) {
        let status = self.core.status.borrow();
        (status.stage, status.owner)
    }

    /// Returns whether a switch is being carried out, or a try of it.
    pub fn is_driven(&self) -> bool {
        self.core.driving.try_lock().is_err()
    }

    /// Follows how far the switch is.
    pub fn watch_status(&self) -> watch::Receiver<SwitchStatus> {
        self.core.status.subscribe()
    }

    /// Returns who owns a stream.
    pub fn owner_of(&self, stream: &StreamName) -> Target {
        let map = self.core.map.read();
        map.cells.get(stream).map_or(map.default, |cell| cell.owner())
    }

    /// Returns the replica's broker, where it was started.
    pub fn replica(&self) -> Option<Arc<ReplicaBroker>> {
        self.core.replica.lock().clone()
    }

    /// Returns whether another replica was ever seen: undone without Redis, streams may then lack what
    /// that one appended last, and their readers are told.
    pub fn knows_of_others(&self) -> bool {
        self.replica().is_some_and(|replica| replica.has_met_others())
    }

    /// Refuses switches from now on, ends the one that is carried out where it stands, and brings
    /// memory up to date with what Redis has.
    pub async fn drain(&self) {
        self.core.is_draining.store(true, Ordering::Release);
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.core.catch_up().await;
    }
}

impl Core {
    /// Takes in what is asked for, and does it.
    async fn carry_out(self: &Arc<Self>, ask: Ask, by: String) -> Result<(), SwitchError> {
        let _driving = self.turn_for(ask).await?;
        let before = self.plan.lock().stage();
        if self.take_in(ask)? == Asked::Already {
            return Ok(());
        }
        self.status.send_modify(|status| status.by = by);
        if self.plan.lock().next() == Work::Lease {
            self.begin_count();
        }
        self.staged_from(before, false);
        self.drive().await
    }

    /// Waits for nobody, except to undo what is being carried out.
    async fn turn_for(&self, ask: Ask) -> Result<OwnedMutexGuard<()>, SwitchError> {
        if let Ok(driving) = Arc::clone(&self.driving).try_lock_owned() {
            return Ok(driving);
        }
        {
            let plan = self.plan.lock();
            if ask != Ask::Undo || plan.is_undo() {
                return Err(SwitchError::Underway);
            }
            self.is_halted.send_replace(true);
        }
        let driving = Arc::clone(&self.driving).lock_owned().await;
        self.is_halted.send_replace(false);
        Ok(driving)
    }

    /// Takes in an ask as things are.
    fn take_in(&self, ask: Ask) -> Result<Asked, NotSwitched> {
        let map = self.map.read();
        let mut plan = self.plan.lock();
        if map.cells.values().all(|cell| cell.owner() == map.default) {
            // What stands in Redis of one whose answer did not come is a copy that nobody uses.
            plan.settles();
        }
        plan.ask(ask)
    }

    /// Returns the stream's cell, a new one where there is none.
    fn cell(&self, stream: &StreamName) -> Result<Arc<Cell>, ReadError> {
        if let Some(cell) = self.map.read().cells.get(stream) {
            return Ok(Arc::clone(cell));
        }
        let is_idle = self.plan.lock().stage() == Stage::Idle;
        let mut map = self.map.write();
        if map.cells.len() >= map.sweep_at && is_idle {
            let default = map.default;
            map.cells.retain(|_, cell| {
                let is_bare = cell.side.lock().merged.is_empty();
                Arc::strong_count(cell) > 1 || cell.owner() != default || !is_bare
            });
            map.sweep_at = SWEEP_MIN.max(2 * map.cells.len());
        }
        if map.cells.len() >= LOGS_MAX && !map.cells.contains_key(stream) {
            return Err(ReadError::StreamsFull);
        }
        let owner = map.default;
        let cell = map.cells.entry(stream.clone());
        Ok(Arc::clone(cell.or_insert_with(|| Arc::new(Cell::new(stream.clone(), owner)))))
    }

    /// Returns the backend that this is the name of.
    fn backend(&self, owner: Target) -> Result<Arc<dyn Broker>, ReadError> {
        match owner {
            Target::Memory => Ok(Arc::clone(&self.options.memory) as Arc<dyn Broker>),
            Target::Redis => match &*self.replica.lock() {
                Some(replica) => Ok(Arc::clone(replica) as Arc<dyn Broker>),
                None => Err(ReadError::Unavailable { reason: "Redis is not started".to_owned() }),
            },
        }
    }

    async fn watch_owner(&self, cell: &Cell, owner: Target) -> Result<Box<dyn Watch>, ReadError> {
        self.backend(owner)?.watch(&cell.stream).await
    }

    async fn append(&self, stream: &StreamName, append: Append) -> Result<Appended, AppendError> {
        let cell = self.cell(stream).map_err(|_| AppendError::StreamsFull)?;
        let _pass = cell.gate.read().await;
        let unavailable =
            |error: ReadError| AppendError::Unavailable { reason: error.to_string(), maybe: false };
        let owner = self.backend(cell.owner()).map_err(unavailable)?;
        if let Some(used) = self.used_before(&cell, &append) {
            return used.map(Appended::Replayed);
        }
        owner.append(stream, append).await
    }

    /// Returns what an append's key did before a switch, while the replica can't ask Redis.
    fn used_before(
        &self,
        cell: &Cell,
        append: &Append,
    ) -> Option<Result<Vec<Receipt>, AppendError>> {
        let key = append.idempotency.as_ref()?;
        let is_copy = cell.owner() == Target::Redis && cell.side.lock().is_shadow;
        let by_itself = || self.replica.lock().as_ref().is_some_and(|r| r.takes_by_itself());
        if !is_copy || !by_itself() {
            return None;
        }
        let now = self.options.memory.clock().mono();
        self.options.memory.peek(&cell.stream, |log| log.keys().used(key, now)).flatten()
    }

    /// Reads from the owner; where that changed meanwhile, what was read may not be all there is.
    async fn read<T, F>(
        &self,
        stream: &StreamName,
        read: impl Fn(Arc<dyn Broker>, Standing) -> F,
    ) -> Result<T, ReadError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let cell = self.cell(stream)?;
        loop {
            let before = cell.settled().await;
            let answer = read(self.backend(before.owner)?, before).await;
            if cell.standing() == before {
                return answer;
            }
        }
    }

    async fn page(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, ReadError> {
        let read =
            |owner: Arc<dyn Broker>, _| async move { owner.page(stream, after, limit).await };
        let page = self.read(stream, read).await?;
        match after {
            After::At(place) if page.gap.is_some() => {
                Ok(self.page_of_branch(stream, *place, limit).unwrap_or(page))
            }
            _ => Ok(page),
        }
    }

    /// Reads on in memory after a cursor of a branch that was merged while Redis owned the stream.
    fn page_of_branch(
        &self,
        stream: &StreamName,
        place: Position,
        limit: PageLimit,
    ) -> Option<Page> {
        let cell = self.cell(stream).ok().filter(|cell| cell.owner() == Target::Memory)?;
        let side = cell.side.lock();
        let page = self.options.memory.peek(stream, |log| {
            let local = |record| view::local::page(record, log, log.head().seq, place, limit);
            side.merged.iter().find_map(local)
        });
        page.flatten()
    }
}

impl Broker for LiveBroker {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(self.core.append(stream, append))
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
        let read = move |owner: Arc<dyn Broker>, _| async move { owner.head(stream).await };
        Box::pin(self.core.read(stream, read))
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        let read = move |owner: Arc<dyn Broker>, _| async move { owner.ledger(stream).await };
        Box::pin(self.core.read(stream, read))
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            let cell = self.core.cell(stream)?;
            let seen = cell.settled().await;
            let hints = self.core.watch_owner(&cell, seen.owner).await?;
            let following = Following::new(Arc::clone(&self.core), cell, seen, hints);
            Ok(Box::new(following) as Box<dyn Watch>)
        })
    }

    fn health(&self) -> BrokerHealth {
        let status = self.core.status.borrow();
        let memory = self.core.options.memory.health();
        let Some(replica) = self.replica() else { return memory };
        let redis = replica.health();
        let is_mixed = status.stage == Stage::Switching;
        match status.owner {
            Target::Redis => redis,
            Target::Memory if is_mixed && redis.state != HealthState::Healthy => {
                BrokerHealth { selected: "memory", state: HealthState::Degraded, ..redis }
            }
            Target::Memory => memory,
        }
    }
}
