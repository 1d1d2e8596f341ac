//! Whether the process really serves: a probe event through the log, a ring and a socket.

mod changes;

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use broker::{BrokerHealth, HealthState, live::Target};
use delivery::{Probe, ProbeError};
use event::{Epoch, MonoMs};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use self::changes::Changes;
use crate::{Phase, State};

/// How long a probe may take; the answer to a health request stays below a second.
const PROBE_TIME_MAX: Duration = Duration::from_millis(650);

/// How long a whole report may take.
const REPORT_TIME_MAX: Duration = Duration::from_millis(800);

/// How long a result stands for later requests, so that asking often costs little.
const RESULT_AGE_MAX: Duration = Duration::from_millis(250);

/// Probes in a row that Redis must leave without an answer before requests are refused for it, or
/// that must not be delivered before delivery itself is held to stand still: a single late one is a
/// busy machine, or a Redis that was lost between the append and the reading.
const SILENT_PROBES_MAX: u32 = 2;

/// Runs one probe at a time.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    turn: Mutex<Turn>,
    /// What operators are to be told.
    changes: Changes,
    /// Probes in a row that the backend did not take.
    silent_probes: AtomicU32,
    /// Probes in a row that the backend took and that were not delivered.
    undelivered_probes: AtomicU32,
}

#[derive(Debug, Default)]
struct Turn {
    probe: Option<Probe>,
    last: Option<(MonoMs, Outcome)>,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered(delivery::Probed),
    Failed(Fault),
}

/// Why a probe did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// Whether the backend is at fault, rather than delivery.
    of_the_backend: bool,
    reason: String,
}

/// The state of realtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealtimeHealth {
    /// How well it serves.
    pub status: HealthState,
    /// Why, where it is not healthy, or what differs between replicas; one plain sentence.
    pub reason: Option<String>,
    /// The backend that serves.
    pub selected_backend: &'static str,
    /// How long the probe event took from publish to socket.
    pub probe: Option<Duration>,
    /// The epoch that owns the probe's log.
    pub epoch: Option<Epoch>,
}

impl State {
    /// Returns why realtime refuses to serve although the process runs, if it does.
    ///
    /// This is what a request is refused with; it asks nobody and takes no time.
    pub fn realtime_refusal(&self) -> Option<&'static str> {
        let realtime = &self.settings.realtime;
        if !realtime.enforce_redis {
            return None;
        }
        match self.live.owner() {
            Target::Memory => Some("REALTIME_ENFORCE_REDIS is set and the backend is memory"),
            Target::Redis if self.is_cut_off() => {
                Some("REALTIME_ENFORCE_REDIS is set and Redis does not serve")
            }
            Target::Redis => None,
        }
    }

    fn is_cut_off(&self) -> bool {
        self.broker.health().state == HealthState::Unhealthy
            || self.prober.silent_probes.load(Ordering::Relaxed) >= SILENT_PROBES_MAX
    }

    /// Probes realtime; answers within a second whatever the backend does.
    pub async fn realtime_health(&self) -> RealtimeHealth {
        let health = match (self.live.owner(), self.realtime_refusal()) {
            // There is nothing to probe that could make it well.
            (Target::Memory, Some(refusal)) => self.refused(refusal),
            _ => {
                let until = Instant::now() + REPORT_TIME_MAX;
                let outcome = timeout_at(until, self.probe()).await;
                self.judge(outcome.unwrap_or_else(|_| Outcome::overtaken()))
            }
        };
        self.prober.changes.note(&health, |change| self.ops_event("health.changed", change));
        if self.settings.realtime.redis_url.is_none() {
            // A memory log takes what it is told at once; for another one there is a watcher.
            self.tell_changes().await;
        }
        health
    }

    fn refused(&self, refusal: &str) -> RealtimeHealth {
        RealtimeHealth {
            status: HealthState::Unhealthy,
            reason: Some(refusal.to_owned()),
            selected_backend: self.broker.health().selected,
            probe: None,
            epoch: None,
        }
    }

    /// Puts together what the backend knows, what the probe found and what replicas differ in.
    fn judge(&self, outcome: Outcome) -> RealtimeHealth {
        let BrokerHealth { state, reason, selected } = self.broker.health();
        let (mut status, mut reason) = (state, reason);
        let (mut probe, mut epoch) = (None, None);
        match outcome {
            Outcome::Delivered(probed) => {
                probe = Some(probed.took);
                epoch = Some(probed.place.epoch);
            }
            Outcome::Failed(fault) => {
                status = status.max(self.weight_of(&fault));
                // What the backend says of itself is nearer to the cause.
                reason.get_or_insert(fault.reason);
            }
        }
        let peers = self.peers.lock();
        status = status.max(peers.state());
        let reason = reason.or_else(|| peers.reason()).or_else(|| self.what_differs());
        RealtimeHealth { status, reason, selected_backend: selected, probe, epoch }
    }

    /// Returns how bad a probe's fault is. Where Redis may be missing, its silence is foreseen, and
    /// so is one event that was taken and not read before it went.
    fn weight_of(&self, fault: &Fault) -> HealthState {
        let realtime = &self.settings.realtime;
        let uses_redis = self.live.owner() == Target::Redis || self.live.is_mixed();
        let foreseen = uses_redis && !realtime.enforce_redis;
        let stands_still =
            self.prober.undelivered_probes.load(Ordering::Relaxed) >= SILENT_PROBES_MAX;
        if foreseen && (fault.of_the_backend || !stands_still) {
            HealthState::Degraded
        } else {
            HealthState::Unhealthy
        }
    }

    /// Returns whether the process may be sent traffic, without a probe.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Ready && self.realtime_refusal().is_none()
    }

    /// Looks once, as the watcher of a backend that can be lost does, and tells what has changed.
    pub(crate) async fn look(&self) {
        self.realtime_health().await;
        self.tell_changes().await;
    }

    async fn probe(&self) -> Outcome {
        let mut turn = self.prober.turn.lock().await;
        let now = self.clock.mono();
        if let Some((at, last)) = &turn.last
            && now.since(*at) <= RESULT_AGE_MAX
        {
            return last.clone();
        }
        let until = Instant::now() + PROBE_TIME_MAX;
        let mut probed = self.probe_until(&mut turn.probe, until).await;
        if matches!(probed, Err(ProbeError::Socket(_))) {
            // Its readers were cut off, by a worker that began anew say; new ones tell the truth.
            turn.probe = None;
            probed = self.probe_until(&mut turn.probe, until).await;
        }
        let outcome = match probed {
            Ok(probed) => Outcome::Delivered(probed),
            Err(error) => {
                let of_the_backend = error.is_of_the_backend();
                if !of_the_backend {
                    // Sockets that failed are of no use to the next probe.
                    turn.probe = None;
                }
                tracing::debug!(error = &error as &dyn Error, "the probe failed");
                Outcome::Failed(Fault { of_the_backend, reason: in_words(&error) })
            }
        };
        self.count_silence(&outcome);
        turn.last = Some((self.clock.mono(), outcome.clone()));
        outcome
    }

    fn count_silence(&self, outcome: &Outcome) {
        let of_the_backend = match outcome {
            Outcome::Delivered(_) => None,
            Outcome::Failed(fault) => Some(fault.of_the_backend),
        };
        let count = |probes: &AtomicU32, counts: bool| {
            let before = probes.load(Ordering::Relaxed);
            probes.store(if counts { before + 1 } else { 0 }, Ordering::Relaxed);
        };
        count(&self.prober.silent_probes, of_the_backend == Some(true));
        count(&self.prober.undelivered_probes, of_the_backend == Some(false));
    }

    async fn probe_until(
        &self,
        probe: &mut Option<Probe>,
        until: Instant,
    ) -> Result<delivery::Probed, ProbeError> {
        let delivery = self.delivery().ok_or(ProbeError::Late(Duration::ZERO))?;
        if probe.is_none() {
            let opened = timeout_at(until, Probe::open(delivery)).await;
            *probe = Some(opened.map_err(|_| ProbeError::Unanswered(PROBE_TIME_MAX))??);
        }
        let probe = probe.as_mut().expect("it was just made where there was none");
        let left = until.duration_since(Instant::now());
        probe.run(&Arc::clone(&self.broker), &*self.clock, left).await
    }
}

/// Says what failed and why: what a backend says of itself is meant for operators, and never holds
/// an address.
fn in_words(error: &ProbeError) -> String {
    match error.source() {
        Some(source) if error.is_of_the_backend() => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

impl Outcome {
    /// Returns what is said where an earlier probe has not ended.
    fn overtaken() -> Self {
        let reason = "an earlier probe is still under way".to_owned();
        Outcome::Failed(Fault { of_the_backend: false, reason })
    }
}
