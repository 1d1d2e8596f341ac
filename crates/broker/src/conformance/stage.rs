//! A started backend with what most cases do to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use event::{After, Envelope, EventId, EventName, Ledger, OrgId, Payload, Position, StreamName};

use super::{Harness, Subject, reader::Reader};
use crate::{
    Append, Appended, Broker, IdempotencyKey, NewEvent, Page, PageLimit, Receipt,
    memory::log::WindowLimits,
};

/// A window that no case fills, unless it means to.
pub(super) const WIDE: WindowLimits =
    WindowLimits { events_max: 100_000, age_max: Duration::from_secs(600) };

/// A window that a case can fill.
pub(super) const NARROW: WindowLimits =
    WindowLimits { events_max: 20, age_max: Duration::from_secs(600) };

/// What a case does when it looks at the first page of everything.
pub(super) const ALL: PageLimit = PageLimit::MAX;

/// A started backend.
pub(super) struct Stage {
    pub(super) subject: Box<dyn Subject>,
}

/// Returns the stream that a case uses under this name.
pub(super) fn stream(name: &str) -> StreamName {
    StreamName::thread(name).expect("the cases' names keep the grammar")
}

/// Returns the stream of the cases that need only one.
pub(super) fn main_stream() -> StreamName {
    stream("conformance")
}

/// Makes an event that no other call in this process has made; later ones have later ids.
pub fn new_event() -> NewEvent {
    static MADE: AtomicU64 = AtomicU64::new(1);
    numbered_event(MADE.fetch_add(1, Ordering::Relaxed))
}

fn numbered_event(number: u64) -> NewEvent {
    const FIRST_UNIX_MS: u64 = 1_700_000_000_000;
    let time = u128::from(FIRST_UNIX_MS + number) << 80;
    let id = EventId::from_bits(time | u128::from(number));
    let org_id: OrgId = "org_conformance".parse().expect("it keeps the grammar");
    let event: EventName = "case.step".parse().expect("it keeps the grammar");
    let envelope = Envelope { id, org_id, event: event.clone(), payload: Payload::empty() };
    NewEvent { id, name: event, json: envelope.to_json() }
}

/// Returns the idempotency key `key` over a body.
pub(super) fn key(key: &str, body: &[u8]) -> IdempotencyKey {
    let org = "org_conformance".parse().expect("it keeps the grammar");
    IdempotencyKey::new(&org, "conformance", key, body)
}

/// Appends a list of new events under a key, or none.
pub(super) async fn append_list(
    broker: &Arc<dyn Broker>,
    stream: &StreamName,
    count: usize,
    idempotency: Option<IdempotencyKey>,
) -> Appended {
    let events = (0..count).map(|_| new_event()).collect();
    let appended = broker.append(stream, Append { events, idempotency }).await;
    appended.expect("the append is taken")
}

/// Appends new events one by one and returns their receipts.
pub(super) async fn append_each(
    broker: &Arc<dyn Broker>,
    stream: &StreamName,
    count: usize,
) -> Vec<Receipt> {
    let mut receipts = Vec::with_capacity(count);
    for _ in 0..count {
        receipts.extend_from_slice(append_list(broker, stream, 1, None).await.receipts());
    }
    receipts
}

impl Stage {
    pub(super) async fn start(harness: &dyn Harness, limits: WindowLimits) -> Stage {
        Stage { subject: harness.start(limits).await }
    }

    pub(super) fn broker(&self) -> Arc<dyn Broker> {
        self.subject.broker()
    }

    pub(super) async fn append(&self, count: usize) -> Vec<Receipt> {
        append_each(&self.broker(), &main_stream(), count).await
    }

    pub(super) async fn attach(&self, after: After) -> Reader {
        Reader::attach(&self.broker(), &main_stream(), &after).await
    }

    pub(super) async fn attach_at(&self, place: Position) -> Reader {
        self.attach(After::At(place)).await
    }

    pub(super) async fn page(&self, after: After, limit: PageLimit) -> Page {
        let broker = self.broker();
        let page = broker.page(&main_stream(), &after, limit).await.expect("the page is read");
        assert!(page.is_whole(), "the page after {after} breaks its invariant: {page:?}");
        page
    }

    pub(super) async fn head(&self) -> Position {
        self.broker().head(&main_stream()).await.expect("the head is read")
    }

    pub(super) async fn ledger(&self) -> Ledger {
        self.broker().ledger(&main_stream()).await.expect("the ledger is read")
    }
}
