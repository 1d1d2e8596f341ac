//! The logs of threads, as far as giving numbers needs more than any broker has.

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, MemoryBroker, ReadError, ReplicaBroker,
};
use event::{Epoch, Seq, StreamName};

/// The log of each thread.
pub trait ThreadLog: Broker {
    /// Lets a log go on behind this number, where it has not come so far: the database has messages
    /// that it does not know.
    ///
    /// # Errors
    /// Fails where the backend can't answer.
    fn raise<'a>(&'a self, stream: &'a StreamName, to: Seq)
    -> BoxFuture<'a, Result<(), ReadError>>;

    /// Returns the epoch of a log; it ends with whatever may have cost the log its keys. None where
    /// that ends the process too.
    ///
    /// # Errors
    /// Fails where the backend can't answer.
    fn epoch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<Epoch>, ReadError>>;

    /// Appends while the log has this epoch; in another one it appends nothing and returns none.
    ///
    /// # Errors
    /// As for [`append`](Broker::append).
    fn append_within<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
        epoch: Option<Epoch>,
    ) -> BoxFuture<'a, Result<Option<Appended>, AppendError>>;

    /// Forgets a log of which the database has everything, where this process alone keeps it.
    fn forget(&self, stream: &StreamName);

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

    fn epoch<'a>(&'a self, _: &'a StreamName) -> BoxFuture<'a, Result<Option<Epoch>, ReadError>> {
        Box::pin(async { Ok(None) })
    }

    fn append_within<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
        _: Option<Epoch>,
    ) -> BoxFuture<'a, Result<Option<Appended>, AppendError>> {
        Box::pin(async move { self.append(stream, append).await.map(Some) })
    }

    fn forget(&self, stream: &StreamName) {
        MemoryBroker::forget(self, stream);
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

    fn epoch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<Epoch>, ReadError>> {
        Box::pin(async move { ReplicaBroker::epoch(self, stream).await.map(Some) })
    }

    fn append_within<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
        epoch: Option<Epoch>,
    ) -> BoxFuture<'a, Result<Option<Appended>, AppendError>> {
        Box::pin(async move {
            match epoch {
                Some(epoch) => ReplicaBroker::append_within(self, stream, append, epoch).await,
                None => self.append(stream, append).await.map(Some),
            }
        })
    }

    fn forget(&self, _: &StreamName) {}

    fn is_shared(&self) -> bool {
        true
    }
}
