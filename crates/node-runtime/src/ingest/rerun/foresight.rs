//! What is searched and simulated in a rerun: by those who do it in a server, step by step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chain::{ChainKey, Finding};
use feature::Registry;
use projection::Snapshot;
use sim::StateSource;
use tokio::sync::mpsc;

use crate::ingest::{
    analyse::Found,
    feed::Feed,
    foresee::Foreseer,
    metrics::IngestMetrics,
    seek::{Known, Seeker},
    simulate::Simulations,
};

/// Groups of findings that may wait until they are taken, which is at once.
const FOUND_MAX: usize = 16;

/// State of a chain on which a rerun searches and simulates.
#[derive(Clone)]
pub struct ChainState {
    /// The chain's id.
    pub chain_id: u64,
    /// Where the state behind its blocks is read.
    pub source: Arc<dyn StateSource>,
}

/// Searches and simulates on the state of some chains.
pub(super) struct Foresight {
    feed: Arc<Feed>,
    simulations: Arc<Simulations>,
    chains: BTreeMap<ChainKey, (Seeker, Foreseer)>,
    found: mpsc::Receiver<Found>,
}

impl Foresight {
    /// Returns one that has seen nothing.
    pub(super) fn new(registry: &Arc<Registry>, states: BTreeMap<ChainKey, ChainState>) -> Self {
        let feed = Arc::new(Feed::default());
        let keys: Vec<_> = states.keys().cloned().collect();
        let given = states.into_iter().map(|(key, state)| (key, (state.chain_id, state.source)));
        let simulations =
            Simulations::given(Arc::clone(&feed), Arc::clone(registry), given.collect());
        let simulations = Arc::new(simulations);
        let metrics = Arc::new(IngestMetrics::default());
        let (leave, found) = mpsc::channel(FOUND_MAX);
        let each = |chain: ChainKey| {
            let seeker = Seeker {
                chain: chain.clone(),
                feed: Arc::clone(&feed),
                registry: Arc::clone(registry),
                simulations: Arc::clone(&simulations),
                leave: leave.clone(),
                metrics: Arc::clone(&metrics),
                known: Known::default(),
                again_after: Duration::ZERO,
            };
            let foreseer = Foreseer {
                chain: chain.clone(),
                feed: Arc::clone(&feed),
                simulations: Arc::clone(&simulations),
                leave: leave.clone(),
                metrics: Arc::clone(&metrics),
                after: 0,
                pause: Duration::ZERO,
            };
            (chain, (seeker, foreseer))
        };
        let chains = keys.into_iter().map(each).collect();
        Foresight { feed, simulations, chains, found }
    }

    /// Returns what follows for a chain from what is known now.
    pub(super) async fn look(&mut self, chain: &ChainKey, now: Snapshot) -> Vec<Finding> {
        let Foresight { feed, chains, found, .. } = self;
        let Some((seeker, foreseer)) = chains.get_mut(chain) else { return Vec::new() };
        feed.publish(now);
        let work = async {
            let _nobody_gone = seeker.look().await;
            let _nobody_gone = foreseer.catch_up().await;
        };
        gather(work, found).await
    }

    /// Ends the threads that simulate.
    pub(super) async fn end(self) {
        // Nothing waits any more: a thread that panicked has said so.
        let _ = self.simulations.end().await;
    }
}

/// Carries work out and takes what it leaves, in its order.
async fn gather(work: impl Future<Output = ()>, left: &mut mpsc::Receiver<Found>) -> Vec<Finding> {
    let mut work = std::pin::pin!(work);
    let mut findings = Vec::new();
    loop {
        tokio::select! {
            biased;
            Some(found) = left.recv() => findings.extend(found.findings),
            () = &mut work => break,
        }
    }
    while let Ok(found) = left.try_recv() {
        findings.extend(found.findings);
    }
    findings
}
