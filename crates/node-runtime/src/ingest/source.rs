//! Where chains are heard of: nodes, or a recorded feed.

mod replay;
mod rpc;

use std::{collections::BTreeMap, sync::Arc};

use chain::{Block, ChainKey, ChainStatus, FeedError, StateLimits};
use tokio::sync::{mpsc, watch};

use self::{replay::ReplaySource, rpc::RpcSource};
use super::{decide::Observation, metrics::IngestMetrics};
use crate::{Tasks, settings::IngestMode};

/// Why a source can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The recorded feed can't be read.
    #[error("the recorded feed {name} can't be replayed")]
    Feed {
        /// Its file, or what the program calls its own.
        name: String,
        /// What is wrong with it.
        source: FeedError,
    },
    /// No client of nodes can be made.
    #[error("no client of nodes can be made")]
    Client(#[source] chain::rpc::RpcError),
}

/// Where chains are heard of.
pub(super) enum Sources {
    Rpc(RpcSource),
    Replay(ReplaySource),
}

/// What sources need to begin.
pub(super) struct Beginning<'a> {
    /// The canonical blocks of each chain that are known, oldest first.
    pub(super) histories: BTreeMap<ChainKey, Vec<Arc<Block>>>,
    /// Where observations go.
    pub(super) observe: mpsc::Sender<Observation>,
    pub(super) metrics: Arc<IngestMetrics>,
    /// Whose tasks theirs are.
    pub(super) tasks: &'a Tasks,
}

impl Sources {
    /// Returns those that the settings name.
    ///
    /// # Errors
    /// Fails where a file can't be read.
    pub(super) fn of(mode: &IngestMode) -> Result<Option<Sources>, SourceError> {
        Ok(match mode {
            IngestMode::Off => None,
            IngestMode::Rpc(chains) => Some(Sources::Rpc(RpcSource::new(chains.clone()))),
            IngestMode::Replay(settings) => Some(Sources::Replay(ReplaySource::open(settings)?)),
        })
    }

    /// Returns the chains, in the order in which they are shown, and how much is remembered of each.
    pub(super) fn chains(&self) -> Vec<(ChainKey, StateLimits)> {
        match self {
            Sources::Rpc(source) => source.chains(),
            Sources::Replay(source) => source.chains(),
        }
    }

    /// Begins to observe; returns how each chain's feed stands.
    ///
    /// # Errors
    /// Fails where no client can be made.
    pub(super) fn begin(
        self,
        beginning: Beginning<'_>,
    ) -> Result<Vec<watch::Receiver<ChainStatus>>, SourceError> {
        match self {
            Sources::Rpc(source) => source.begin(beginning),
            Sources::Replay(source) => Ok(source.begin(beginning)),
        }
    }
}
