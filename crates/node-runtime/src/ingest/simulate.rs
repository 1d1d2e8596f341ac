//! What transactions would do: simulations on the state of a chain's nodes, for whoever asks.
//!
//! Nothing here is on the way from a source to a reader. A chain has one thread that simulates, which
//! is started when it is first asked; more than a few waiting questions are refused.

mod nodes;

use std::{
    collections::BTreeMap,
    fmt::{self, Debug, Formatter},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use alloy_primitives::B256;
use chain::{BlockRef, ChainConfig, ChainKey, Header, Transaction, rpc::RpcError};
use feature::Registry;
use parking_lot::Mutex;
use projection::{TransactionQuery, TransactionRow};
use serde::Serialize;
use sim::{
    BlockEnv, Bundle, Call, EvmSimulator, FetchLimits, Fetched, Hardfork, Outcome, Overrides, Pool,
    PoolOptions, PoolParts, Rules, SimulationLimits, StateCache, StateKey, StateSource,
    SubmitError,
};
use tokio::{runtime::Handle, task::JoinHandle};

use self::nodes::{Given, Nodes, Origin};
use super::feed::Feed;

/// How long a simulation may take, its wait included.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long it may take where nobody waits for it.
const PATIENT_DEADLINE: Duration = Duration::from_mins(5);

/// Simulations of a chain that wait at most.
const WAITING_MAX: usize = 64;

/// Most transactions of a sender that are simulated before another one of it.
const BEFORE_MAX: usize = 16;

/// Bytes of state that are remembered of a chain.
const CACHE_BYTES: usize = 64 << 20;

/// How much later the next block is taken to be where that can't be told from the last two.
const BLOCK_SECONDS: u64 = 12;

/// What transactions would do, on the state of their chains' nodes. Building it starts nothing.
pub struct Simulations {
    feed: Arc<Feed>,
    registry: Arc<Registry>,
    chains: BTreeMap<ChainKey, Arc<dyn Origin>>,
    deadline: Duration,
    /// `None` behind the end.
    pools: Mutex<Option<BTreeMap<ChainKey, Arc<Pool>>>>,
}

/// What a transaction would do, or did, and on what that rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Simulation {
    /// The block behind which the state was read.
    pub at: BlockRef,
    /// The block that it stands in.
    pub block: BlockEnv,
    /// What is assumed, in words.
    pub assumptions: Vec<&'static str>,
    /// What each call does; for a transaction of a block, it alone.
    pub outcomes: Vec<Outcome>,
}

/// Why there is no simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The chain is not followed at nodes.
    #[error("there is no state to simulate on: this chain is not followed at nodes")]
    NoNodes,
    /// No block of the chain is known yet, or the node has not said which chain it is.
    #[error("no block of this chain is known yet")]
    NoHead,
    /// The node has not got the block.
    #[error("the node has not got the block any more")]
    BlockGone,
    /// The node does not answer.
    #[error("the chain's node does not answer")]
    Node(#[source] RpcError),
    /// Too many wait, or the process ends.
    #[error("too many simulations wait; ask again")]
    Busy,
    /// There was no time for it.
    #[error("there was no time for the simulation; ask again")]
    Expired,
    /// The simulator failed.
    #[error("the simulator failed")]
    Failed,
}

impl Simulations {
    /// Returns those of these chains.
    ///
    /// # Errors
    /// Fails where no client of nodes can be made.
    pub(super) fn new(
        feed: Arc<Feed>,
        registry: Arc<Registry>,
        configs: &[ChainConfig],
    ) -> Result<Self, RpcError> {
        let nodes = |config: &ChainConfig| {
            let nodes = Nodes::new(config, Arc::clone(&feed))?;
            Ok((config.chain_key.clone(), Arc::new(nodes) as Arc<dyn Origin>))
        };
        let chains = configs.iter().map(nodes).collect::<Result<_, RpcError>>()?;
        let pools = Mutex::new(Some(BTreeMap::new()));
        Ok(Simulations { feed, registry, chains, deadline: DEADLINE, pools })
    }

    /// Returns those of chains whose ids and state are given, for whoever has time.
    pub(super) fn given(
        feed: Arc<Feed>,
        registry: Arc<Registry>,
        chains: BTreeMap<ChainKey, (u64, Arc<dyn StateSource>)>,
    ) -> Self {
        let origin = |(key, (chain_id, state))| {
            (key, Arc::new(Given { chain_id, state }) as Arc<dyn Origin>)
        };
        let chains = chains.into_iter().map(origin).collect();
        let pools = Mutex::new(Some(BTreeMap::new()));
        Simulations { feed, registry, chains, deadline: PATIENT_DEADLINE, pools }
    }

    /// Simulates a transaction: one of a block behind those before it there, any other one in the
    /// block that is to come.
    ///
    /// # Errors
    /// See [`SimulationError`].
    ///
    /// # Cancel safety
    /// May be dropped; what runs is ended by its deadline.
    pub async fn transaction(&self, row: &TransactionRow) -> Result<Simulation, SimulationError> {
        match row.block {
            Some((block, index)) => self.included(&row.chain, block, index).await,
            None => self.waiting(row).await,
        }
    }

    /// Simulates a transaction that waits, behind those of its sender that wait before it.
    async fn waiting(&self, row: &TransactionRow) -> Result<Simulation, SimulationError> {
        let before = self.before(row);
        let calls = before.iter().chain([&row.transaction]).map(|each| Call::from(&**each));
        let mut simulation = self.calls(&row.chain, calls.collect(), Overrides::default()).await?;
        if !before.is_empty() {
            simulation.assumptions.push("it comes behind its sender's others that wait before it");
        }
        simulation.outcomes.drain(..simulation.outcomes.len().saturating_sub(1));
        Ok(simulation)
    }

    /// Returns the sender's waiting transactions whose nonces lead up to this one's, oldest first.
    fn before(&self, row: &TransactionRow) -> Vec<Arc<Transaction>> {
        let wanted = TransactionQuery {
            chain: Some(row.chain.to_string()),
            sender: Some(row.transaction.sender),
            limit: BEFORE_MAX * 4,
            ..TransactionQuery::default()
        };
        let others = self.feed.snapshot().transactions(&wanted).transactions;
        let waiting = others.iter().filter(|other| other.status.waits());
        let by_nonce: BTreeMap<u64, &Arc<Transaction>> =
            waiting.map(|other| (other.transaction.nonce, &other.transaction)).collect();
        let lower = (0..row.transaction.nonce).rev().take(BEFORE_MAX);
        let mut before: Vec<_> = lower.map_while(|nonce| by_nonce.get(&nonce)).collect();
        before.reverse();
        before.into_iter().map(|each| Arc::clone(each)).collect()
    }

    /// Simulates calls behind each other, in the block that is to come.
    ///
    /// # Errors
    /// See [`SimulationError`].
    ///
    /// # Cancel safety
    /// May be dropped; what runs is ended by its deadline.
    pub async fn calls(
        &self,
        chain: &ChainKey,
        calls: Vec<Call>,
        overrides: Overrides,
    ) -> Result<Simulation, SimulationError> {
        let known = self.chains.contains_key(chain);
        let snapshot = self.feed.snapshot();
        let head = snapshot.chain(chain.as_str()).and_then(projection::ChainView::head_header);
        let head = head.filter(|_| known).cloned();
        let Some(head) = head else {
            return Err(if known { SimulationError::NoHead } else { SimulationError::NoNodes });
        };
        let seconds = snapshot.chain(chain.as_str()).and_then(projection::ChainView::block_seconds);
        let env = BlockEnv::next(&head, seconds.unwrap_or(BLOCK_SECONDS));
        let mut assumptions = vec![
            "it is the first of the block that is to come",
            "that block has the proposer and the gas limit of the last one, and the random number 0",
            "what blobs cost in that block is not known",
        ];
        if calls.iter().any(|call| call.fees.is_none()) {
            assumptions.push("calls without fees pay nothing for gas");
        }
        let bundle = Bundle { at: head.block(), env, calls, overrides };
        self.run(chain, bundle, assumptions).await
    }

    /// Returns the chains that are followed at nodes.
    pub(super) fn chains(&self) -> impl Iterator<Item = &ChainKey> {
        self.chains.keys()
    }

    /// Returns the id of a chain that is followed at nodes, once its node has said it.
    pub(super) fn chain_id(&self, chain: &ChainKey) -> Option<u64> {
        self.chains.get(chain)?.chain_id()
    }

    /// Reads the state behind a block from the node that the feed is with; `None` where there is none,
    /// or it takes too long.
    pub(super) async fn state(
        &self,
        chain: &ChainKey,
        at: BlockRef,
        keys: &[StateKey],
    ) -> Option<Fetched> {
        let nodes = self.chains.get(chain)?;
        tokio::time::timeout(self.deadline, nodes.fetch(at, keys)).await.ok()
    }

    async fn included(
        &self,
        chain: &ChainKey,
        block: BlockRef,
        index: u32,
    ) -> Result<Simulation, SimulationError> {
        let nodes = self.chains.get(chain).ok_or(SimulationError::NoNodes)?;
        let whole = nodes.block(block.hash).await.map_err(SimulationError::Node)?;
        let (whole, seal) = whole.ok_or(SimulationError::BlockGone)?;
        let header: &Header = &whole.header;
        let parent = header.number.checked_sub(1).ok_or(SimulationError::BlockGone)?;
        let before = whole.transactions.get(..=index as usize).ok_or(SimulationError::BlockGone)?;
        let calls = before.iter().map(|each: &Arc<Transaction>| Call::from(&**each)).collect();
        let bundle = Bundle {
            at: BlockRef { number: parent, hash: header.parent_hash },
            env: BlockEnv::of(header, seal.mix_hash.unwrap_or_default(), seal.excess_blob_gas),
            calls,
            overrides: Overrides::default(),
        };
        let assumptions = match seal.mix_hash {
            Some(_) => Vec::new(),
            None => vec!["the random number of the block is 0: its node does not say it"],
        };
        let mut simulation = self.run(chain, bundle, assumptions).await?;
        simulation.outcomes.drain(..simulation.outcomes.len().saturating_sub(1));
        Ok(simulation)
    }

    async fn run(
        &self,
        chain: &ChainKey,
        bundle: Bundle,
        assumptions: Vec<&'static str>,
    ) -> Result<Simulation, SimulationError> {
        let pool = self.pool(chain)?;
        let (at, block) = (bundle.at, bundle.env.clone());
        let told = pool.try_submit(bundle).map_err(|error| match error {
            SubmitError::Busy | SubmitError::Closed => SimulationError::Busy,
        })?;
        drop(pool);
        let outcomes = match told.await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(sim::JobError::Expired)) => return Err(SimulationError::Expired),
            Ok(Err(sim::JobError::Panicked)) => return Err(SimulationError::Failed),
            Err(_) => return Err(SimulationError::Busy),
        };
        Ok(Simulation { at, block, assumptions, outcomes })
    }

    /// Returns the chain's thread, which is started where there is none yet.
    fn pool(&self, chain: &ChainKey) -> Result<Arc<Pool>, SimulationError> {
        let nodes = self.chains.get(chain).ok_or(SimulationError::NoNodes)?;
        let mut pools = self.pools.lock();
        let pools = pools.as_mut().ok_or(SimulationError::Busy)?;
        if let Some(pool) = pools.get(chain) {
            return Ok(Arc::clone(pool));
        }
        let chain_id = nodes.chain_id().ok_or(SimulationError::NoHead)?;
        let named = self.registry.chain(chain_id).and_then(|known| known.hardfork());
        let rules =
            Rules { hardfork: named.and_then(Hardfork::from_name), ..Rules::of_chain(chain_id) };
        let parts = PoolParts {
            simulator: Arc::new(EvmSimulator::new(rules, SimulationLimits::default())),
            cache: Arc::new(StateCache::new(CACHE_BYTES)),
            source: Arc::clone(nodes) as Arc<dyn StateSource>,
            runtime: Handle::current(),
        };
        let options = PoolOptions {
            threads: NonZeroUsize::MIN,
            queue_max: WAITING_MAX,
            deadline: self.deadline,
            fetch: FetchLimits::default(),
        };
        let pool = Pool::start(parts, options).map_err(|error| {
            tracing::error!(%chain, %error, "there is no thread for simulations");
            SimulationError::Busy
        })?;
        let pool = Arc::new(pool);
        pools.insert(chain.clone(), Arc::clone(&pool));
        Ok(pool)
    }

    /// Takes nothing more, and ends the threads; what runs is ended by its deadline.
    pub(crate) fn end(&self) -> JoinHandle<()> {
        let pools = self.pools.lock().take();
        tokio::task::spawn_blocking(move || drop(pools))
    }
}

impl Debug for Simulations {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let chains: Vec<_> = self.chains.keys().collect();
        f.debug_struct("Simulations").field("chains", &chains).finish_non_exhaustive()
    }
}

/// What a block says that its header here does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seal {
    mix_hash: Option<B256>,
    excess_blob_gas: Option<u64>,
}
