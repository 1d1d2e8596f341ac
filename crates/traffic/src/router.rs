//! What a router is asked, and what it must give.

use std::{fmt, future::Future, pin::Pin};

use guard::Arm;
use serde::Serialize;

use crate::{Client, Clients, Observation, Owner, RouterError, UnixTime, Weight};

/// Something that is waited for.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that a router can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// A share is the same clients at every look, and a greater one contains a smaller.
    Cohorts,
    /// The share can be set while it runs.
    Weights,
    /// An arm can be kept from new requests while its streams stay.
    Drain,
    /// Streams can be closed.
    Evict,
    /// Requests and failures are counted for each arm.
    Counts,
    /// Requests and failures are counted for each client of each arm.
    ClientCounts,
    /// It says how many requests and streams are open on each arm.
    OpenConnections,
    /// It takes a canary out of new traffic by itself when its lease is over.
    Lease,
    /// One client can be put on an arm.
    Pin,
}

/// A router before two arms, and the run for which it is spoken to.
///
/// Every call is bounded in time. What is set is read back, and a router that says otherwise is an
/// error: nothing is true because it was sent. Whatever changes something fails where the canary is
/// another run's.
pub trait Router: Send + Sync + fmt::Debug {
    /// Returns what the router is and where, for people.
    fn name(&self) -> String;

    /// Returns for which run it is spoken to.
    fn owner(&self) -> &Owner;

    /// Returns what it can do.
    fn capabilities(&self) -> &[Capability];

    /// Reads what is true.
    fn observe(&self) -> Pending<'_, Result<Observation, RouterError>>;

    /// Reads what each client did since the router's start; see [`crate::ClientTally`].
    fn clients(&self) -> Pending<'_, Result<Clients, RouterError>>;

    /// Makes the canary this run's until then, by the router's clock. Where its lease was over, or it
    /// was another's, the weight is nothing afterwards.
    fn acquire(&self, until: UnixTime) -> Pending<'_, Result<Observation, RouterError>>;

    /// Lets the canary have traffic until then. Fails once the lease is over: somebody may have acted
    /// on that, so look, and [`Router::acquire`] it again.
    fn renew(&self, until: UnixTime) -> Pending<'_, Result<Observation, RouterError>>;

    /// Ends the lease of another run that is gone, where it still has that end: whoever holds it and is
    /// there after all is told at its next call. For routers whose own clock is behind.
    fn expire<'a>(
        &'a self,
        of: &'a Owner,
        until: UnixTime,
    ) -> Pending<'a, Result<Observation, RouterError>>;

    /// Gives the canary back: it has no traffic and is nobody's.
    fn release(&self) -> Pending<'_, Result<Observation, RouterError>>;

    /// Gives the canary this share of the clients. More than nothing needs a lease that lasts.
    fn assign(&self, weight: Weight) -> Pending<'_, Result<Observation, RouterError>>;

    /// Keeps an arm from new requests; its streams stay.
    fn drain(&self, arm: Arm) -> Pending<'_, Result<Observation, RouterError>>;

    /// Lets an arm have requests again.
    fn ready(&self, arm: Arm) -> Pending<'_, Result<Observation, RouterError>>;

    /// Closes so many requests and streams of an arm at most; returns how many were closed.
    fn evict(&self, arm: Arm, most: u64) -> Pending<'_, Result<u64, RouterError>>;

    /// Puts a client on an arm whatever the weight is, or lets it go where it belongs. Nobody is put
    /// on a canary whose lease is over.
    fn pin(&self, client: Client, arm: Option<Arm>) -> Pending<'_, Result<(), RouterError>>;

    /// Returns how many requests and streams are open on an arm.
    fn open(&self, arm: Arm) -> Pending<'_, Result<u64, RouterError>> {
        Box::pin(async move { Ok(self.observe().await?.arm(arm).open) })
    }
}

impl Capability {
    /// Every one there is, in which a canary with guards and a way back is run.
    pub const ALL: [Capability; 9] = [
        Capability::Cohorts,
        Capability::Weights,
        Capability::Drain,
        Capability::Evict,
        Capability::Counts,
        Capability::ClientCounts,
        Capability::OpenConnections,
        Capability::Lease,
        Capability::Pin,
    ];
}
