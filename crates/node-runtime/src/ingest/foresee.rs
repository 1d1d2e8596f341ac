//! What transactions that wait would do: each is simulated once, on the head that there is then.
//!
//! Nothing here is on the way from a source to a reader. Where more wait than can be simulated, the
//! newest are skipped and counted.

use std::{sync::Arc, time::Duration};

use alloy_primitives::B256;
use chain::{ChainKey, Fact, Finding, FindingKind, Json};
use sim::Status;
use tokio::{sync::mpsc, time::sleep};

use super::{
    analyse::Found,
    feed::Feed,
    metrics::IngestMetrics,
    simulate::{Simulation, SimulationError, Simulations},
};
use crate::Shutdown;

/// Events of a chain that are looked at together.
const EVENTS_AT_ONCE: usize = 256;

/// Events that may wait; behind them the newest are skipped.
const EVENTS_WAITING_MAX: u64 = 4_096;

/// How long it rests behind each simulation, so that callers of the routes have their turn.
pub(super) const PAUSE: Duration = Duration::from_millis(2);

/// How long it waits where the node does not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Simulates what waits on one chain.
pub(super) struct Foreseer {
    pub(super) chain: ChainKey,
    pub(super) feed: Arc<Feed>,
    pub(super) simulations: Arc<Simulations>,
    pub(super) leave: mpsc::Sender<Found>,
    pub(super) metrics: Arc<IngestMetrics>,
    /// The number of the last event that was looked at.
    pub(super) after: u64,
    /// How long it rests behind each simulation.
    pub(super) pause: Duration,
}

impl Foreseer {
    /// Simulates what is heard of, until it is asked to end.
    pub(super) async fn run(mut self, mut shutdown: Shutdown) {
        let mut changed = self.feed.changed();
        loop {
            changed.mark_unchanged();
            let done = tokio::select! {
                biased;
                () = shutdown.asked() => return,
                done = self.catch_up() => done,
            };
            if done.is_none() {
                return;
            }
            tokio::select! {
                biased;
                () = shutdown.asked() => return,
                more = changed.changed() => if more.is_err() { return },
            }
        }
    }

    /// Looks at what is shown now; `None` where nobody takes anything any more.
    pub(super) async fn catch_up(&mut self) -> Option<()> {
        loop {
            let snapshot = self.feed.snapshot();
            let Some(view) = snapshot.chain(self.chain.as_str()) else { return Some(()) };
            self.after = self.after.max(view.number_before());
            let waiting: Vec<_> = view
                .events_after(self.after, EVENTS_AT_ONCE)
                .into_iter()
                .map(|event| (event.number, waits(&event.fact)))
                .collect();
            let Some((last, _)) = waiting.last().copied() else {
                // Numbers that are missing hold nobody up.
                match view.resumes_after(self.after) {
                    next if next > self.after => self.after = next,
                    _ => return Some(()),
                }
                continue;
            };
            for (number, hash) in waiting {
                if let Some(hash) = hash {
                    self.foresee(number, hash).await?;
                }
            }
            self.after = last;
            self.skip_newest();
        }
    }

    /// Simulates a transaction that waits still; one that does not is told of by its block.
    async fn foresee(&self, cause: u64, hash: B256) -> Option<()> {
        let row = self.feed.snapshot().transaction(&hash, Some(self.chain.as_str())).cloned();
        let Some(row) = row.filter(|row| row.status.waits()) else { return Some(()) };
        match self.simulations.transaction(&row).await {
            Ok(simulation) => {
                let findings: Vec<_> = finding(&simulation, hash, cause).into_iter().collect();
                self.leave.send(Found { chain: self.chain.clone(), findings }).await.ok()?;
                sleep(self.pause).await;
            }
            Err(SimulationError::NoHead | SimulationError::NoNodes) => {
                self.metrics.skipped("no_state", 1);
            }
            Err(error) => {
                tracing::debug!(chain = %self.chain, %hash, %error, "a transaction is not simulated");
                self.metrics.skipped("no_simulation", 1);
                sleep(AGAIN_AFTER).await;
            }
        }
        Some(())
    }

    /// Leaves out the newest where too many wait.
    fn skip_newest(&mut self) {
        let snapshot = self.feed.snapshot();
        let Some(view) = snapshot.chain(self.chain.as_str()) else { return };
        if view.number_last() - self.after <= EVENTS_WAITING_MAX {
            return;
        }
        let mut skipped = 0;
        loop {
            let events = view.events_after(self.after, EVENTS_AT_ONCE);
            let Some(last) = events.last() else {
                match view.resumes_after(self.after) {
                    next if next > self.after => self.after = next,
                    _ => break,
                }
                continue;
            };
            skipped += events.iter().filter(|event| waits(&event.fact).is_some()).count() as u64;
            self.after = last.number;
        }
        self.metrics.skipped("behind_simulations", skipped);
    }
}

/// Returns the transaction that a fact tells of as one that waits.
fn waits(fact: &Fact) -> Option<B256> {
    match fact {
        Fact::Seen { transaction } => Some(transaction.hash),
        _ => None,
    }
}

fn finding(simulation: &Simulation, of: B256, cause: u64) -> Option<Finding> {
    let outcome = simulation.outcomes.last()?;
    let label = match outcome.status {
        Status::Success => "success",
        Status::Revert { .. } => "revert",
        Status::Halt { .. } => "halt",
        Status::Invalid { .. } => "invalid",
        Status::Incomplete { .. } => "incomplete",
    };
    let body = Json::of(simulation).inspect_err(|error| {
        tracing::error!(%error, hash = %of, "a simulation can't be written");
    });
    Some(Finding {
        kind: FindingKind::Simulation,
        of,
        cause,
        label: label.to_owned(),
        value: None,
        body: body.ok()?,
    })
}
