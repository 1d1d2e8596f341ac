//! Starting: what another process left in the midst of a switch is brought to one owner first.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

use event::{ForkKind, StreamName};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::{Mutex, RwLock};
use tokio::{sync::watch, task::JoinSet};

use super::{
    Core, LiveBroker, LiveOptions, Map, SWEEP_MIN, SwitchError, SwitchStatus,
    plan::{Plan, Record, Resume, Stage, Target, resume},
    status::Pauses,
};
use crate::{ReplicaBroker, memory::log::Log, trunk::record::BranchRecord};

/// How many streams are looked at once.
const AT_ONCE: usize = 16;

/// What a start found of a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// How many streams go on from what Redis had.
    pub taken: usize,
    /// How many go on from the saved window.
    pub kept: usize,
    /// How many of all may have lost something, which their readers are told.
    pub lossy: usize,
    /// Why Redis could not be asked, where it could not.
    pub unreached: Option<String>,
}

impl LiveBroker {
    /// Starts the broker. Where the settings name memory and the process before may have left events
    /// in Redis, they are read first, for as long as `resume_wait`; what can't be read is told as a
    /// loss. To be called within a runtime, before anything is served.
    ///
    /// # Errors
    /// Fails where the record of a switch can't be read or written, and where the settings name Redis
    /// and it can't be started.
    pub async fn start(options: LiveOptions) -> Result<(Arc<Self>, Resumed), SwitchError> {
        let (owner, at) = (options.owner, options.memory.clock().unix());
        let name = format!("{}.{}", options.name, options.memory.draw_epoch());
        let disk = |error: io::Error| SwitchError::Disk(error.to_string());
        let record = options.log.read().map_err(disk)?;
        let core = Arc::new(Core {
            name,
            replica: Mutex::new(None),
            map: RwLock::new(Map { cells: HashMap::new(), default: owner, sweep_at: SWEEP_MIN }),
            plan: Mutex::new(Plan::at_rest(owner)),
            driving: Arc::default(),
            disk: Arc::default(),
            is_halted: watch::Sender::new(false),
            shadowing: tokio::sync::Mutex::default(),
            waits: AtomicBool::new(false),
            token: AtomicU64::new(0),
            status: watch::Sender::new(SwitchStatus {
                stage: Stage::Idle,
                owner,
                to: owner,
                is_undo: false,
                by: String::new(),
                since: at,
                streams: 0,
                copied: 0,
                moved: 0,
                events: 0,
                bytes: 0,
                pauses: Pauses::default(),
                error: None,
            }),
            moved: Mutex::default(),
            spooled: Mutex::default(),
            is_draining: AtomicBool::new(false),
            options,
        });
        if owner == Target::Memory {
            core.take_up_branches(&core.options.log.read_branches().map_err(disk)?)?;
        }
        let resumed = match (owner, record) {
            (Target::Redis, _) => {
                core.replica_started()?;
                Resumed::default()
            }
            (Target::Memory, Some(record)) if record.redis_may_own => core.resume(record).await?,
            (Target::Memory, _) => Resumed::default(),
        };
        if record.is_some() {
            let at_rest = core.plan.lock().record();
            core.options.log.write(at_rest).map_err(disk)?;
        }
        let mut tasks = JoinSet::new();
        let kept = Arc::clone(&core);
        tasks.spawn(async move { kept.keep_shadows().await });
        Ok((Arc::new(LiveBroker { core, tasks: Mutex::new(tasks) }), resumed))
    }
}

impl Core {
    /// Returns the replica's broker, which begins to connect where it was not needed before.
    pub(super) fn replica_started(&self) -> Result<Arc<ReplicaBroker>, SwitchError> {
        let mut replica = self.replica.lock();
        if let Some(replica) = &*replica {
            return Ok(Arc::clone(replica));
        }
        let factory = self.options.replica.as_ref().ok_or(SwitchError::NoRedis)?;
        let made = factory().map_err(|error| SwitchError::Unreachable(error.to_string()))?;
        Ok(Arc::clone(replica.insert(made)))
    }

    async fn resume(&self, record: Record) -> Result<Resumed, SwitchError> {
        let asked = async {
            let replica = self.reached(self.options.resume_wait).await?;
            self.take_from(&replica, record).await
        };
        let asked = tokio::time::timeout(self.options.resume_wait, asked).await;
        let late = |_| SwitchError::Unreachable("it did not answer in time".to_owned());
        let resumed = match asked.map_err(late).and_then(|asked| asked) {
            Ok(resumed) => resumed,
            Err(error) => self.give_up_redis(&error),
        };
        self.save().await?;
        tracing::info!(?resumed, "a switch that was under way is brought to an end");
        Ok(resumed)
    }

    /// Goes on without what Redis may have; nobody knows what that was.
    fn give_up_redis(&self, error: &SwitchError) -> Resumed {
        let memory = &self.options.memory;
        memory.reckon_with_lost_logs();
        let mut resumed = Resumed { unreached: Some(error.to_string()), ..Resumed::default() };
        for (stream, _) in memory.cells() {
            self.lose(&stream);
            resumed.kept += 1;
            resumed.lossy += 1;
        }
        resumed
    }

    fn lose(&self, stream: &StreamName) {
        let epoch = self.options.memory.draw_epoch();
        self.options.memory.change(stream, |log| log.fork(epoch, ForkKind::Lossy));
    }

    async fn take_from(
        &self,
        replica: &Arc<ReplicaBroker>,
        record: Record,
    ) -> Result<Resumed, SwitchError> {
        let mut streams: Vec<StreamName> =
            self.options.memory.cells().into_iter().map(|(stream, _)| stream).collect();
        streams.extend(replica.trunk().stored_streams().await?);
        streams.retain(|stream| *stream != StreamName::Probe);
        streams.sort();
        streams.dedup();
        let found = stream::iter(streams).map(|stream| async move {
            let found = self.resume_one(replica, record, &stream).await?;
            Ok::<_, SwitchError>((stream, found))
        });
        // Nothing is changed before all is read, so that one failure does not leave it half done.
        let found: Vec<_> = found.buffer_unordered(AT_ONCE).try_collect().await?;
        let mut resumed = Resumed::default();
        for (stream, (found, log)) in found {
            match (found, log) {
                (Resume::Take(kind), Some((log, merged))) => {
                    let epoch = self.options.memory.draw_epoch();
                    self.options.memory.change(&stream, |ours| {
                        *ours = log;
                        ours.fork(epoch, kind);
                    });
                    if !merged.is_empty() {
                        self.cell(&stream)?.side.lock().merged = merged;
                    }
                    resumed.taken += 1;
                    resumed.lossy += usize::from(kind == ForkKind::Lossy);
                }
                (Resume::KeepLossy, _) => {
                    self.lose(&stream);
                    resumed.kept += 1;
                    resumed.lossy += 1;
                }
                _ => resumed.kept += 1,
            }
        }
        Ok(resumed)
    }

    /// Finds out what becomes of a stream, and reads it where it is to be taken from Redis.
    async fn resume_one(
        &self,
        replica: &ReplicaBroker,
        record: Record,
        stream: &StreamName,
    ) -> Result<(Resume, Option<Taken>), SwitchError> {
        let trunk = replica.trunk();
        let theirs = trunk.stored(stream).await?;
        let ours =
            self.options.memory.peek(stream, |log: &Log| (log.lineage().clone(), log.head().seq));
        let merged = match &theirs {
            Some(_) => trunk.merged_branches(stream).await?,
            None => Vec::new(),
        };
        let is_merged = ours.as_ref().is_some_and(|(lineage, head)| {
            let place = lineage.position_at(*head);
            merged.iter().any(|record| matches!(record.place_of(place), Some(Ok(_))))
        });
        let found = resume(
            record,
            ours.as_ref().map(|(lineage, head)| (lineage, *head)),
            theirs.as_ref().map(|state| (&state.lineage, state.head)),
            is_merged,
        );
        let log = match found {
            Resume::Take(_) => {
                let mut log = self.copy_of(replica, stream).await?;
                self.take_keys(replica, stream, &mut log).await?;
                Some((log, merged))
            }
            _ => None,
        };
        Ok((found, log))
    }
}

/// A log that was read from Redis, and the records of its branches.
type Taken = (Log, Vec<BranchRecord>);
