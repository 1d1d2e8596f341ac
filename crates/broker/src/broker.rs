//! What a backend has to offer.

use std::{future::Future, pin::Pin, sync::Arc};

use event::{After, Ledger, Position, StreamName};

use crate::{
    Append, AppendError, Appended, AttachError, Attachment, Opening, Page, PageLimit, ReadError,
    Watch,
};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The log of every stream, in one backend or several that act as one.
///
/// Promises, held by the conformance suite: one order for all readers; no event twice and no hole
/// without a gap on one attachment; what was acknowledged is delivered or the reader is told;
/// cursors survive a change of owner; memory is bounded; a key takes effect once.
///
/// A backend that keeps readers attached over a change of owner records the new epoch before it
/// serves under it: a place of an epoch that nobody recorded is unknown, and what its reader has had
/// can't be told from it.
pub trait Broker: Send + Sync + 'static {
    /// Puts events at the end of a log, next to each other, all or none.
    ///
    /// # Errors
    /// See [`AppendError`]; only `Unavailable { maybe: true }` leaves open whether they were stored.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the events were stored, but never a part of them.
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>>;

    /// Reads a stretch of a log; with [`After::Head`] it is empty and says where the head is.
    ///
    /// # Errors
    /// Fails only where the backend can't answer; a bad cursor is a gap in the page.
    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// Returns the last place of a log.
    ///
    /// # Errors
    /// Fails only where the backend can't answer.
    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>>;

    /// Returns the account of a log.
    ///
    /// # Errors
    /// Fails only where the backend can't answer.
    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>>;

    /// Begins to hint at a log's growth; whatever is appended from now on is hinted at.
    ///
    /// # Errors
    /// Fails only where the backend can't answer.
    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>>;

    /// Returns what the backend knows of its own state; never waits for a peer.
    fn health(&self) -> BrokerHealth;
}

impl dyn Broker {
    /// Joins replay and live: everything after a place, in one order.
    ///
    /// # Errors
    /// Fails only where the backend can't answer; a bad cursor is a gap in the opening.
    pub async fn attach(
        self: &Arc<Self>,
        stream: &StreamName,
        after: &After,
    ) -> Result<(Opening, Attachment), AttachError> {
        Attachment::open(Arc::clone(self), stream.clone(), after).await
    }
}

/// A backend's state, as it knows it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerHealth {
    /// Whether it can serve.
    pub state: HealthState,
    /// One plain sentence on why, where it is not healthy.
    pub reason: Option<String>,
    /// The word for the backend that serves now: `memory` or `redis`.
    pub selected: &'static str,
}

/// How well something serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthState {
    /// As it should.
    Healthy,
    /// It serves, with something missing.
    Degraded,
    /// It does not serve.
    Unhealthy,
}

impl HealthState {
    /// Returns the word that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthState::Healthy => "healthy",
            HealthState::Degraded => "degraded",
            HealthState::Unhealthy => "unhealthy",
        }
    }
}
