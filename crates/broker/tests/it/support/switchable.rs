//! A backend whose owner changes under attached readers: the way any switch has to behave.
//!
//! Appends are held while the owner changes, and every watch then says `Unsure`. Behind it are
//! memory backends that take up what the one before had saved.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, Page, PageLimit, ReadError,
    Wake, Watch,
    conformance::{Ability, Harness, Subject},
    memory::log::WindowLimits,
};
use event::{After, Ledger, Position, StreamName};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::memory::Memory;

/// The owner as it is now, and how often it has changed.
struct Ownership {
    owner: RwLock<Arc<dyn Broker>>,
    changes: watch::Sender<u64>,
}

impl Ownership {
    fn owner(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.owner.read())
    }
}

struct Switchable(Arc<Ownership>);

impl Broker for Switchable {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async move {
            // Under the lock, so that nothing is acknowledged by an owner that is being replaced.
            let owner = self.0.owner.read();
            let appended = pin!(owner.append(stream, append));
            match appended.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(appended) => appended,
                Poll::Pending => unreachable!("an append in memory is done at once"),
            }
        })
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move { self.0.owner().page(stream, after, limit).await })
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(async move { self.0.owner().head(stream).await })
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(async move { self.0.owner().ledger(stream).await })
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            // The changes first, so that none falls between the two.
            let changes = self.0.changes.subscribe();
            let hints = self.0.owner().watch(stream).await?;
            let ownership = Arc::clone(&self.0);
            let following = Following { ownership, changes, hints, stream: stream.clone() };
            Ok(Box::new(following) as Box<dyn Watch>)
        })
    }

    fn health(&self) -> BrokerHealth {
        self.0.owner().health()
    }
}

/// Follows the hints of the owner, whoever it is.
struct Following {
    ownership: Arc<Ownership>,
    changes: watch::Receiver<u64>,
    hints: Box<dyn Watch>,
    stream: StreamName,
}

impl Following {
    async fn next(&mut self) -> Wake {
        let wake = tokio::select! {
            biased;
            _ = self.changes.changed() => Wake::Unsure,
            wake = self.hints.changed() => wake,
        };
        match wake {
            Wake::Closed => {
                // The owner ended before its heir was named.
                let _ = self.changes.changed().await;
            }
            Wake::Unsure => {}
            hint => return hint,
        }
        let owner = self.ownership.owner();
        self.hints = owner.watch(&self.stream).await.expect("memory can always be watched");
        Wake::Unsure
    }
}

impl Watch for Following {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(self.next())
    }
}

/// Runs the cases on a backend that changes its owner in their midst.
pub(crate) struct SwitchableHarness;

struct SwitchableSubject {
    memory: Memory,
    broker: Arc<Switchable>,
}

impl Harness for SwitchableHarness {
    fn abilities(&self) -> &[Ability] {
        &[Ability::Clock, Ability::Restart, Ability::Crash, Ability::Switch, Ability::FailOver]
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        let memory = Memory::start(limits, 2);
        let owner = RwLock::new(memory.broker());
        let ownership = Ownership { owner, changes: watch::Sender::new(0) };
        let broker = Arc::new(Switchable(Arc::new(ownership)));
        Box::pin(async { Box::new(SwitchableSubject { memory, broker }) as Box<dyn Subject> })
    }
}

impl SwitchableSubject {
    fn change_owner(&mut self, change: impl FnOnce(&mut Memory)) {
        let ownership = &self.broker.0;
        {
            let mut owner = ownership.owner.write();
            change(&mut self.memory);
            *owner = self.memory.broker();
        }
        ownership.changes.send_modify(|changes| *changes += 1);
    }
}

impl Subject for SwitchableSubject {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    fn advance(&mut self, by: std::time::Duration) {
        self.memory.advance(by);
    }

    fn save(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.memory.save_now() })
    }

    fn restart(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.change_owner(Memory::restart_now) })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.change_owner(Memory::crash_now) })
    }

    fn switch(&mut self) -> BoxFuture<'_, ()> {
        self.restart()
    }

    fn fail_over(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.change_owner(|memory| {
                memory.crash_now();
                memory.save_now();
            });
        })
    }
}
