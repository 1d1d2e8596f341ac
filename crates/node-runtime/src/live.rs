//! The broker of a process, whose streams can change hands: the one place that knows which of the
//! broker's types it is.
//!
//! It is built with the state, which opens nothing, and begins when the process is started; until
//! then memory answers for itself, and Redis does not serve.

mod replica_maker;

use std::sync::{Arc, OnceLock};

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, LiveBroker,
    LiveOptions, MemoryBroker, Notices, Page, PageLimit, ReadError, ReplicaBroker, Watch,
    live::{ReplicaFactory, Resumed, Stage, SwitchError, SwitchLog, SwitchObserver, Target},
};
use event::{After, Ledger, Position, StreamName};

pub(crate) use self::replica_maker::{Adopted, ReplicaMaker, spool};
use crate::{
    ingest::{ChainBroker, Feed},
    settings::Backend,
};

const NOT_STARTED: &str = "the process is starting";

/// The process's broker, once it was started.
pub(crate) struct Live {
    started: OnceLock<Arc<LiveBroker>>,
    /// Who has the logs of threads, which never change hands.
    threads: OnceLock<Arc<dyn Broker>>,
    /// Who has those of chains, which are of this process alone.
    chains: ChainBroker,
    memory: Arc<MemoryBroker>,
    /// Who owns every stream by the settings.
    by_settings: Target,
}

impl Live {
    /// Returns the place of a process's broker.
    pub(crate) fn new(memory: Arc<MemoryBroker>, backend: Backend, feed: Arc<Feed>) -> Self {
        Live {
            started: OnceLock::new(),
            threads: OnceLock::new(),
            chains: ChainBroker::new(feed),
            memory,
            by_settings: target_of(backend),
        }
    }

    /// Starts the broker; what another process left in the midst of a switch is brought to one owner.
    /// To be called once, within a runtime.
    ///
    /// # Errors
    /// Fails where the record of a switch can't be read or written.
    pub(crate) async fn start(
        &self,
        name: Option<&str>,
        replica: Option<ReplicaFactory>,
        log: Arc<dyn SwitchLog>,
        observer: Arc<dyn SwitchObserver>,
    ) -> Result<Resumed, SwitchError> {
        let mut options = LiveOptions::new(Arc::clone(&self.memory), self.by_settings, log);
        (options.replica, options.observer) = (replica, observer);
        if let Some(name) = name {
            name.clone_into(&mut options.name);
        }
        let (broker, resumed) = LiveBroker::start(options).await?;
        self.started.get_or_init(|| broker);
        Ok(resumed)
    }

    /// Leaves the logs of threads to this one; once.
    pub(crate) fn serve_threads(&self, broker: Arc<dyn Broker>) {
        self.threads.get_or_init(|| broker);
    }

    /// Returns the broker, once it was started.
    pub(crate) fn broker(&self) -> Option<&Arc<LiveBroker>> {
        self.started.get()
    }

    /// Returns who owns the streams by the settings.
    pub(crate) fn by_settings(&self) -> Target {
        self.by_settings
    }

    /// Returns who owns the streams now.
    pub(crate) fn owner(&self) -> Target {
        self.broker().map_or(self.by_settings, |live| live.standing().1)
    }

    /// Returns whether some streams may be at one backend and some at the other.
    pub(crate) fn is_mixed(&self) -> bool {
        self.broker().is_some_and(|live| live.standing().0 == Stage::Switching)
    }

    /// Returns whether the folder is to have memory's windows.
    pub(crate) fn keeps_windows(&self) -> bool {
        let needs = |live: &Arc<LiveBroker>| {
            let (stage, owner) = live.standing();
            owner == Target::Memory || stage != Stage::Idle
        };
        self.by_settings == Target::Memory || self.broker().is_some_and(needs)
    }

    /// Returns the replica's broker, where it was started.
    pub(crate) fn replica(&self) -> Option<Arc<ReplicaBroker>> {
        self.broker()?.replica()
    }

    /// Returns how often the connection for commands was made anew.
    pub(crate) fn reconnects(&self) -> u64 {
        self.replica().map_or(0, |replica| replica.connections_made().saturating_sub(1))
    }

    /// Returns how many events wait to be merged.
    pub(crate) fn spool_events(&self) -> u64 {
        self.replica().map_or(0, |replica| replica.spool_events())
    }

    /// Returns how many streams can't be used for what stands under their keys.
    pub(crate) fn streams_unusable(&self) -> usize {
        self.replica().map_or(0, |replica| replica.streams_unusable())
    }

    /// Says what this replica says of itself, and returns what others do.
    pub(crate) async fn leave_note(&self, text: Option<&str>) -> Result<Notices, ReadError> {
        match self.replica() {
            Some(replica) => replica.trunk().leave_note(text).await,
            None => Err(unread()),
        }
    }

    fn serving_of(&self, stream: &StreamName) -> Option<&dyn Broker> {
        match (stream, self.threads.get()) {
            (StreamName::Thread(_), Some(threads)) => Some(&**threads),
            (StreamName::Chain(_), _) => Some(&self.chains),
            _ => self.serving(),
        }
    }

    fn serving(&self) -> Option<&dyn Broker> {
        match (self.broker(), self.by_settings) {
            (Some(live), _) => Some(&**live),
            (None, Target::Memory) => Some(&*self.memory),
            (None, Target::Redis) => None,
        }
    }
}

/// Returns the owner that a setting names.
pub(crate) fn target_of(backend: Backend) -> Target {
    match backend {
        Backend::Memory => Target::Memory,
        Backend::Redis => Target::Redis,
    }
}

fn unread() -> ReadError {
    ReadError::Unavailable { reason: NOT_STARTED.to_owned() }
}

fn unwritten() -> AppendError {
    AppendError::Unavailable { reason: NOT_STARTED.to_owned(), maybe: false }
}

impl Broker for Live {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        match self.serving_of(stream) {
            Some(broker) => broker.append(stream, append),
            None => Box::pin(async { Err(unwritten()) }),
        }
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        match self.serving_of(stream) {
            Some(broker) => broker.page(stream, after, limit),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        match self.serving_of(stream) {
            Some(broker) => broker.head(stream),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        match self.serving_of(stream) {
            Some(broker) => broker.ledger(stream),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        match self.serving_of(stream) {
            Some(broker) => broker.watch(stream),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn health(&self) -> BrokerHealth {
        match self.serving() {
            Some(broker) => broker.health(),
            None => BrokerHealth {
                state: HealthState::Unhealthy,
                reason: Some(NOT_STARTED.to_owned()),
                selected: "redis",
            },
        }
    }
}
