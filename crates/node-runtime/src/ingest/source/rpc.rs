//! Nodes as a source: a feed for each chain, whose observations go on with the chain's name.

use std::sync::Arc;

use chain::{
    Block, ChainConfig, ChainKey, ChainStatus, StateLimits, Tracker, TrackerLimits,
    feed::{self, Feed, FeedOptions},
};
use tokio::sync::{mpsc, watch};

use super::{Beginning, SourceError};
use crate::{Shutdown, ingest::decide::Observation};

/// Observations of one chain that wait to go on.
const OBSERVED_MAX: usize = 4_096;

/// Nodes, for each chain.
pub(in crate::ingest) struct RpcSource {
    chains: Vec<ChainConfig>,
}

impl RpcSource {
    pub(super) fn new(chains: Vec<ChainConfig>) -> Self {
        RpcSource { chains }
    }

    pub(super) fn chains(&self) -> Vec<(ChainKey, StateLimits)> {
        let limits = |chain: &ChainConfig| {
            let final_depth = chain.final_depth;
            (chain.chain_key.clone(), StateLimits { final_depth, ..StateLimits::default() })
        };
        self.chains.iter().map(limits).collect()
    }

    pub(super) fn begin(
        self,
        mut beginning: Beginning<'_>,
    ) -> Result<Vec<watch::Receiver<ChainStatus>>, SourceError> {
        let mut statuses = Vec::new();
        for config in self.chains {
            let history = beginning.histories.remove(&config.chain_key).unwrap_or_default();
            statuses.push(begin_one(config, history, &beginning)?);
        }
        Ok(statuses)
    }
}

fn begin_one(
    config: ChainConfig,
    history: Vec<Arc<Block>>,
    beginning: &Beginning<'_>,
) -> Result<watch::Receiver<ChainStatus>, SourceError> {
    let chain = config.chain_key.clone();
    let tracker = Tracker::resume(TrackerLimits::default(), history);
    let (tell, told) = mpsc::channel(OBSERVED_MAX);
    let feed = Feed::new(config, FeedOptions::default(), tracker, tell);
    let feed = feed.map_err(SourceError::Client)?;
    let status = feed.status();
    beginning.metrics.count_drops_of(feed.drops());
    let shutdown = beginning.tasks.shutdown();
    beginning.tasks.spawn("follow a chain", feed.run(asked(shutdown)));
    beginning.tasks.spawn("tell of a chain", go_on(chain, told, beginning.observe.clone()));
    Ok(status)
}

async fn asked(mut shutdown: Shutdown) {
    shutdown.asked().await;
}

/// Hands on what a feed tells, until it has ended or nobody decides any more.
async fn go_on(
    chain: ChainKey,
    mut told: mpsc::Receiver<feed::Observation>,
    observe: mpsc::Sender<Observation>,
) {
    while let Some(feed::Observation { observed_unix_ms, input, .. }) = told.recv().await {
        let observation = Observation { chain: chain.clone(), observed_unix_ms, input };
        if observe.send(observation).await.is_err() {
            return;
        }
    }
}
