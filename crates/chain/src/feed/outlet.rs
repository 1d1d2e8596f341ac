//! Where a feed's tasks tell what they observed, and how the feed stands.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::{mpsc, watch};

use super::FeedDrops;
use crate::{ChainStatus, FeedState, Input, Transaction};

/// Something that was observed, and when.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When it came, to measure by.
    pub observed_at: Instant,
    /// When it came, in milliseconds since 1970.
    pub observed_unix_ms: u64,
    /// What it is.
    pub input: Input,
}

impl Observation {
    /// Returns what is observed now.
    pub fn now(input: Input) -> Self {
        Observation { observed_at: Instant::now(), observed_unix_ms: unix_ms(), input }
    }
}

/// Nobody takes observations any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct NobodyListens;

#[derive(Clone, Debug)]
pub(super) struct Outlet {
    observations: mpsc::Sender<Observation>,
    pub(super) status: Arc<watch::Sender<ChainStatus>>,
    pub(super) drops: Arc<FeedDrops>,
    /// When something new last came.
    pulse: Arc<Mutex<Instant>>,
}

impl Outlet {
    pub(super) fn new(observations: mpsc::Sender<Observation>, status: ChainStatus) -> Self {
        Outlet {
            observations,
            status: Arc::new(watch::Sender::new(status)),
            drops: Arc::default(),
            pulse: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Tells of a change of what is canonical; waits for room.
    pub(super) async fn update(&self, input: Input) -> Result<(), NobodyListens> {
        let sent = self.observations.send(Observation::now(input)).await;
        // To wait for room is no silence of the endpoint.
        self.beat();
        sent.map_err(|_| NobodyListens)
    }

    /// Tells of a pending transaction, where there is room.
    pub(super) fn pending(&self, transaction: Arc<Transaction>) {
        self.beat();
        let observation = Observation::now(Input::Pending(transaction));
        let heard_unix_ms = observation.observed_unix_ms;
        if self.observations.try_send(observation).is_err() {
            self.drops.observations_full.fetch_add(1, Ordering::Relaxed);
        }
        self.publish(|status| {
            status.last_pending_unix_ms = Some(heard_unix_ms);
            if status.state == FeedState::Subscribed {
                status.state = FeedState::Active;
            }
        });
    }

    pub(super) fn publish(&self, change: impl FnOnce(&mut ChainStatus)) {
        let silent_for = self.silent_for();
        self.status.send_modify(|status| {
            change(status);
            status.silent_for_ms = u64::try_from(silent_for.as_millis()).ok();
            status.updated_unix_ms = unix_ms();
        });
    }

    pub(super) fn beat(&self) {
        *self.pulse.lock().expect("no holder panics") = Instant::now();
    }

    pub(super) fn silent_for(&self) -> Duration {
        self.pulse.lock().expect("no holder panics").elapsed()
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
