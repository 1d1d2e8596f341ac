//! The listener: it reads what the node tells of by itself, and never waits for anything else.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::{Notify, mpsc, watch};

use super::{outlet::Outlet, pending::Source, session::Ended};
use crate::{
    EndpointAddress,
    rpc::{Notice, PendingKind, RpcLimits, Socket},
};

pub(super) struct Listener {
    pub(super) address: EndpointAddress,
    pub(super) limits: RpcLimits,
    /// The chain that is meant.
    pub(super) chain_id: Option<u64>,
    /// Whether its chain was found to be the one that is known; nothing is taken before.
    pub(super) is_believed: watch::Receiver<bool>,
    pub(super) outlet: Outlet,
    /// Where hashes wait to be fetched.
    pub(super) hashes: mpsc::Sender<alloy_primitives::B256>,
    pub(super) source: watch::Sender<Source>,
    /// Wakes who asks for the head.
    pub(super) wake: Arc<Notify>,
    /// Where no other endpoint is there: after how long it is tried again. Blocks come by polling.
    pub(super) retry_every: Option<Duration>,
}

impl Listener {
    pub(super) async fn run(self) -> Ended {
        let mut wait = Duration::from_millis(250);
        loop {
            let error = match self.listen().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let Some(retry_every) = self.retry_every else { return error };
            self.source.send_replace(Source::Poll);
            tracing::warn!(endpoint = %self.address, %error, "subscriptions ended; polling");
            let words = format!("{}: {error}", self.address);
            self.outlet.publish(|status| status.last_error = Some(words));
            tokio::time::sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            wait = (wait * 2).min(retry_every);
        }
    }

    async fn listen(&self) -> Result<std::convert::Infallible, Ended> {
        let mut socket = Socket::connect(&self.address, self.limits).await?;
        // First, so that little is missed; what is told before the rest is known waits.
        let pending = socket.subscribe_pending().await?;
        match socket.subscribe_heads().await {
            Err(error) if !error.is_from_node() => return Err(error.into()),
            _ => {}
        }
        self.check_chain(&mut socket).await?;
        let polls = pending == PendingKind::Refused;
        self.source.send_replace(if polls { Source::Poll } else { Source::Told });
        // What is told meanwhile waits in the socket.
        self.is_believed.clone().wait_for(|it| *it).await.map_err(|_| Ended::Task)?;
        // What happened while nobody listened is seen by asking.
        self.wake.notify_one();
        loop {
            match socket.next().await? {
                Notice::Head(_) => self.wake.notify_one(),
                Notice::Pending(transaction) => self.outlet.pending(transaction),
                Notice::PendingHash(hash) => {
                    if self.hashes.try_send(hash).is_err() {
                        self.outlet.drops.pending_queue_full.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// The other address of the endpoint was asked; this one may lead elsewhere. A node that does not
    /// say is listened to.
    async fn check_chain(&self, socket: &mut Socket) -> Result<(), Ended> {
        let actual = match socket.chain_id().await {
            Ok(actual) => actual,
            Err(error) if error.is_from_node() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match self.chain_id {
            Some(expected) if expected != actual => Err(Ended::WrongChain { expected, actual }),
            _ => Ok(()),
        }
    }
}
