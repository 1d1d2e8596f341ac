//! The broker whose streams can change hands while it serves: memory or Redis, and back.
//!
//! Owns: which of the two owns each stream, and the switch. `serve` appends to the owner and reads
//! from it; `plan` has the rules, `drive` carries them out one after the other under the `lease`,
//! `to_redis`, `to_memory` and `alone` move one stream. Must not know HTTP, nor what becomes of the
//! records of its transitions.
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
mod lease;
mod options;
pub(crate) mod plan;
mod progress;
mod serve;
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
};

use event::StreamName;
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{OwnedMutexGuard, oneshot, watch},
    task::JoinSet,
};

use self::cell::Cell;
use self::plan::{Asked, NotSwitched, Plan, Work};
pub use self::{
    error::SwitchError,
    options::{LiveOptions, ReplicaFactory},
    plan::{Ask, Record, Stage, Target},
    start::Resumed,
    status::{Moved, Pauses, SwitchObserver, SwitchStatus, Transition, Unobserved},
    switch_log::{SwitchFile, SwitchLog},
};
use crate::{Broker, ReadError, ReplicaBroker, memory::LOGS_MAX};

/// How many cells there are, at the least, when those that nobody uses are looked for.
const SWEEP_MIN: usize = 1024;

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
}
