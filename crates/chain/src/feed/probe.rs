//! The prober: it asks the other endpoints for their heads, and sees when the current one is behind.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};

use super::{lock, session::Ended};
use crate::{
    ChainStatus,
    endpoint::{Fault, Pool},
    rpc::{Client, RpcError},
};

/// So many times in a row the current endpoint must be behind.
const TIMES: u32 = 3;

pub(super) struct Prober {
    pub(super) clients: Vec<Arc<Client>>,
    pub(super) current: usize,
    pub(super) chain_id: Option<u64>,
    pub(super) pool: Arc<Mutex<Pool>>,
    pub(super) status: watch::Receiver<ChainStatus>,
    pub(super) every: Duration,
    pub(super) behind_blocks_max: u64,
}

impl Prober {
    pub(super) async fn run(self) -> Ended {
        let mut times = 0;
        while times < TIMES {
            sleep(self.every).await;
            times = if self.is_behind().await { times + 1 } else { 0 };
        }
        Ended::Behind
    }

    async fn is_behind(&self) -> bool {
        let mut highest = None;
        for (at, client) in self.clients.iter().enumerate() {
            // What one says that is left alone is no reason to leave another one for it.
            if at != self.current && !lock(&self.pool).is_left(at, Instant::now()) {
                highest = highest.max(self.probe(at, client).await);
            }
        }
        let ours = self.status.borrow().head_number;
        highest
            .zip(ours)
            .is_some_and(|(highest, ours)| highest.saturating_sub(ours) > self.behind_blocks_max)
    }

    async fn probe(&self, at: usize, client: &Client) -> Option<u64> {
        let begun = Instant::now();
        match self.head(at, client).await {
            Ok(head) => {
                lock(&self.pool).succeeded(at, begun.elapsed(), head);
                head
            }
            Err(_) => {
                lock(&self.pool).missed(at);
                None
            }
        }
    }

    async fn head(&self, at: usize, client: &Client) -> Result<Option<u64>, RpcError> {
        if self.chain_id.is_some_and(|ours| ours != 0)
            && Some(client.chain_id().await?) != self.chain_id
        {
            lock(&self.pool).left(at, Fault::WrongChain, Instant::now(), 0.0);
            tracing::error!(endpoint = %client.address(), "endpoint is of another chain; set aside");
            return Ok(None);
        }
        client.block_number().await.map(Some)
    }
}
