//! Whether the process really serves: a probe event through the log, a ring and a socket.

use std::{sync::Arc, time::Duration};

use broker::HealthState;
use delivery::{Probe, ProbeError};
use event::{MonoMs, Position, StreamName};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout, timeout_at},
};

use crate::{Phase, State};

/// How long a probe may take; the answer to a health request stays below a second.
const PROBE_TIME_MAX: Duration = Duration::from_millis(700);

/// How long a whole report may take.
const REPORT_TIME_MAX: Duration = Duration::from_millis(800);

/// How long a result stands for later requests, so that asking often costs little.
const RESULT_AGE_MAX: Duration = Duration::from_millis(250);

/// Runs one probe at a time.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    turn: Mutex<Turn>,
    /// The state that operators were last told.
    told: parking_lot::Mutex<Option<HealthState>>,
}

#[derive(Debug, Default)]
struct Turn {
    probe: Option<Probe>,
    last: Option<(MonoMs, Probed)>,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Probed {
    took: Option<Duration>,
    error: Option<String>,
}

/// The state of realtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealtimeHealth {
    /// How well it serves.
    pub status: HealthState,
    /// Why, where it is not healthy; one plain sentence.
    pub reason: Option<String>,
    /// The backend that serves.
    pub selected_backend: &'static str,
    /// How long the probe event took from publish to socket.
    pub probe: Option<Duration>,
    /// The epoch that owns the probe's log.
    pub epoch: Option<Position>,
}

impl State {
    /// Returns why realtime refuses to serve although the process runs, if it does.
    ///
    /// This is what a request is refused with; it asks nobody and takes no time.
    pub fn realtime_refusal(&self) -> Option<&'static str> {
        if self.settings.realtime.enforce_redis {
            return Some("REALTIME_ENFORCE_REDIS is set and the backend is memory");
        }
        None
    }

    /// Probes realtime; answers within a second whatever the backend does.
    pub async fn realtime_health(&self) -> RealtimeHealth {
        let known = self.broker.health();
        let mut health = RealtimeHealth {
            status: known.state,
            reason: known.reason,
            selected_backend: known.selected,
            probe: None,
            epoch: None,
        };
        if let Some(refusal) = self.realtime_refusal() {
            health.fail(HealthState::Unhealthy, refusal.to_owned());
            return health;
        }
        let until = Instant::now() + REPORT_TIME_MAX;
        let probed = timeout_at(until, self.probe()).await.unwrap_or_else(|_| Probed {
            took: None,
            error: Some("an earlier probe is still under way".to_owned()),
        });
        health.probe = probed.took;
        if let Some(error) = probed.error {
            health.fail(HealthState::Unhealthy, error);
        }
        self.tell_health(&health).await;
        let head = timeout_at(until, self.broker.head(&StreamName::Probe)).await;
        health.epoch = head.ok().and_then(Result::ok);
        health
    }

    /// Returns whether the process may be sent traffic, without a probe.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Ready && self.realtime_refusal().is_none()
    }

    /// Tells operators when the state is another one than at the last look.
    async fn tell_health(&self, health: &RealtimeHealth) {
        let last = self.prober.told.lock().replace(health.status);
        if last.is_some_and(|last| last != health.status) {
            let payload = serde_json::json!({
                "status": health.status.as_str(),
                "reason": health.reason,
            });
            self.tell_ops("health.changed", payload).await;
        }
    }

    async fn probe(&self) -> Probed {
        let mut turn = self.prober.turn.lock().await;
        let now = self.clock.mono();
        if let Some((at, last)) = &turn.last
            && now.since(*at) <= RESULT_AGE_MAX
        {
            return last.clone();
        }
        let mut probed = self.probe_now(&mut turn.probe).await;
        if matches!(probed, Err(ProbeError::Socket(_))) {
            // Its readers were cut off, by a worker that began anew say; new ones tell the truth.
            turn.probe = None;
            probed = self.probe_now(&mut turn.probe).await;
        }
        let probed = match probed {
            Ok(took) => Probed { took: Some(took), error: None },
            Err(error) => {
                // Sockets that failed are of no use to the next probe.
                turn.probe = None;
                tracing::warn!(error = &error as &dyn std::error::Error, "the probe failed");
                Probed { took: None, error: Some(error.to_string()) }
            }
        };
        turn.last = Some((self.clock.mono(), probed.clone()));
        probed
    }

    async fn probe_now(&self, probe: &mut Option<Probe>) -> Result<Duration, ProbeError> {
        let delivery = self.delivery().ok_or(ProbeError::Late(Duration::ZERO))?;
        if probe.is_none() {
            let opened = timeout(PROBE_TIME_MAX, Probe::open(delivery)).await;
            *probe = Some(opened.map_err(|_| ProbeError::Late(PROBE_TIME_MAX))??);
        }
        let probe = probe.as_mut().expect("it was just made where there was none");
        probe.run(&Arc::clone(&self.broker), &*self.clock, PROBE_TIME_MAX).await
    }
}

impl RealtimeHealth {
    fn fail(&mut self, status: HealthState, reason: String) {
        self.status = self.status.max(status);
        self.reason = Some(reason);
    }
}
