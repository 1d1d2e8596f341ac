//! What is appended in the midst of attaching, at the very moment between two reads.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, Item, MemoryBroker, Page,
    PageLimit, ReadError, Watch, memory::log::WindowLimits,
};
use event::{After, Ledger, Position, StreamName};
use futures_util::FutureExt;

use crate::support::{clock::FakeClock, events::event_numbered};

/// Appends an event right after each page that it gives, up to three, when the page is cut already.
struct Interloper {
    inner: MemoryBroker,
    appended: AtomicU64,
}

impl Broker for Interloper {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        self.inner.append(stream, append)
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let page = self.inner.page(stream, after, limit).await;
            let number = self.appended.fetch_add(1, Ordering::Relaxed);
            if number < 3 {
                let append = Append::one(event_numbered(number));
                self.inner.append(stream, append).await.expect("it is taken");
            }
            page
        })
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        self.inner.head(stream)
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        self.inner.ledger(stream)
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        self.inner.watch(stream)
    }

    fn health(&self) -> BrokerHealth {
        self.inner.health()
    }
}

#[test]
fn what_is_appended_between_the_reads_arrives() {
    let limits = WindowLimits { events_max: 10, age_max: std::time::Duration::from_secs(60) };
    let inner = MemoryBroker::new(limits, Arc::new(FakeClock::new()));
    let broker: Arc<dyn Broker> = Arc::new(Interloper { inner, appended: AtomicU64::new(0) });
    let attached = broker.attach(&StreamName::Ops, &After::Head).now_or_never();
    let (opening, mut attachment) = attached.expect("at once").expect("it attaches");
    assert_eq!(opening.replayed, 0);
    for number in 0..3 {
        let next = attachment.next().now_or_never().expect("nothing more has to happen");
        let Ok(Some(Item::Event(event))) = next else { panic!("{next:?}") };
        assert_eq!(event.id, event_numbered(number).id);
    }
    assert!(attachment.next().now_or_never().is_none(), "there is no fourth");
}
