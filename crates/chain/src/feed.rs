//! The live feed of one chain: one driver that asks the best endpoint and tells what it observed.
//!
//! A subscription is a wake-up, polling is the truth: at each look the endpoint is asked for its head,
//! the tracker says which blocks are missing, and those are fetched. Listening and the fetching of
//! pending transactions are tasks of their own, so that neither waits for blocks. Updates wait for
//! room where they are taken; pending transactions don't, and are counted where they are dropped.
//!
//! Owns: its tasks, its connections, the tracker, the status. Must not know: who takes what it tells.

mod head;
mod listen;
mod look;
mod outlet;
mod pending;
mod probe;
mod recent;
mod record;
mod session;

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, watch};

pub use self::{
    outlet::Observation,
    record::{RecordError, RecordOptions, RecordProgress, Recorded, record},
};
use self::{outlet::Outlet, session::Ended};
use crate::{
    ChainConfig, ChainStatus, FeedState, Tracker,
    endpoint::{Backoff, Fault, Pool},
    rpc::{Client, RpcError, RpcLimits},
};

/// How a feed deals with endpoints and queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedOptions {
    /// What is taken from endpoints.
    pub rpc: RpcLimits,
    /// Hashes of pending transactions that wait to be fetched.
    pub pending_queue_max: usize,
    /// Missing blocks that are fetched in one batch.
    pub backfill_batch: u64,
    /// Most missing blocks that are fetched; where more are missing the chain is begun anew.
    pub backfill_blocks_max: u64,
    /// How long an endpoint is left alone after its first failure.
    pub backoff_min: Duration,
    /// How long it is left alone at most.
    pub backoff_max: Duration,
    /// How often the other endpoints are asked for their heads.
    pub probe_every: Duration,
    /// By how many blocks an endpoint may be behind the others.
    pub behind_blocks_max: u64,
    /// For how long a new endpoint may be behind what is known before that is taken for a revert,
    /// where there are others; and for how long any may have a head below all that is remembered.
    /// At most half of the time after which an endpoint is silent.
    pub catch_up_time_max: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        FeedOptions {
            rpc: RpcLimits::default(),
            pending_queue_max: 8192,
            backfill_batch: 16,
            backfill_blocks_max: 10_000,
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            probe_every: Duration::from_secs(15),
            behind_blocks_max: 3,
            catch_up_time_max: Duration::from_secs(15),
        }
    }
}

/// What was dropped, since the feed began.
#[derive(Debug, Default)]
pub struct FeedDrops {
    pending_queue_full: AtomicU64,
    pending_not_fetched: AtomicU64,
    observations_full: AtomicU64,
}

impl FeedDrops {
    /// Returns how many pending transactions were not fetched, since too many waited for it
    /// (`pending_queue_full`).
    pub fn pending_queue_full(&self) -> u64 {
        self.pending_queue_full.load(Ordering::Relaxed)
    }

    /// Returns how many pending transactions were asked for in vain, since the node refused or did not
    /// answer in time (`pending_not_fetched`).
    pub fn pending_not_fetched(&self) -> u64 {
        self.pending_not_fetched.load(Ordering::Relaxed)
    }

    /// Returns how many pending transactions were fetched in vain, since who takes them had no room
    /// (`observations_full`).
    pub fn observations_full(&self) -> u64 {
        self.observations_full.load(Ordering::Relaxed)
    }
}

/// The live feed of one chain, not begun yet.
#[derive(Debug)]
pub struct Feed {
    config: ChainConfig,
    options: FeedOptions,
    tracker: Tracker,
    clients: Vec<Arc<Client>>,
    pool: Arc<Mutex<Pool>>,
    outlet: Outlet,
    /// The id that the settings name, or that the first endpoint told.
    chain_id: Option<u64>,
    current: usize,
}

impl Feed {
    /// Returns the feed of a chain. The tracker knows what was canonical before, if anything was.
    ///
    /// # Errors
    ///
    /// Fails where no client can be made.
    pub fn new(
        config: ChainConfig,
        options: FeedOptions,
        tracker: Tracker,
        observations: mpsc::Sender<Observation>,
    ) -> Result<Feed, RpcError> {
        let client = |endpoint: &crate::EndpointConfig| {
            Client::new(endpoint.http.clone(), options.rpc).map(Arc::new)
        };
        let clients = config.endpoints.iter().map(client).collect::<Result<Vec<_>, _>>()?;
        let backoff = Backoff { min: options.backoff_min, max: options.backoff_max };
        let mut status =
            ChainStatus::booting(config.chain_key.clone(), config.source_id.clone(), clients.len());
        status.chain_id = config.chain_id;
        if let Some(head) = tracker.canonical_head() {
            (status.head_number, status.head_hash) = (Some(head.number), Some(head.hash));
        }
        Ok(Feed {
            pool: Arc::new(Mutex::new(Pool::new(clients.len(), backoff))),
            chain_id: config.chain_id,
            outlet: Outlet::new(observations, status),
            current: 0,
            config,
            options,
            tracker,
            clients,
        })
    }

    /// Returns how it stands, now and later.
    pub fn status(&self) -> watch::Receiver<ChainStatus> {
        self.outlet.status.subscribe()
    }

    /// Returns what it dropped, now and later.
    pub fn drops(&self) -> Arc<FeedDrops> {
        Arc::clone(&self.outlet.drops)
    }

    /// Follows the chain until `shutdown` is over, or nobody takes what it tells any more. What fails
    /// is told by the status and tried again, so that there is no error.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it stops with all that it started, and the status stays as it was last.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.drive() => {}
        }
        self.outlet.publish(|status| status.state = FeedState::Disconnected);
    }

    async fn drive(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        loop {
            self.choose().await;
            let ended = self.session().await;
            let fault = match ended {
                Ended::NobodyListens => return,
                Ended::WrongChain { .. } => Fault::WrongChain,
                Ended::Forked { is_disproved: true, .. } => Fault::Distrusted,
                // One of a row of nodes is late; where others are, they are asked for a while.
                Ended::Absent { .. } | Ended::Below { .. } if self.clients.len() > 1 => {
                    Fault::Distrusted
                }
                _ => Fault::Failure,
            };
            self.leave(&ended, fault);
        }
    }

    /// Moves to the endpoint that serves best, once one may be asked.
    async fn choose(&mut self) {
        let (mut next, wait) = lock(&self.pool).choose(Instant::now());
        if !wait.is_zero() {
            self.outlet.publish(|status| status.state = FeedState::Disconnected);
            tokio::time::sleep(wait).await;
            next = lock(&self.pool).choose(Instant::now()).0;
        }
        if next != self.current {
            self.outlet.publish(|status| {
                status.state = FeedState::Rotating;
                status.rotation_count += 1;
            });
        }
        self.current = next;
    }

    fn leave(&mut self, ended: &Ended, fault: Fault) {
        lock(&self.pool).left(self.current, fault, Instant::now(), rand::random());
        let (chain, endpoint) =
            (self.config.chain_key.as_str(), self.clients[self.current].address());
        match fault {
            Fault::WrongChain | Fault::Distrusted => {
                tracing::error!(chain, %endpoint, error = %ended, "endpoint is set aside");
            }
            Fault::Failure => tracing::warn!(chain, %endpoint, error = %ended, "endpoint is left"),
        }
        self.outlet.publish(|status| {
            status.state = match ended {
                Ended::Silent => FeedState::SilentTimeout,
                _ => FeedState::Error,
            };
            status.last_error = Some(format!("{endpoint}: {ended}"));
            status.fork_refused_count += u64::from(matches!(ended, Ended::Forked { .. }));
        });
    }
}

fn lock(pool: &Mutex<Pool>) -> std::sync::MutexGuard<'_, Pool> {
    pool.lock().expect("no holder panics")
}
