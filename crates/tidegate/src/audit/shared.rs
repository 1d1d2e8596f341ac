//! What readers and publishers of one audit share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use event::Position;
use hdrhistogram::Histogram;
use parking_lot::Mutex;

use super::{plan::Plan, seen::SeenLog};
use crate::{
    client::{Api, Transport},
    failure::Failure,
    target::Target,
};

/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// One replica.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) target: Target,
    pub(super) api: Api,
    /// How many streams readers opened there.
    pub(super) streams: AtomicU64,
    /// How many publishing requests it answered.
    pub(super) requests: AtomicU64,
}

impl Replica {
    pub(super) fn new(target: Target) -> Result<Self, Failure> {
        let api = Api::new(target.clone())?;
        Ok(Replica { target, api, streams: AtomicU64::new(0), requests: AtomicU64::new(0) })
    }
}

/// What readers and publishers of one audit share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) replicas: Vec<Replica>,
    pub(super) plan: Plan,
    pub(super) log: SeenLog,
    /// The place after which every reader begins.
    pub(super) start: Position,
    /// The instant from which stamps count.
    pub(super) began: Instant,
    /// How many events the run has numbered.
    pub(super) numbered: AtomicU64,
    /// How many readers have had a stream.
    pub(super) attached: AtomicU64,
    /// Whether publishing ends early.
    pub(super) stopped: AtomicBool,
    /// How many events all readers received.
    pub(super) received: AtomicU64,
    latency_us: Mutex<LatencyUs>,
}

/// What was measured, by transport.
#[derive(Clone, Debug)]
pub(super) struct LatencyUs {
    pub(super) sse: Histogram<u64>,
    pub(super) websocket: Histogram<u64>,
}

impl LatencyUs {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        let latency = latency.expect("the bounds are in order");
        LatencyUs { sse: latency.clone(), websocket: latency }
    }

    fn of(&mut self, transport: Transport) -> &mut Histogram<u64> {
        match transport {
            Transport::Sse => &mut self.sse,
            Transport::WebSocket => &mut self.websocket,
        }
    }
}

impl Shared {
    pub(super) fn new(
        replicas: Vec<Replica>,
        plan: Plan,
        log: SeenLog,
        start: Position,
    ) -> Arc<Self> {
        Arc::new(Shared {
            replicas,
            plan,
            log,
            start,
            began: Instant::now(),
            numbered: AtomicU64::new(0),
            attached: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            received: AtomicU64::new(0),
            latency_us: Mutex::new(LatencyUs::new()),
        })
    }

    /// Returns the replica of one reader or publisher.
    pub(super) fn replica(&self, of: usize) -> &Replica {
        &self.replicas[of % self.replicas.len()]
    }

    /// Returns the run's time.
    pub(super) fn now_us(&self) -> u64 {
        micros(self.began.elapsed())
    }

    /// Notes that an event came now that was first sent then.
    pub(super) fn came(&self, sent_us: u64, transport: Transport) {
        let took = self.now_us().saturating_sub(sent_us);
        self.latency_us.lock().of(transport).saturating_record(took);
    }

    /// Returns what was measured.
    pub(super) fn latency_us(&self) -> LatencyUs {
        self.latency_us.lock().clone()
    }

    /// Returns how many readers have had a stream.
    pub(super) fn attached(&self) -> u64 {
        self.attached.load(Ordering::Relaxed)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
