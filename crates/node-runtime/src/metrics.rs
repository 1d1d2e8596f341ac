//! What the process counts beside delivery: each family in this one place.
//!
//! Labels are bounded: never an organisation, a user or a key. A family that nothing feeds yet is
//! absent rather than 0.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use broker::live::Stage;
use delivery::{DeliveryMetrics, Resume, Transport};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use crate::{Settings, ingest::IngestMetrics, live::Live, settings::IngestMode};

/// The families of the process, and the registry that `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Of delivery.
    pub delivery: DeliveryMetrics,
    /// Of HTTP.
    pub http: HttpMetrics,
    connects: Family<Connect, Counter>,
    published: Family<Published, Counter>,
    publish_duration: Histogram,
    replays: Family<Replay, Counter>,
    idempotency: Family<Idempotency, Counter>,
    redis: RedisMetrics,
    cutover: CutoverMetrics,
    /// Of the feed of chains.
    pub(crate) ingest: Arc<IngestMetrics>,
}

/// What the Redis backend counts itself.
#[derive(Debug, Default)]
struct RedisMetrics {
    reconnects: Counter,
    spool_events: Gauge,
    streams_unusable: Gauge,
}

/// What a live switch does.
#[derive(Debug, Default)]
struct CutoverMetrics {
    state: Family<CutoverState, Gauge>,
    differs: Gauge,
    stopped: Gauge,
    evidence_failures: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CutoverState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connect {
    transport: Transport,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Published {
    backend: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Replay {
    resume: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Idempotency {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    method: &'static str,
    status_class: &'static str,
}

/// The families of HTTP.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<Request, Counter>,
    duration: Histogram,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishResult {
    /// The events are in the log.
    Stored,
    /// An earlier attempt had stored them.
    Replayed,
    /// The request was refused.
    Refused,
    /// The backend could not take them.
    Failed,
}

/// What an idempotency key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdempotencyResult {
    /// It was new.
    First,
    /// The same request had been made.
    Replayed,
    /// Another request had been made with it.
    Conflict,
    /// An attempt with it was still under way.
    InFlight,
}

fn seconds() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    ])
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::for_settings(&Settings::default())
    }
}

impl Metrics {
    /// Returns the families that a process with these settings feeds.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        let mut registry = Registry::with_prefix("tidegate");
        let delivery = DeliveryMetrics::register(&mut registry);
        let http = HttpMetrics { requests: Family::default(), duration: seconds() };
        let metrics = Metrics {
            connects: Family::default(),
            published: Family::default(),
            publish_duration: seconds(),
            replays: Family::default(),
            idempotency: Family::default(),
            redis: RedisMetrics::default(),
            cutover: CutoverMetrics::default(),
            ingest: Arc::default(),
            delivery,
            http,
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        if settings.ingest.mode != IngestMode::Off {
            metrics.ingest.register(&mut registry);
        }
        if settings.realtime.redis_url.is_some() {
            metrics.redis.register(&mut registry);
            metrics.cutover.register(&mut registry);
        }
        Metrics { registry, ..metrics }
    }

    fn register(&self, to: &mut Registry) {
        to.register("http_requests", "Requests answered", self.http.requests.clone());
        to.register(
            "http_request_duration_seconds",
            "From a request's head to its answer's head",
            self.http.duration.clone(),
        );
        to.register("stream_connects", "Streams asked for, by result", self.connects.clone());
        to.register("events_published", "Events published, by result", self.published.clone());
        to.register(
            "publish_duration_seconds",
            "From a checked request to the backend's acknowledgement",
            self.publish_duration.clone(),
        );
        to.register("replays", "Streams opened, by how they began", self.replays.clone());
        to.register(
            "idempotency",
            "Publishes with an idempotency key, by result",
            self.idempotency.clone(),
        );
        let info = Info::new(vec![
            ("version", crate::VERSION),
            ("commit", crate::COMMIT.unwrap_or_default()),
        ]);
        to.register("build", "This build", info);
    }

    /// Writes all families as Prometheus text.
    pub(crate) fn text(&self, live: &Live) -> String {
        self.redis.take(live);
        self.cutover.take(live);
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("a string takes all that is written to it");
        out
    }

    /// Counts a record of a switch that could not be written when it was due.
    pub(crate) fn evidence_failed(&self) {
        self.cutover.evidence_failures.inc();
    }

    /// Counts a stream that was asked for.
    pub fn connect(&self, transport: Transport, result: &'static str) {
        self.connects.get_or_create(&Connect { transport, result }).inc();
    }

    /// Counts how a stream began.
    pub fn replay(&self, resume: Resume) {
        self.replays.get_or_create(&Replay { resume: resume.as_str() }).inc();
    }

    /// Counts events that were to be published.
    pub fn published(&self, backend: &'static str, result: PublishResult, events: u64) {
        let result = match result {
            PublishResult::Stored => "stored",
            PublishResult::Replayed => "replayed",
            PublishResult::Refused => "refused",
            PublishResult::Failed => "failed",
        };
        self.published.get_or_create(&Published { backend, result }).inc_by(events);
    }

    /// Notes how long the backend took.
    pub fn publish_took(&self, took: Duration) {
        self.publish_duration.observe(took.as_secs_f64());
    }

    /// Counts what an idempotency key did.
    pub fn idempotency(&self, result: IdempotencyResult) {
        let result = match result {
            IdempotencyResult::First => "first",
            IdempotencyResult::Replayed => "replayed",
            IdempotencyResult::Conflict => "conflict",
            IdempotencyResult::InFlight => "in_flight",
        };
        self.idempotency.get_or_create(&Idempotency { result }).inc();
    }
}

impl RedisMetrics {
    fn register(&self, to: &mut Registry) {
        to.register(
            "redis_reconnects",
            "Connections for commands that were made anew",
            self.reconnects.clone(),
        );
        to.register(
            "spool_events",
            "Events that wait to be merged into Redis",
            self.spool_events.clone(),
        );
        to.register(
            "streams_unusable",
            "Streams that are refused for what stands under their keys in Redis",
            self.streams_unusable.clone(),
        );
    }

    fn take(&self, live: &Live) {
        self.reconnects.inner().store(live.reconnects(), Ordering::Relaxed);
        self.spool_events.set(i64::try_from(live.spool_events()).unwrap_or(i64::MAX));
        self.streams_unusable.set(i64::try_from(live.streams_unusable()).unwrap_or(i64::MAX));
    }
}

impl CutoverMetrics {
    fn register(&self, to: &mut Registry) {
        to.register(
            "cutover_state",
            "How far the live switch is: 1 for the state that it is in",
            self.state.clone(),
        );
        to.register(
            "cutover_differs",
            "1 where the streams are not at the backend that the settings name",
            self.differs.clone(),
        );
        to.register(
            "cutover_stopped",
            "1 where the last attempt of a switch did not go on",
            self.stopped.clone(),
        );
        to.register(
            "cutover_evidence_failures",
            "Times that the disk began not to take records of a switch",
            self.evidence_failures.clone(),
        );
    }

    fn take(&self, live: &Live) {
        let Some(broker) = live.broker() else { return };
        let status = broker.status();
        for stage in Stage::ALL {
            let state = self.state.get_or_create(&CutoverState { state: stage.as_str() });
            state.set(i64::from(stage == status.stage));
        }
        self.differs.set(i64::from(status.owner != live.by_settings()));
        self.stopped.set(i64::from(status.error.is_some()));
    }
}

impl HttpMetrics {
    /// Counts a request; `route` is the pattern that matched, never the path.
    pub fn request(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let status_class = match status {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        let request = Request { route: route.to_owned(), method, status_class };
        self.requests.get_or_create(&request).inc();
        self.duration.observe(took.as_secs_f64());
    }
}
