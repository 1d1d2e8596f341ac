//! What the process knows of chains, for whoever serves it: the last snapshot, and how each chain's
//! feed stands.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use chain::ChainStatus;
use event::Epoch;
use projection::Snapshot;
use tokio::sync::watch;

use super::latency::{Latencies, Latency};

/// What the process knows of chains. Building it starts nothing.
#[derive(Debug)]
pub struct Feed {
    snapshot: ArcSwap<Snapshot>,
    changed: watch::Sender<u64>,
    epoch: OnceLock<Epoch>,
    statuses: OnceLock<Vec<watch::Receiver<ChainStatus>>>,
    pub(super) latencies: Latencies,
}

impl Default for Feed {
    fn default() -> Self {
        Feed {
            snapshot: ArcSwap::default(),
            changed: watch::Sender::new(0),
            epoch: OnceLock::new(),
            statuses: OnceLock::new(),
            latencies: Latencies::default(),
        }
    }
}

impl Feed {
    /// Returns what is known now; it never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Returns a view of the number of the last event that can be waited on.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns how the feed of each chain stands, in the order of the settings.
    pub fn statuses(&self) -> Vec<ChainStatus> {
        let all = self.statuses.get().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(|status| status.borrow().clone()).collect()
    }

    /// Returns whether a chain is followed, or was when facts of it were kept.
    pub fn knows(&self, key: &str) -> bool {
        let all = self.statuses.get().map(Vec::as_slice).unwrap_or_default();
        all.iter().any(|status| status.borrow().chain_key.as_str() == key)
            || self.snapshot.load().chain(key).is_some()
    }

    /// Returns how long events took, for each chain that had some.
    pub fn latencies(&self) -> Vec<Latency> {
        self.latencies.measured()
    }

    /// Returns the name of the log that cursors of chains' streams are places of, once it was opened.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch.get().copied()
    }

    /// Says how feeds tell how they stand; once.
    pub(super) fn follow(&self, statuses: Vec<watch::Receiver<ChainStatus>>) {
        self.statuses.get_or_init(|| statuses);
    }

    /// Names the log; once.
    pub(super) fn name(&self, epoch: Epoch) {
        self.epoch.get_or_init(|| epoch);
    }

    /// Shows what is known now to everybody.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let latest = snapshot.latest_seq;
        self.snapshot.store(Arc::new(snapshot));
        self.changed.send_replace(latest);
    }
}
