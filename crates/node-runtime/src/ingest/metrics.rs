//! What is counted of the feed of chains; absent where there is none.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chain::{ChainKey, ChainStatus, FeedState, feed::FeedDrops};
use journal::{DropReason, Journal, Observer, SinkState};
use parking_lot::Mutex;
use projection::Snapshot;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::Feed;

/// What is counted of the feed of chains.
#[derive(Debug)]
pub(crate) struct IngestMetrics {
    queue_depth: Gauge,
    drops: Family<Dropped, Counter>,
    observed_to_persisted: Histogram,
    persisted_to_served: Histogram,
    lag: Family<OfChain, Gauge<f64, std::sync::atomic::AtomicU64>>,
    feeds: Family<OfFeed, Gauge>,
    broken: Family<OfChain, Gauge>,
    breaks: Family<OfChain, Counter>,
    forks_refused: Family<OfChain, Counter>,
    log_bytes: Gauge,
    log_failures: Counter,
    log_damaged: Gauge,
    sink_behind: Family<OfSink, Gauge>,
    sink_rejected: Family<OfSink, Counter>,
    skipped: Family<Dropped, Counter>,
    searches: Family<OfChain, Counter>,
    /// What feeds have dropped, which the log does not know.
    of_feeds: Mutex<Vec<Arc<FeedDrops>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dropped {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChain {
    chain: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFeed {
    chain: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSink {
    sink: String,
}

/// Why nothing was computed: too many others waited, it was forgotten before its turn, the log took no
/// findings, the node gave no state, too many swaps waited for one head, more waited than are simulated,
/// or there was no time for a simulation.
const SKIPPED: [&str; 7] = [
    "behind",
    "forgotten",
    "log_full",
    "no_state",
    "triggers",
    "behind_simulations",
    "no_simulation",
];

fn seconds() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 2.5, 10.0,
    ])
}

impl Default for IngestMetrics {
    fn default() -> Self {
        IngestMetrics {
            queue_depth: Gauge::default(),
            drops: Family::default(),
            observed_to_persisted: seconds(),
            persisted_to_served: seconds(),
            lag: Family::default(),
            feeds: Family::default(),
            broken: Family::default(),
            breaks: Family::default(),
            forks_refused: Family::default(),
            log_bytes: Gauge::default(),
            log_failures: Counter::default(),
            log_damaged: Gauge::default(),
            sink_behind: Family::default(),
            sink_rejected: Family::default(),
            skipped: Family::default(),
            searches: Family::default(),
            of_feeds: Mutex::default(),
        }
    }
}

impl IngestMetrics {
    pub(crate) fn register(&self, to: &mut Registry) {
        to.register(
            "storage_queue_depth",
            "Records that wait for the disk",
            self.queue_depth.clone(),
        );
        to.register("ingest_drops", "Records that were lost, by reason", self.drops.clone());
        to.register(
            "ingest_observed_to_persisted_seconds",
            "From when a fact was found out to when it was on disk",
            self.observed_to_persisted.clone(),
        );
        to.register(
            "ingest_persisted_to_served_seconds",
            "From when a fact was on disk to when readers had it",
            self.persisted_to_served.clone(),
        );
        to.register(
            "chain_lag_seconds",
            "The age of a chain's head, by its own time",
            self.lag.clone(),
        );
        to.register("chain_feed_state", "How a feed stands: 1 for its state", self.feeds.clone());
        to.register(
            "chain_broken",
            "1 while a chain that had to be followed anew has few blocks since",
            self.broken.clone(),
        );
        to.register(
            "chain_breaks",
            "Times that a chain had to be followed anew, as far as the held log tells",
            self.breaks.clone(),
        );
        to.register(
            "chain_forks_refused",
            "Times that an endpoint's fork below what is known was not believed",
            self.forks_refused.clone(),
        );
        to.register("journal_bytes", "Bytes of the log of chains", self.log_bytes.clone());
        to.register(
            "journal_damaged_records",
            "Records of the log of chains that could not be read when it was opened",
            self.log_damaged.clone(),
        );
        to.register("journal_write_failures", "Writes that failed", self.log_failures.clone());
        to.register("sink_behind_records", "Records that a sink has not", self.sink_behind.clone());
        to.register(
            "sink_rejected_records",
            "Records that a sink refused for good and that were set aside",
            self.sink_rejected.clone(),
        );
        to.register(
            "analysis_skipped",
            "Transactions of which nothing was computed, by reason",
            self.skipped.clone(),
        );
        to.register(
            "opportunity_searches",
            "Heads behind which a chain's pools were searched",
            self.searches.clone(),
        );
        for reason in SKIPPED {
            drop(self.skipped.get_or_create(&Dropped { reason }));
        }
        for reason in DropReason::ALL {
            // A reason is shown from the beginning, with 0.
            drop(self.drops.get_or_create(&Dropped { reason: reason.as_str() }));
        }
    }

    /// Notes that a group of records can be read by everybody.
    pub(super) fn served(&self, took: Duration) {
        self.persisted_to_served.observe(took.as_secs_f64());
    }

    /// Counts a head behind which a chain's pools were searched.
    pub(super) fn searched(&self, chain: &ChainKey) {
        self.searches.get_or_create(&OfChain { chain: chain.to_string() }).inc();
    }

    /// Counts transactions of which nothing was computed.
    pub(super) fn skipped(&self, reason: &'static str, count: u64) {
        self.skipped.get_or_create(&Dropped { reason }).inc_by(count);
    }

    #[cfg(test)]
    pub(super) fn skipped_for(&self, reason: &'static str) -> u64 {
        self.skipped.get_or_create(&Dropped { reason }).get()
    }

    /// Notes how many records could not be read when the log was opened.
    pub(super) fn damaged(&self, records: u64) {
        self.log_damaged.set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// Returns how many records could not be read when the log was opened.
    pub(crate) fn damaged_records(&self) -> u64 {
        u64::try_from(self.log_damaged.get()).unwrap_or(0)
    }

    /// Counts what a feed drops, too.
    pub(super) fn count_drops_of(&self, feed: Arc<FeedDrops>) {
        self.of_feeds.lock().push(feed);
    }

    /// Brings what is looked at up to date.
    pub(crate) fn take(&self, feed: &Feed, journal: Option<&Journal>, now_unix_ms: u64) {
        self.take_drops();
        let (snapshot, rows) = (feed.snapshot(), feed.statuses());
        self.take_lag(&snapshot, &rows, now_unix_ms);
        self.take_states(&snapshot, &rows);
        if let Some(journal) = journal {
            self.take_log(journal);
        }
    }

    fn take_drops(&self) {
        let feeds = self.of_feeds.lock();
        let hashes: u64 = feeds.iter().map(|drops| drops.pending_queue_full()).sum();
        let missed: u64 = feeds.iter().map(|drops| drops.pending_not_fetched()).sum();
        let heard: u64 = feeds.iter().map(|drops| drops.observations_full()).sum();
        let of_feeds = [
            ("pending_queue_full", hashes),
            ("pending_not_fetched", missed),
            ("observations_full", heard),
        ];
        for (reason, records) in of_feeds {
            let dropped = self.drops.get_or_create(&Dropped { reason });
            dropped.inner().store(records, Ordering::Relaxed);
        }
    }

    fn take_lag(&self, snapshot: &Snapshot, rows: &[ChainStatus], now_unix_ms: u64) {
        // The time of a recorded block says nothing of a lag.
        let live = rows.iter().filter(|row| row.endpoint_count > 0);
        for chain in live.filter_map(|row| snapshot.chain(row.chain_key.as_str())) {
            let Some(made) = chain.head_timestamp() else { continue };
            let lag = Duration::from_millis(now_unix_ms.saturating_sub(made.saturating_mul(1000)));
            let label = OfChain { chain: chain.key.to_string() };
            self.lag.get_or_create(&label).set(lag.as_secs_f64());
        }
    }

    fn take_states(&self, snapshot: &Snapshot, rows: &[ChainStatus]) {
        for row in rows {
            let label = OfChain { chain: row.chain_key.to_string() };
            let breaks = snapshot.chain(row.chain_key.as_str()).map_or(0, |it| it.counts.broken);
            self.broken.get_or_create(&label).set(i64::from(row.broken_below.is_some()));
            self.breaks.get_or_create(&label).inner().store(breaks, Ordering::Relaxed);
            let refused = self.forks_refused.get_or_create(&label);
            refused.inner().store(row.fork_refused_count, Ordering::Relaxed);
            for state in FeedState::ALL {
                let label = OfFeed { chain: row.chain_key.to_string(), state: state.as_str() };
                self.feeds.get_or_create(&label).set(i64::from(row.state == state));
            }
        }
    }

    fn take_log(&self, journal: &Journal) {
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let metrics = journal.metrics();
        self.queue_depth.set(whole(metrics.queue_records));
        self.log_bytes.set(whole(metrics.log_bytes));
        self.log_failures.inner().store(metrics.write_failures, Ordering::Relaxed);
        for reason in DropReason::ALL {
            let dropped = self.drops.get_or_create(&Dropped { reason: reason.as_str() });
            dropped.inner().store(metrics.dropped.of(reason), Ordering::Relaxed);
        }
        for sink in journal.health().sinks.into_iter().filter(|s| s.state != SinkState::Stopped) {
            let label = OfSink { sink: sink.name };
            self.sink_behind.get_or_create(&label).set(whole(sink.behind_records));
            let rejected = self.sink_rejected.get_or_create(&label);
            rejected.inner().store(sink.rejected_records, Ordering::Relaxed);
        }
    }
}

/// Tells the histogram of what got on disk.
pub(super) struct Written(pub(super) Arc<IngestMetrics>);

impl Observer for Written {
    fn persisted(&self, _: u64, stamp: u64, persisted_unix_ms: u64) {
        let took = Duration::from_millis(persisted_unix_ms.saturating_sub(stamp));
        self.0.observed_to_persisted.observe(took.as_secs_f64());
    }
}
