//! Chat as a part of the process: built without opening anything, opened, served, closed.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use broker::{
    IdempotencyKey, MemoryBroker, RedisOptions, ReplicaBroker, ReplicaOptions, ReplicaStartError,
    memory::log::WindowLimits,
};
use node_runtime::{
    Running, Shutdown, State,
    settings::{ChatTransport, DataBackend, IngestMode, RealtimeSettings},
};
use parking_lot::Mutex;
use store::{OpenError, OwnError, QueryError, RENEW_EVERY, Store, StoreOptions, Tenure};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use viz_api::{
    ApiError,
    surface::{Caller, InFlight, SurfaceError, Turn},
};

use crate::{
    chain_sink::ChainSink,
    error::Failure,
    health::Checks,
    log_place::LogPlace,
    order::{Sequencer, SequencerOptions, ThreadBroker, ThreadLog},
    service::Service,
    store_settings::{store_options, store_place},
};

/// How much of a thread's log is kept: what is not in the database yet, and what makes another attempt
/// harmless.
const WINDOW: WindowLimits =
    WindowLimits { events_max: 4096, age_max: Duration::from_secs(25 * 3600) };

/// How often threads that nobody uses are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whether readers still may.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The share of the shutdown's time in which messages under way may still get to the database.
const FINISH_SHARE: f64 = node_runtime::TASKS_SHARE - 0.05;

/// Chat in this process.
#[derive(Clone)]
pub struct Chat {
    pub(crate) state: Arc<State>,
    opened: Arc<OnceLock<Arc<Service>>>,
    /// What keeps the logs, where it is Redis.
    replica: Arc<OnceLock<Arc<ReplicaBroker>>>,
    pub(crate) checks: Arc<Checks>,
    /// The sends with a request's id that are under way here.
    in_flight: Arc<InFlight>,
    /// What renews the place on the database until it is closed: readers are served, and messages
    /// written, to the end of a drain.
    renewing: Arc<Mutex<JoinSet<()>>>,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("is_open", &self.opened.get().is_some())
            .finish_non_exhaustive()
    }
}

impl Chat {
    /// Returns the chat of a process; it opens nothing and starts nothing.
    pub fn new(state: Arc<State>) -> Self {
        let (opened, replica, checks, in_flight, renewing) = Default::default();
        let settings = &state.settings;
        let keeps_rows = settings.data.backend != DataBackend::Memory;
        if keeps_rows && settings.ingest.mode != IngestMode::Off {
            state.add_sink(Arc::new(ChainSink::new(Arc::clone(&opened))));
        }
        Chat { state, opened, replica, checks, in_flight, renewing }
    }

    /// Returns what serves.
    pub(crate) fn service(&self) -> Result<&Arc<Service>, Failure> {
        let starting = || Failure(ApiError::unavailable("the server is starting"));
        self.opened.get().ok_or_else(starting)
    }

    /// Waits for another attempt at a send that is under way here; holds further ones up until it is
    /// dropped.
    pub(crate) async fn turn(
        &self,
        caller: &Caller,
        thread: &str,
        request_id: Option<&str>,
    ) -> Result<Option<Turn>, Failure> {
        let Some(request_id) = request_id else { return Ok(None) };
        let author = caller.name.as_deref().unwrap_or_default();
        // In quotes, so that no two pairs look alike.
        let route = format!("POST /v1/chat/threads/messages/send {thread:?} {author:?}");
        let key = IdempotencyKey::new(&caller.org, &route, request_id, b"");
        Ok(Some(self.in_flight.turn(&key, &self.state.metrics).await?))
    }

    /// Opens the database, and takes over the streams of threads.
    pub(crate) async fn open(&self, running: &Running) -> Result<(), SurfaceError> {
        let settings = &self.state.settings;
        let misled = |what: String| SurfaceError { what, exit_code: 64 };
        let is_shared = settings.realtime.chat_transport == ChatTransport::Redis;
        if is_shared && settings.data.backend != DataBackend::Surreal {
            let what = "CHAT_REALTIME_TRANSPORT=redis needs DATA_BACKEND=surreal: replicas share a log, \
                        and so they must share a database";
            return Err(misled(what.to_owned()));
        }
        let options = store_options(settings).map_err(misled)?;
        let place = store_place(settings);
        let store = open_store(options).await?;
        let log = match self.begin(&store).await {
            Ok(log) => log,
            Err(error) => {
                // So that nobody waits for the place of one that never served.
                store.close().await;
                return Err(error);
            }
        };
        tracing::info!(place, checksum = store::checksum(), "the database is open");
        let sequencer = Sequencer::new(
            log,
            Arc::new(store.chat()),
            Arc::clone(&self.state.clock),
            SequencerOptions::default(),
        );
        self.state.serve_threads(Arc::new(ThreadBroker::new(Arc::clone(&sequencer))));
        let service =
            Arc::new(Service::new(Arc::clone(&self.state), store, Arc::clone(&sequencer)));
        let tasks = running.tasks();
        let within = settings.drain.mul_f64(FINISH_SHARE);
        tasks.spawn("chat-writer", Arc::clone(&sequencer).run(tasks.shutdown(), within));
        tasks.spawn("chat-sweep", sweep(sequencer, tasks.shutdown()));
        tasks.spawn("chat-passes", look(Arc::clone(&service), tasks.shutdown()));
        self.renewing.lock().spawn(keep_place(Arc::clone(&service)));
        self.opened.get_or_init(|| service);
        Ok(())
    }

    /// Takes the place on the database, and starts what keeps the logs.
    async fn begin(&self, store: &Store) -> Result<Arc<dyn ThreadLog>, SurfaceError> {
        self.take_place(store).await?;
        self.log()
    }

    /// Makes sure that whoever else serves the database shares the logs of its threads.
    async fn take_place(&self, store: &Store) -> Result<(), SurfaceError> {
        let realtime = &self.state.settings.realtime;
        let name = node_runtime::replica_name(&realtime.state_dir).map_err(|error| {
            let what = format!("the replica's name can't be kept in the state folder: {error}");
            SurfaceError { what, exit_code: 64 }
        })?;
        let tenure = match realtime.chat_transport {
            ChatTransport::Local => Tenure::Alone,
            ChatTransport::Redis => {
                Tenure::Shared { log: LogPlace::of(&realtime.chat_channel_prefix, None).prefix }
            }
        };
        store.take_place(&name, tenure).await.map_err(|error| {
            let exit_code = match &error {
                OwnError::Query(QueryError::Refused) => 64,
                OwnError::Query(_) | OwnError::Held { .. } | OwnError::Elsewhere { .. } => 69,
            };
            SurfaceError { what: error.to_string(), exit_code }
        })
    }

    /// Returns by what it can be told whether replicas keep their logs in one place.
    pub(crate) fn log_place(&self) -> Option<LogPlace> {
        let prefix = &self.state.settings.realtime.chat_channel_prefix;
        let replica = self.replica.get()?;
        Some(LogPlace::of(prefix, replica.trunk().run_name().as_deref()))
    }

    /// Returns what keeps the logs of threads: this process, or Redis for all replicas.
    fn log(&self) -> Result<Arc<dyn ThreadLog>, SurfaceError> {
        let realtime = &self.state.settings.realtime;
        let clock = Arc::clone(&self.state.clock);
        if realtime.chat_transport == ChatTransport::Local {
            return Ok(Arc::new(MemoryBroker::new(WINDOW, clock)));
        }
        let mut options = log_options(realtime);
        options.replica = self.state.replica().unwrap_or_default().to_owned();
        let mut options = ReplicaOptions::new(options, clock);
        // A number that one replica gave by itself would be another's too.
        options.strict = true;
        // What is in the log below the database's head is there, and not given back a second time.
        options.is_kept_elsewhere = true;
        let misled = |error: ReplicaStartError| SurfaceError {
            what: format!("REDIS_URL can't be used: {error}"),
            exit_code: 64,
        };
        let replica = Arc::new(ReplicaBroker::start(options).map_err(misled)?);
        self.replica.get_or_init(|| Arc::clone(&replica));
        Ok(replica)
    }

    /// Closes the database.
    pub(crate) async fn close(&self) {
        if let Some(replica) = self.replica.get()
            && let Err(error) = replica.drain().await
        {
            tracing::error!(%error, "chat's replica did not end in order");
        }
        let mut renewing = std::mem::take(&mut *self.renewing.lock());
        renewing.shutdown().await;
        if let Some(service) = self.opened.get() {
            service.close().await;
        }
    }
}

/// Returns where the logs of threads are in Redis, by the settings.
pub fn log_options(realtime: &RealtimeSettings) -> RedisOptions {
    let url = realtime.redis_url.as_ref().map_or("", |url| url.expose());
    let mut options = RedisOptions::new(url, WINDOW);
    options.prefix.clone_from(&realtime.chat_channel_prefix);
    options.ca_file.clone_from(&realtime.redis_ca_file);
    options.identity.clone_from(&realtime.redis_identity);
    options.replicas_min = realtime.redis_replicas_min;
    options
}

async fn open_store(options: StoreOptions) -> Result<Store, SurfaceError> {
    Store::open(options).await.map_err(|error| {
        let exit_code = match &error {
            OpenError::Folder { .. } | OpenError::Ledger(_) => 64,
            OpenError::Query(QueryError::Refused) => 64,
            OpenError::Query(_) | OpenError::Locked { .. } => 69,
        };
        SurfaceError { what: error.to_string(), exit_code }
    })
}

async fn sweep(sequencer: Arc<Sequencer>, mut end: Shutdown) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.asked() => return,
            _ = ticks.tick() => sequencer.sweep(),
        }
    }
}

/// Renews the place on the database for ever; where it is lost, every request says so.
async fn keep_place(service: Arc<Service>) {
    let mut ticks = interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_lost = false;
    loop {
        ticks.tick().await;
        // Most of an outage is told by whoever asks for something.
        let is_lost = service.renew_place().await == Err(QueryError::Taken);
        if is_lost && !was_lost {
            tracing::error!(error = %QueryError::Taken, "chat is not served any more");
        }
        was_lost = is_lost;
    }
}

async fn look(service: Arc<Service>, mut end: Shutdown) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.asked() => return,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            () = end.asked() => return,
            () = service.look_at_readers() => {}
        }
    }
}
