//! The life of the feed of chains: the log is opened and read, its tasks begin, and end in the order
//! in which things flow, so that nothing that was taken is lost.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use chain::{ChainKey, ChainState, StateLimits};
use event::Epoch;
use journal::{Journal, Options, Seq, SinkOptions};
use projection::ChainView;
use tokio::sync::mpsc;

use super::{
    analyse::{Analyst, Found},
    decide::{Decider, Known, Observation, WhenFull},
    foresee::{self, Foreseer},
    log_name::{self, Opened},
    metrics::Written,
    recover::{Recovered, recover},
    seek::{self, Known as Sought, Seeker},
    serve::Shower,
    simulate::Simulations,
    sinks,
    source::{Beginning, SourceError, Sources},
};
use crate::{
    State, Tasks,
    settings::{AnalysisSettings, IngestMode, IngestSettings},
};

/// Observations that wait to be decided on.
const OBSERVED_MAX: usize = 4_096;

/// Groups of findings that wait to be kept.
const FOUND_MAX: usize = 16;

/// The name of the log's folder.
const FOLDER: &str = "journal";

/// Records that are kept beyond those that are held: what is needed of the canonical blocks.
const RETAINED_BEYOND: u64 = 1_250_000;

/// Why chains can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The log can't be opened.
    #[error("the log of chains can't be opened")]
    Journal(#[from] journal::OpenError),
    /// It can't be read.
    #[error("the log of chains can't be read")]
    Read(#[from] journal::TailError),
    /// Its name can't be kept.
    #[error("the name of the log of chains can't be kept in {}", path.display())]
    Epoch {
        /// The log's folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The feed can't be replayed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The system gives no thread for what is computed.
    #[error("the system gives no thread for the analysis of chains")]
    Thread(#[source] io::Error),
    /// A sink can't be fed.
    #[error("a sink can't be fed")]
    Sink(#[from] journal::AttachError),
    /// The ClickHouse server that the settings name can't be used.
    #[error("VIZ_API_CLICKHOUSE_URL can't be used")]
    ClickHouse(#[from] journal::ClickHouseError),
}

impl IngestError {
    /// Returns the exit code: 64 for what has to be changed, 69 for what is not to be had.
    pub fn exit_code(&self) -> u8 {
        match self {
            IngestError::Journal(journal::OpenError::InUse { .. }) => 69,
            _ => 64,
        }
    }
}

/// The feed of chains, running.
pub(crate) struct Ingest {
    journal: Arc<Journal>,
    /// Those who observe.
    sources: Tasks,
    /// The one who decides.
    deciding: Tasks,
    /// The one who shows.
    showing: Tasks,
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// The shares of the time for ending that the parts may take.
const SOURCES_SHARE: f64 = 0.2;
const DECIDING_SHARE: f64 = 0.1;
const JOURNAL_SHARE: f64 = 0.5;
const SHOWING_SHARE: f64 = 0.2;

impl Ingest {
    /// Opens the log, takes up what it knows, and begins to follow the chains of the settings; none
    /// where they name none.
    ///
    /// # Errors
    /// Fails where the log or the feed can't be used; nothing keeps running then.
    pub(crate) async fn start(state: &Arc<State>) -> Result<Option<Ingest>, IngestError> {
        let settings = &state.settings.ingest;
        let Some(sources) = Sources::of(&settings.mode)? else { return Ok(None) };
        let wanted = state.take_sinks();
        let (journal, opened) = Journal::open(options(state, settings, sinks::names(&wanted)))?;
        let journal = Arc::new(journal);
        state.journal.get_or_init(|| Arc::clone(&journal));
        tell_opened(&opened);
        state.metrics.ingest.damaged(damaged_records(&opened));
        let followed = sources.chains();
        let held = projection::Limits { events_max: settings.events_held_max };
        let mut recovered = recover(&journal, held, |chain| known(&followed, chain)).await?;
        tracing::info!(records = recovered.records, "the log of chains taken up");
        let epoch = name(state, &opened, &followed, &recovered)?;
        state.feed.name(epoch);
        for (chain, _) in &followed {
            recovered.view.know(chain);
            let begins = || known(&followed, chain);
            recovered.chains.entry(chain.clone()).or_insert_with(begins);
        }
        let ingest = Ingest {
            journal: Arc::clone(&journal),
            sources: Tasks::default(),
            deciding: Tasks::default(),
            showing: Tasks::default(),
        };
        for sink in wanted {
            journal.attach(sink.make(epoch)?, SinkOptions::default())?;
        }
        ingest.begin(state, settings, sources, recovered)?;
        Ok(Some(ingest))
    }

    fn begin(
        &self,
        state: &Arc<State>,
        settings: &IngestSettings,
        sources: Sources,
        recovered: Recovered,
    ) -> Result<(), IngestError> {
        let Recovered { view, chains, tail, .. } = recovered;
        state.feed.publish(view.snapshot());
        let clock = Arc::clone(&state.clock);
        let now_unix_ms: Arc<dyn Fn() -> u64 + Send + Sync> = Arc::new(move || clock.unix().0);
        let shower = Shower {
            feed: Arc::clone(&state.feed),
            view,
            metrics: Arc::clone(&state.metrics.ingest),
            now_unix_ms: Arc::clone(&now_unix_ms),
        };
        self.showing.spawn("show chains", shower.run(Arc::clone(&self.journal), tail));
        if let IngestMode::Rpc(configs) = &settings.mode {
            let (feed, registry) = (Arc::clone(&state.feed), &settings.analysis.registry);
            let simulations = Simulations::new(feed, Arc::clone(registry), configs);
            let simulations = Arc::new(simulations.map_err(SourceError::Client)?);
            state.simulations.get_or_init(|| simulations);
        }
        let (observe, observed) = mpsc::channel::<Observation>(OBSERVED_MAX);
        let when_full = match settings.mode {
            IngestMode::Rpc(_) => WhenFull::Drop,
            _ => WhenFull::Wait,
        };
        let history = |(key, known): (&ChainKey, &Known)| {
            (key.clone(), known.state.history().collect::<Vec<_>>())
        };
        state.feed.follow(sources.begin(Beginning {
            histories: chains.iter().map(history).collect(),
            observe,
            metrics: Arc::clone(&state.metrics.ingest),
            tasks: &self.sources,
        })?);
        let metrics = Arc::clone(&state.metrics.ingest);
        let decider = Decider::new(chains, self.journal.writer(), when_full, now_unix_ms, metrics);
        let found = self.analyse(state, &settings.analysis)?;
        let deciding = decider.run(observed, found, self.deciding.shutdown());
        self.deciding.spawn("decide on chains", deciding);
        Ok(())
    }

    /// Begins to compute what the settings ask for; returns what is found.
    fn analyse(
        &self,
        state: &Arc<State>,
        settings: &AnalysisSettings,
    ) -> Result<mpsc::Receiver<Found>, IngestError> {
        let (leave, found) = mpsc::channel(FOUND_MAX);
        if let Some(simulations) = state.simulations.get().filter(|_| settings.simulations) {
            for chain in simulations.chains() {
                let snapshot = state.feed.snapshot();
                let after = snapshot.chain(chain.as_str()).map_or(0, ChainView::number_last);
                let foreseer = Foreseer {
                    chain: chain.clone(),
                    feed: Arc::clone(&state.feed),
                    simulations: Arc::clone(simulations),
                    leave: leave.clone(),
                    metrics: Arc::clone(&state.metrics.ingest),
                    after,
                    pause: foresee::PAUSE,
                };
                self.sources.spawn("simulate what waits", foreseer.run(self.sources.shutdown()));
            }
        }
        if let Some(simulations) = state.simulations.get().filter(|_| settings.opportunities) {
            for chain in simulations.chains() {
                let seeker = Seeker {
                    chain: chain.clone(),
                    feed: Arc::clone(&state.feed),
                    registry: Arc::clone(&settings.registry),
                    simulations: Arc::clone(simulations),
                    leave: leave.clone(),
                    metrics: Arc::clone(&state.metrics.ingest),
                    known: Sought::taken_up(&state.feed.snapshot(), chain),
                    again_after: seek::AGAIN_AFTER,
                };
                self.sources.spawn("seek opportunities", seeker.run(self.sources.shutdown()));
            }
        }
        if settings.features {
            let (feed, metrics) = (Arc::clone(&state.feed), Arc::clone(&state.metrics.ingest));
            let analyst = Analyst::new(feed, Arc::clone(&settings.registry), leave, metrics);
            analyst.begin(&self.sources).map_err(IngestError::Thread)?;
        }
        Ok(found)
    }

    /// Ends in the order in which things flow; returns whether everything that was taken is on disk.
    pub(crate) async fn stop(self, within: Duration) -> bool {
        self.sources.ask_to_end();
        let sources = self.sources.join(within.mul_f64(SOURCES_SHARE)).await.is_ok();
        self.deciding.ask_to_end();
        let deciding = self.deciding.join(within.mul_f64(DECIDING_SHARE)).await.is_ok();
        let closed = self.journal.close(within.mul_f64(JOURNAL_SHARE)).await;
        let showing = self.showing.join(within.mul_f64(SHOWING_SHARE)).await.is_ok();
        if closed.unwritten_records > 0 {
            let records = closed.unwritten_records;
            tracing::error!(records, "records of chains could not be written at the end");
        }
        let behind = closed.sinks_behind.join(", ");
        tracing::info!(
            sources,
            deciding,
            showing,
            sinks_behind = behind,
            "the log of chains closed"
        );
        closed.unwritten_records == 0
    }
}

fn options(state: &State, settings: &IngestSettings, sinks: Vec<String>) -> Options {
    let folder = state.settings.realtime.state_dir.join(FOLDER);
    // The log has room for some segments and for what waits.
    let part = (settings.journal_bytes_max / 8).min(64 << 20);
    Options {
        log_bytes_max: settings.journal_bytes_max,
        segment_bytes_max: part,
        queue_bytes_max: part as usize,
        retain_records: settings.events_held_max as u64 + RETAINED_BEYOND,
        queue_records_max: settings.journal_queue_max,
        sinks,
        observer: Arc::new(Written(Arc::clone(&state.metrics.ingest))),
        ..Options::new(folder)
    }
}

/// Returns what is known of a chain of which nothing is.
fn known(followed: &[(ChainKey, StateLimits)], chain: &ChainKey) -> Known {
    let limits = followed.iter().find(|(key, _)| key == chain).map(|(_, limits)| *limits);
    Known { state: ChainState::new(limits.unwrap_or_default()), numbered: 0 }
}

/// Returns the name under which the log goes on.
fn name(
    state: &State,
    opened: &journal::Recovered,
    followed: &[(ChainKey, StateLimits)],
    recovered: &Recovered,
) -> Result<Epoch, IngestError> {
    let folder = state.settings.realtime.state_dir.join(FOLDER);
    let followed = followed.iter().map(|(chain, _)| chain.clone()).collect();
    let opened = Opened {
        kept: (opened.first, opened.next),
        damaged: &opened.damaged,
        last: &recovered.last,
        followed: &followed,
    };
    log_name::name(&folder, &opened).map_err(|source| IngestError::Epoch { path: folder, source })
}

/// Says what was found.
fn tell_opened(opened: &journal::Recovered) {
    if opened.torn_bytes > 0 {
        tracing::warn!(bytes = opened.torn_bytes, "a torn end of the log of chains was cut off");
    }
    for damaged in &opened.damaged {
        let (from, to) = (damaged.from.get(), damaged.to.get());
        tracing::error!(from, to, "records of the log of chains are damaged and left out");
    }
    tracing::debug!(next = Seq::get(opened.next), "the log of chains is open");
}

/// Returns how many records can't be read.
fn damaged_records(opened: &journal::Recovered) -> u64 {
    let counts = opened.damaged.iter().map(|it| (it.to.get() - it.from.get()).saturating_add(1));
    counts.fold(0, u64::saturating_add)
}
