//! What every part of the process can reach. Building it opens nothing and starts nothing.

use std::{
    fmt,
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Instant,
};

use broker::{Broker, MemoryBroker, SystemClock, memory::log::WindowLimits};
use delivery::Delivery;
use event::{Clock, OrgId};
use journal::Journal;
use tokio::sync::watch;

use crate::{
    Metrics, Phase, Scopes, Settings,
    evidence::Evidence,
    health::Prober,
    ingest::{Feed, Simulations, Wanted},
    live::Live,
    peers::Findings,
    settings::{ApiKey, RealtimeSettings},
    soak::Soaking,
};

/// The organisation of a server that was given no credentials.
const DEFAULT_ORG: &str = "org_default";

/// The state of a process.
pub struct State {
    /// The settings.
    pub settings: Settings,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The log.
    pub broker: Arc<dyn Broker>,
    /// What is counted.
    pub metrics: Metrics,
    /// The same log, as the one whose streams can change hands.
    pub(crate) live: Arc<Live>,
    /// What is known of chains.
    pub(crate) feed: Arc<Feed>,
    /// The memory backend: it owns the streams, or is empty, or follows those that it owned.
    pub(crate) memory: Arc<MemoryBroker>,
    /// What a switch has done.
    pub(crate) evidence: Arc<Evidence>,
    /// Whether the switch is finalised by itself.
    pub(crate) soaking: Soaking,
    /// Whether the folder may have windows of a switch.
    pub(crate) has_windows: AtomicBool,
    pub(crate) replica: OnceLock<String>,
    pub(crate) peers: parking_lot::Mutex<Findings>,
    pub(crate) delivery: OnceLock<Delivery>,
    pub(crate) local_key: OnceLock<ApiKey>,
    pub(crate) prober: Prober,
    /// The log of chains, once it was opened.
    pub(crate) journal: OnceLock<Arc<Journal>>,
    /// What transactions of chains would do, once chains are followed at nodes.
    pub(crate) simulations: OnceLock<Arc<Simulations>>,
    /// Where their records go behind it, until it is opened.
    pub(crate) sinks: parking_lot::Mutex<Vec<Wanted>>,
    phase: watch::Sender<Phase>,
    began: Instant,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

impl Default for State {
    /// Returns the state of a server that was given no settings.
    fn default() -> Self {
        State::new(Settings::default())
    }
}

impl State {
    /// Returns the state that these settings describe; nothing runs yet.
    pub fn new(settings: Settings) -> Self {
        State::with_clock(settings, Arc::new(SystemClock::new()))
    }

    /// Returns the state with another clock.
    pub fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let limits = window(&settings.realtime);
        let memory = Arc::new(MemoryBroker::new(limits, Arc::clone(&clock)));
        let feed = Arc::new(Feed::default());
        let backend = settings.realtime.backend;
        let live = Arc::new(Live::new(Arc::clone(&memory), backend, Arc::clone(&feed)));
        State {
            broker: Arc::clone(&live) as Arc<dyn Broker>,
            live,
            feed,
            memory,
            evidence: Arc::default(),
            soaking: Soaking::default(),
            has_windows: AtomicBool::new(false),
            replica: OnceLock::new(),
            peers: parking_lot::Mutex::default(),
            metrics: Metrics::for_settings(&settings),
            journal: OnceLock::new(),
            simulations: OnceLock::new(),
            sinks: parking_lot::Mutex::default(),
            settings,
            clock,
            delivery: OnceLock::new(),
            local_key: OnceLock::new(),
            prober: Prober::default(),
            phase: watch::Sender::new(Phase::Starting),
            began: Instant::now(),
        }
    }

    /// Returns where the process is in its life.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns a view of the phase that can be waited on.
    pub fn watch_phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let forward = phase > *current;
            if forward {
                *current = phase;
            }
            forward
        });
        tracing::info!(phase = %phase.as_str(), "lifecycle");
    }

    /// Leaves the logs of threads to a broker of their own; once, before anybody is served.
    pub fn serve_threads(&self, broker: Arc<dyn Broker>) {
        self.live.serve_threads(broker);
    }

    /// Returns what is known of chains.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Returns what transactions of chains would do; `None` where no chain is followed at nodes.
    pub fn simulations(&self) -> Option<&Arc<Simulations>> {
        self.simulations.get()
    }

    /// Returns delivery, once it was started.
    pub fn delivery(&self) -> Option<&Delivery> {
        self.delivery.get()
    }

    /// Returns the key that a server has of its own, where it was given no credentials.
    pub fn local_key(&self) -> Option<&ApiKey> {
        self.local_key.get()
    }

    /// Returns what this process is called among the replicas, where there can be several.
    pub fn replica(&self) -> Option<&str> {
        self.replica.get().map(String::as_str)
    }

    /// Writes all metrics as Prometheus text.
    pub fn metrics_text(&self) -> String {
        let journal = self.journal.get().map(|journal| &**journal);
        self.metrics.ingest.take(&self.feed, journal, self.clock.unix().0);
        self.metrics.text(&self.live)
    }

    /// Returns how long ago the state was built.
    pub fn uptime(&self) -> std::time::Duration {
        self.began.elapsed()
    }
}

/// Returns the key of a server that was given no credentials: all scopes of the default tenant.
pub(crate) fn local_api_key(key: &str) -> ApiKey {
    let org: OrgId = DEFAULT_ORG.parse().expect("a constant in the grammar");
    // With a name, so that chat can be tried at once.
    ApiKey { author: Some("local".into()), ..ApiKey::new(org, key, Scopes::all()) }
}

pub(crate) fn window(settings: &RealtimeSettings) -> WindowLimits {
    WindowLimits { events_max: settings.replay_events_max, age_max: settings.replay_window }
}
