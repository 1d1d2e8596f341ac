//! The logs of threads, as far as giving numbers needs more than any broker has.

use broker::{BoxFuture, Broker, MemoryBroker, ReadError, ReplicaBroker};
use event::{Seq, StreamName};

/// The log of each thread.
pub trait ThreadLog: Broker {
    /// Lets a log go on behind this number, where it has not come so far: the database has messages
    /// that it does not know.
    ///
    /// # Errors
    /// Fails where the backend can't answer.
    fn raise<'a>(&'a self, stream: &'a StreamName, to: Seq)
    -> BoxFuture<'a, Result<(), ReadError>>;

    /// Returns whether others append to the same logs.
    fn is_shared(&self) -> bool;
}

impl ThreadLog for MemoryBroker {
    fn raise<'a>(
        &'a self,
        stream: &'a StreamName,
        to: Seq,
    ) -> BoxFuture<'a, Result<(), ReadError>> {
        Box::pin(async move { MemoryBroker::raise(self, stream, to) })
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl ThreadLog for ReplicaBroker {
    fn raise<'a>(
        &'a self,
        stream: &'a StreamName,
        to: Seq,
    ) -> BoxFuture<'a, Result<(), ReadError>> {
        Box::pin(ReplicaBroker::raise(self, stream, to))
    }

    fn is_shared(&self) -> bool {
        true
    }
}
