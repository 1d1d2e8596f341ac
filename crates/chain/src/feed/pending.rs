//! The fetcher of pending transactions: by the hashes that the node tells of, or by polling.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use alloy_primitives::B256;
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use super::{outlet::Outlet, recent::Recent, session::Ended};
use crate::rpc::{Client, RpcError};

/// How many hashes are remembered, so that none is fetched twice.
const RECENT_HALF_MAX: usize = 16_384;

/// Where pending transactions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// That is asked right now.
    Undecided,
    /// The node tells of them.
    Told,
    /// They must be asked for.
    Poll,
}

/// How they are asked for.
#[derive(Clone, Debug)]
enum Way {
    /// By a note that the node keeps; none is made yet.
    NewFilter,
    /// By this note.
    Filter(String),
    /// By the block that the node would make now.
    PendingBlock,
    /// In no way.
    Refused,
}

pub(super) struct Fetcher {
    pub(super) client: Arc<Client>,
    pub(super) outlet: Outlet,
    pub(super) waiting: mpsc::Receiver<B256>,
    pub(super) source: watch::Receiver<Source>,
    /// Whether the node's chain was found to be the one that is known; nothing is taken before.
    pub(super) is_believed: watch::Receiver<bool>,
    pub(super) poll_every: Duration,
    pub(super) batch_max: usize,
}

impl Fetcher {
    pub(super) async fn run(mut self) -> Ended {
        let mut poll = interval(self.poll_every);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut recent, mut way) = (Recent::new(RECENT_HALF_MAX), Way::NewFilter);
        let mut hashes = Vec::new();
        loop {
            let is_believed = *self.is_believed.borrow_and_update();
            // A note is made before, so that what comes from then on is on it.
            let polls = *self.source.borrow() == Source::Poll
                && (is_believed || matches!(way, Way::NewFilter));
            let takes = is_believed && !self.waiting.is_closed();
            let done = tokio::select! {
                Ok(()) = self.is_believed.changed(), if !is_believed => Ok(()),
                count = self.waiting.recv_many(&mut hashes, self.batch_max.max(1)), if takes => {
                    hashes.retain(|hash| recent.is_new(*hash));
                    if count == 0 { Ok(()) } else { self.fetch(&std::mem::take(&mut hashes)).await }
                }
                _ = poll.tick() => {
                    if polls { self.ask(&mut way, &mut recent).await } else { Ok(()) }
                }
            };
            if let Err(error) = done {
                return error.into();
            }
        }
    }

    async fn fetch(&self, hashes: &[B256]) -> Result<(), RpcError> {
        for hashes in hashes.chunks(self.batch_max.max(1)) {
            match self.client.transactions(hashes).await {
                Ok(found) => found.into_iter().flatten().for_each(|it| self.outlet.pending(it)),
                // Such a call is refused now and then, or takes too long where many wait; the block
                // will bring them. Whether the node is there is seen by asking for its head.
                Err(error) if error.is_from_node() || error.is_late() => {
                    tracing::debug!(%error, "not fetched");
                    let missed = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
                    self.outlet.drops.pending_not_fetched.fetch_add(missed, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn ask(&self, way: &mut Way, recent: &mut Recent) -> Result<(), RpcError> {
        match way {
            Way::NewFilter => match self.client.pending_filter().await {
                Ok(filter) => *way = Way::Filter(filter),
                Err(error) if error.is_refusal() => *way = Way::PendingBlock,
                // Too many calls, perhaps: it is asked again.
                Err(error) if error.is_from_node() => tracing::debug!(%error, "not noted"),
                Err(error) => return Err(error),
            },
            Way::Filter(filter) => match self.client.filter_changes(filter).await {
                Ok(mut hashes) => {
                    hashes.retain(|hash| recent.is_new(*hash));
                    self.fetch(&hashes).await?;
                }
                // It was forgotten.
                Err(error) if error.is_from_node() => *way = Way::NewFilter,
                Err(error) => return Err(error),
            },
            Way::PendingBlock => match self.client.pending_block().await {
                Ok(found) => {
                    let found = found.into_iter().filter(|it| recent.is_new(it.hash));
                    found.for_each(|it| self.outlet.pending(it));
                }
                Err(error) if error.is_refusal() => *way = Way::Refused,
                Err(error) if error.is_from_node() => tracing::debug!(%error, "not told"),
                Err(error) => return Err(error),
            },
            Way::Refused => {}
        }
        Ok(())
    }
}
