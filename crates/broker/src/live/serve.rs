//! Appends, reads and watches: each goes to whoever owns its stream, and is repeated or held where
//! that changes.

use std::sync::Arc;

use event::{After, Ledger, Position, StreamName};

use super::{
    Core, LiveBroker,
    cell::{Cell, Following, Standing},
    plan::{Stage, Target},
};
use crate::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, Page, PageLimit,
    ReadError, Receipt, Watch, trunk::view,
};

impl Core {
    pub(super) async fn watch_owner(
        &self,
        cell: &Cell,
        owner: Target,
    ) -> Result<Box<dyn Watch>, ReadError> {
        self.backend(owner)?.watch(&cell.stream).await
    }

    async fn append(&self, stream: &StreamName, append: Append) -> Result<Appended, AppendError> {
        let cell = self.cell(stream).map_err(|_| AppendError::StreamsFull)?;
        let _pass = cell.gate.read().await;
        let unavailable =
            |error: ReadError| AppendError::Unavailable { reason: error.to_string(), maybe: false };
        let owner = self.backend(cell.owner()).map_err(unavailable)?;
        if let Some(used) = self.used_before(&cell, &append) {
            return used.map(Appended::Replayed);
        }
        owner.append(stream, append).await
    }

    /// Returns what an append's key did before a switch, while the replica can't ask Redis.
    fn used_before(
        &self,
        cell: &Cell,
        append: &Append,
    ) -> Option<Result<Vec<Receipt>, AppendError>> {
        let key = append.idempotency.as_ref()?;
        let is_copy = cell.owner() == Target::Redis && cell.side.lock().is_shadow;
        let by_itself = || self.replica.lock().as_ref().is_some_and(|r| r.takes_by_itself());
        if !is_copy || !by_itself() {
            return None;
        }
        let now = self.options.memory.clock().mono();
        self.options.memory.peek(&cell.stream, |log| log.keys().used(key, now)).flatten()
    }

    /// Reads from the owner; where that changed meanwhile, what was read may not be all there is.
    async fn read<T, F>(
        &self,
        stream: &StreamName,
        read: impl Fn(Arc<dyn Broker>, Standing) -> F,
    ) -> Result<T, ReadError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let cell = self.cell(stream)?;
        loop {
            let before = cell.settled().await;
            let answer = read(self.backend(before.owner)?, before).await;
            if cell.standing() == before {
                return answer;
            }
        }
    }

    async fn page(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, ReadError> {
        let read =
            |owner: Arc<dyn Broker>, _| async move { owner.page(stream, after, limit).await };
        let page = self.read(stream, read).await?;
        match after {
            After::At(place) if page.gap.is_some() => {
                Ok(self.page_of_branch(stream, *place, limit).unwrap_or(page))
            }
            _ => Ok(page),
        }
    }

    /// Reads on in memory after a cursor of a branch that was merged while Redis owned the stream.
    fn page_of_branch(
        &self,
        stream: &StreamName,
        place: Position,
        limit: PageLimit,
    ) -> Option<Page> {
        let cell = self.cell(stream).ok().filter(|cell| cell.owner() == Target::Memory)?;
        let side = cell.side.lock();
        let page = self.options.memory.peek(stream, |log| {
            let local = |record| view::local::page(record, log, log.head().seq, place, limit);
            side.merged.iter().find_map(local)
        });
        page.flatten()
    }
}

impl Broker for LiveBroker {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(self.core.append(stream, append))
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(self.core.page(stream, after, limit))
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        let read = move |owner: Arc<dyn Broker>, _| async move { owner.head(stream).await };
        Box::pin(self.core.read(stream, read))
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        let read = move |owner: Arc<dyn Broker>, _| async move { owner.ledger(stream).await };
        Box::pin(self.core.read(stream, read))
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            let cell = self.core.cell(stream)?;
            let seen = cell.settled().await;
            let hints = self.core.watch_owner(&cell, seen.owner).await?;
            let following = Following::new(Arc::clone(&self.core), cell, seen, hints);
            Ok(Box::new(following) as Box<dyn Watch>)
        })
    }

    fn health(&self) -> BrokerHealth {
        let status = self.core.status.borrow();
        let memory = self.core.options.memory.health();
        let Some(replica) = self.replica() else { return memory };
        let redis = replica.health();
        let is_mixed = status.stage == Stage::Switching;
        match status.owner {
            Target::Redis => redis,
            Target::Memory if is_mixed && redis.state != HealthState::Healthy => {
                BrokerHealth { selected: "memory", state: HealthState::Degraded, ..redis }
            }
            Target::Memory => memory,
        }
    }
}
