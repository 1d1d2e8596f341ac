//! The Redis backend of a process: the one place that knows which of the broker's types it is.
//!
//! It is built with the state, which opens nothing, and begins when the process is started; until
//! then it answers that it does not serve.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, MemoryBroker,
    Notices, Page, PageLimit, ReadError, RedisOptions, ReplicaBroker, ReplicaOptions,
    ReplicaStartError, Watch,
    memory::{log::Log, state_dir::Mirrors},
};
use event::{After, Clock, Ledger, Position, StreamName};
use tokio::time::timeout;

use crate::{settings::RealtimeSettings, state::window};

const NOT_STARTED: &str = "the process is starting";

/// The Redis backend, once it was started.
#[derive(Default)]
pub(crate) struct RedisBackend {
    started: OnceLock<Arc<ReplicaBroker>>,
}

impl RedisBackend {
    /// Begins to connect; a server that can't be reached is waited for. Logs that a process with the
    /// memory backend left are given to Redis once it is there, except what they mirrored of Redis.
    /// To be called once, within a runtime.
    ///
    /// # Errors
    /// Fails on an address that is none and on a file of certificates that can't be used; the text
    /// never holds the address.
    pub(crate) fn start(
        &self,
        settings: &RealtimeSettings,
        replica: &str,
        clock: &Arc<dyn Clock>,
        adopted: Vec<(StreamName, Log)>,
        mirrors: Mirrors,
    ) -> Result<(), ReplicaStartError> {
        let url = settings.redis_url.as_ref().map_or("", |url| url.expose());
        let mut options = RedisOptions::new(url, window(settings));
        options.replica = replica.to_owned();
        options.ca_file.clone_from(&settings.redis_ca_file);
        options.identity.clone_from(&settings.redis_identity);
        options.replicas_min = settings.redis_replicas_min;
        let mut options = ReplicaOptions::new(options, Arc::clone(clock));
        options.strict = settings.enforce_redis;
        options.spool = Some(spool(settings));
        let broker = Arc::new(ReplicaBroker::start_with(options, adopted, mirrors)?);
        self.started.get_or_init(|| broker);
        Ok(())
    }

    /// Returns how often the connection for commands was made anew.
    pub(crate) fn reconnects(&self) -> u64 {
        self.started.get().map_or(0, |broker| broker.connections_made().saturating_sub(1))
    }

    /// Returns how many events wait to be merged.
    pub(crate) fn spool_events(&self) -> u64 {
        self.started.get().map_or(0, |broker| broker.spool_events())
    }

    /// Waits until Redis has what was adopted.
    pub(crate) async fn until_adopted(&self) {
        if let Some(broker) = self.started.get() {
            broker.until_adopted().await;
        }
    }

    /// Saves what waits to be merged, once nothing can be appended any more; returns whether that was
    /// done.
    pub(crate) async fn drain(&self) -> bool {
        let Some(broker) = self.started.get() else { return true };
        let drained = broker.drain().await;
        drained.inspect_err(|error| tracing::error!(%error, "the spool was not saved")).is_ok()
    }

    /// Gives a memory backend what is known of Redis's logs, and says which those are; returns whether
    /// there was time for all.
    pub(crate) async fn hand_over(
        &self,
        memory: &MemoryBroker,
        given: &mut Mirrors,
        within: Duration,
    ) -> bool {
        let Some(broker) = self.started.get() else { return true };
        timeout(within, broker.hand_over(memory, given)).await.is_ok()
    }

    /// Says what this replica says of itself, and returns what others do.
    pub(crate) async fn leave_note(&self, text: Option<&str>) -> Result<Notices, ReadError> {
        match self.started.get() {
            Some(broker) => broker.trunk().leave_note(text).await,
            None => Err(unread()),
        }
    }
}

/// Returns the folder where branches wait to be merged.
pub(crate) fn spool(settings: &RealtimeSettings) -> PathBuf {
    settings.state_dir.join("spool")
}

fn unread() -> ReadError {
    ReadError::Unavailable { reason: NOT_STARTED.to_owned() }
}

fn unwritten() -> AppendError {
    AppendError::Unavailable { reason: NOT_STARTED.to_owned(), maybe: false }
}

impl Broker for RedisBackend {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        match self.started.get() {
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
        match self.started.get() {
            Some(broker) => broker.page(stream, after, limit),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        match self.started.get() {
            Some(broker) => broker.head(stream),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        match self.started.get() {
            Some(broker) => broker.ledger(stream),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        match self.started.get() {
            Some(broker) => broker.watch(stream),
            None => Box::pin(async { Err(unread()) }),
        }
    }

    fn health(&self) -> BrokerHealth {
        match self.started.get() {
            Some(broker) => broker.health(),
            None => BrokerHealth {
                state: HealthState::Unhealthy,
                reason: Some(NOT_STARTED.to_owned()),
                selected: "redis",
            },
        }
    }
}
