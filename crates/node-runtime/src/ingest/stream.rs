//! A chain as a stream: its places are the numbers of its facts under the name of this process's log.
//! The log has them, so a cursor is good as long as the log is, whatever ended the process.

use std::sync::Arc;

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, Page, PageLimit,
    ReadError, Wake, Watch,
};
use event::{
    After, Envelope, Epoch, Event, EventId, Gap, GapReason, Ledger, OrgId, Payload, Position, Seq,
    StreamName, UnixMs,
};
use projection::ChainView;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::Feed;

/// The organisation that events of chains name: they are nobody's own.
const ORG: &str = "org_chain";

/// The chains as streams.
#[derive(Debug)]
pub(crate) struct ChainBroker {
    feed: Arc<Feed>,
    org: OrgId,
}

impl ChainBroker {
    /// Returns the streams of these chains.
    pub(crate) fn new(feed: Arc<Feed>) -> Self {
        ChainBroker { feed, org: ORG.parse().expect("a constant in the grammar") }
    }

    fn page_of(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, ReadError> {
        let (snapshot, epoch) = (self.feed.snapshot(), self.epoch()?);
        let chain = key_of(stream).and_then(|key| snapshot.chain(key));
        let chain = chain.ok_or_else(|| unavailable("this is no chain of this process"))?;
        let at = |number| Position::new(epoch, Seq(number));
        let (start, gap) = resolve(chain, epoch, after, limit);
        let found = chain.events_after(start, limit.get());
        let events: Vec<_> = found.iter().map(|event| self.event(epoch, event)).collect();
        let next = at(start + events.len() as u64);
        let head = at(chain.number_last().max(start));
        Ok(Page { gap, after: at(start), events: events.into(), skipped: 0, next, head })
    }

    fn event(&self, epoch: Epoch, event: &projection::Event) -> Arc<Event> {
        let position = Position::new(epoch, Seq(event.number));
        let id = id_of(epoch, event);
        let name = event.kind().as_str().parse().expect("constants in the grammar");
        let raw = serde_json::value::to_raw_value(event).ok();
        let payload = raw.and_then(|raw| Payload::from_raw(&raw).ok()).unwrap_or_else(|| {
            tracing::error!(seq = event.seq, "an event of a chain can't be told, and is empty");
            Payload::empty()
        });
        let envelope = Envelope { id, org_id: self.org.clone(), event: name, payload };
        let json = envelope.to_json();
        Arc::new(Event::new(position, id, envelope.event, json))
    }

    fn epoch(&self) -> Result<Epoch, ReadError> {
        self.feed.epoch().ok_or_else(|| unavailable("no chain is followed yet"))
    }
}

/// Returns the identity of an event: the same whenever it is made.
fn id_of(epoch: Epoch, event: &projection::Event) -> EventId {
    let mut digest = Sha256::new();
    digest.update(epoch.bits().to_be_bytes());
    digest.update(event.seq.to_be_bytes());
    let digest = digest.finalize();
    let mut random = [0; 16];
    random[6..].copy_from_slice(&digest[..10]);
    // A ULID: 48 bits of time, 80 bits that are random or, as here, decided by what it names.
    let at = u128::from(UnixMs(event.observed_unix_ms).0 & ((1 << 48) - 1));
    EventId::from_bits(at << 80 | u128::from_be_bytes(random))
}

/// Finds the number after which reading goes on, and the hole before it.
fn resolve(chain: &ChainView, epoch: Epoch, after: &After, limit: PageLimit) -> (u64, Option<Gap>) {
    let (oldest, last) = (chain.number_before(), chain.number_last());
    let gap = |reason, resumes_at: u64, missed| {
        let resumes_at = Position::new(epoch, Seq(resumes_at));
        (resumes_at.seq.0, Some(Gap { reason, after: Some(after.to_string()), resumes_at, missed }))
    };
    let number = match after {
        After::Head => return (last, None),
        After::Oldest => return (oldest, None),
        After::At(place) if place.epoch == epoch => place.seq.0,
        After::Id(id) => match place_of(chain, epoch, *id) {
            Some(number) => number,
            None => return gap(GapReason::UnknownCursor, oldest, None),
        },
        After::At(_) | After::Unreadable(_) => {
            return gap(GapReason::UnknownCursor, oldest, None);
        }
    };
    if number > last {
        return gap(GapReason::Diverged, last, None);
    }
    if number < oldest {
        return gap(GapReason::Expired, oldest, Some(oldest - number));
    }
    if number < last && chain.events_after(number, limit.get().min(1)).is_empty() {
        let resumes = chain.resumes_after(number);
        return gap(GapReason::DataLoss, resumes, Some(resumes - number));
    }
    (number, None)
}

/// Events in which an id is looked for: those that a reader who just lost its stream may have had.
const IDS_LOOKED_AT: usize = 10_000;

fn place_of(chain: &ChainView, epoch: Epoch, id: EventId) -> Option<u64> {
    let from = chain.number_last().saturating_sub(IDS_LOOKED_AT as u64).max(chain.number_before());
    let recent = chain.events_after(from, IDS_LOOKED_AT);
    recent.iter().rev().find(|event| id_of(epoch, event) == id).map(|event| event.number)
}

fn key_of(stream: &StreamName) -> Option<&str> {
    match stream {
        StreamName::Chain(key) => Some(key),
        _ => None,
    }
}

fn unavailable(reason: &str) -> ReadError {
    ReadError::Unavailable { reason: reason.to_owned() }
}

impl Broker for ChainBroker {
    fn append<'a>(
        &'a self,
        _: &'a StreamName,
        _: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        let reason = "a chain takes no events from outside".to_owned();
        Box::pin(async move { Err(AppendError::Unavailable { reason, maybe: false }) })
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move { self.page_of(stream, after, limit) })
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.page_of(stream, &After::Head, PageLimit::clamped(1))?.head) })
    }

    fn ledger<'a>(&'a self, _: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(async { Err(unavailable("a chain keeps no account")) })
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            let key = key_of(stream).ok_or_else(|| unavailable("this is no chain"))?.to_owned();
            let watch = Follows { feed: Arc::clone(&self.feed), key, changed: self.feed.changed() };
            Ok(Box::new(watch) as Box<dyn Watch>)
        })
    }

    fn health(&self) -> BrokerHealth {
        BrokerHealth { state: HealthState::Healthy, reason: None, selected: "memory" }
    }
}

/// Hints at a chain's growth.
struct Follows {
    feed: Arc<Feed>,
    key: String,
    changed: watch::Receiver<u64>,
}

impl Watch for Follows {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            if self.changed.changed().await.is_err() {
                return Wake::Closed;
            }
            self.changed.mark_unchanged();
            match self.feed.snapshot().chain(&self.key) {
                Some(chain) => Wake::Head(Seq(chain.number_last())),
                None => Wake::Unsure,
            }
        })
    }
}
