//! Where a chain's blocks and state come from: the node that the feed is with, or what is given.

use std::{pin::Pin, sync::Arc};

use alloy_primitives::B256;
use chain::{
    Block, BlockRef, ChainConfig, ChainKey, ChainStatus,
    rpc::{Client, RpcError, RpcLimits},
};
use sim::{Fetched, NodeState, StateKey, StateSource};

use super::Seal;
use crate::ingest::feed::Feed;

/// What is awaited of an origin.
pub(super) type Awaited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A block with its transactions and what its header here does not hold; none where it is not known.
pub(super) type WholeBlock = Result<Option<(Arc<Block>, Seal)>, RpcError>;

/// Where a chain's blocks and state come from.
pub(super) trait Origin: StateSource {
    /// Returns the chain's id, once it is known.
    fn chain_id(&self) -> Option<u64>;

    /// Returns a block.
    ///
    /// # Errors
    /// Fails where the node does not answer, or answers another block.
    ///
    /// # Cancel safety
    /// May be dropped.
    fn block(&self, hash: B256) -> Awaited<'_, WholeBlock>;
}

/// State of a chain that is given, without its blocks.
pub(super) struct Given {
    pub(super) chain_id: u64,
    pub(super) state: Arc<dyn StateSource>,
}

impl Origin for Given {
    fn chain_id(&self) -> Option<u64> {
        Some(self.chain_id)
    }

    fn block(&self, _: B256) -> Awaited<'_, WholeBlock> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl StateSource for Given {
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> Awaited<'a, Fetched> {
        self.state.fetch(at, keys)
    }
}

/// The nodes of a chain, in the order of its settings: the one that the feed is with is asked.
#[derive(Debug)]
pub(super) struct Nodes {
    chain: ChainKey,
    feed: Arc<Feed>,
    /// Never empty.
    endpoints: Vec<Endpoint>,
}

#[derive(Debug)]
struct Endpoint {
    client: Client,
    state: NodeState,
}

impl Nodes {
    /// Returns the nodes that a chain's settings name.
    ///
    /// # Errors
    /// Fails where no client can be made.
    pub(super) fn new(config: &ChainConfig, feed: Arc<Feed>) -> Result<Self, RpcError> {
        let endpoint = |of: &chain::EndpointConfig| {
            let client = || Client::new(of.http.clone(), RpcLimits::default());
            Ok(Endpoint { client: client()?, state: NodeState::new(client()?) })
        };
        let endpoints = config.endpoints.iter().map(endpoint).collect::<Result<_, RpcError>>()?;
        Ok(Nodes { chain: config.chain_key.clone(), feed, endpoints })
    }

    fn status(&self) -> Option<ChainStatus> {
        self.feed.statuses().into_iter().find(|status| status.chain_key == self.chain)
    }

    fn endpoint(&self) -> &Endpoint {
        let index = self.status().map_or(0, |status| status.endpoint_index);
        self.endpoints.get(index).unwrap_or(&self.endpoints[0])
    }
}

impl Origin for Nodes {
    fn chain_id(&self) -> Option<u64> {
        self.status().and_then(|status| status.chain_id)
    }

    fn block(&self, hash: B256) -> Awaited<'_, WholeBlock> {
        Box::pin(async move {
            let client = &self.endpoint().client;
            let Some(block) = client.block_by_hash(hash).await? else { return Ok(None) };
            let (mix_hash, excess_blob_gas) = client.seal(hash).await?.unwrap_or_default();
            Ok(Some((block, Seal { mix_hash, excess_blob_gas })))
        })
    }
}

impl StateSource for Nodes {
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> Awaited<'a, Fetched> {
        self.endpoint().state.fetch(at, keys)
    }
}
