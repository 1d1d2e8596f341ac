//! One publisher: keeps its pace, and sends again under the same keys until it is answered.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use event::{EventId, Position};
use rand::{RngExt, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    shared::{Replica, Shared},
    stamp::Stamp,
};
use crate::client::{Backoff, Draft, Receipt, Refusal, WebPublisher};

/// The share of requests that carry a list.
const LIST_SHARE: f64 = 0.3;

/// Most events in a list.
const LIST_EVENTS_MAX: u64 = 5;

/// The longest wait before a request is sent again: outages are to be as short as they are.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// A publisher this far behind its pace, as after an outage, does not catch up.
const BEHIND_MAX: Duration = Duration::from_millis(500);

/// Publishers draw from other random numbers than readers.
const RNG_OFFSET: u64 = 1 << 32;

/// What became of a publisher's events.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// What the server said it has.
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Requests that were answered.
    pub(super) requests: u64,
    /// Requests that were sent again.
    pub(super) retried: u64,
    /// Events that the server refused.
    pub(super) refused: u64,
    /// Events whose request was never answered; the server may have them.
    pub(super) unanswered: u64,
    /// What was wrong, once.
    pub(super) complaint: Option<String>,
}

/// An event that the server said it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// Its number among all that the run published.
    pub(super) number: u64,
    /// Its identity.
    pub(super) id: EventId,
    /// Its place.
    pub(super) position: Position,
}

impl Published {
    /// Adds what another publisher did.
    pub(super) fn add(&mut self, other: Published) {
        self.acknowledged.extend(other.acknowledged);
        self.requests += other.requests;
        self.retried += other.retried;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.complaint = self.complaint.take().or(other.complaint);
    }
}

/// Publishes until `end`; a request that is under way then may take until `patience` is over.
pub(super) async fn run(
    shared: Arc<Shared>,
    index: usize,
    end: Instant,
    patience: Instant,
) -> Published {
    let rng = shared.plan.rng(RNG_OFFSET + index as u64);
    let web = (index < shared.plan.web_publishers).then(WebPublisher::default);
    let done = Published::default();
    let mut publisher = Publisher { shared, index, rng, patience, web, done };
    let rate = publisher.shared.plan.rate_each;
    // Publishers begin spread over the first step of their pace.
    let mut due =
        Instant::now() + Duration::from_secs_f64(publisher.rng.random_range(0.0..1.0) / rate);
    for request in 0.. {
        sleep_until(due.min(end)).await;
        if Instant::now() >= end || publisher.shared.stopped.load(Ordering::Relaxed) {
            break;
        }
        let count = publisher.list_length();
        publisher.send(request, count).await;
        due += Duration::from_secs_f64(count as f64 / rate);
        if due + BEHIND_MAX < Instant::now() {
            due = Instant::now();
        }
    }
    publisher.done
}

struct Publisher {
    shared: Arc<Shared>,
    index: usize,
    rng: StdRng,
    patience: Instant,
    /// Publishes, where that is not by requests.
    web: Option<WebPublisher>,
    done: Published,
}

impl Publisher {
    fn list_length(&mut self) -> u64 {
        let listed = self.rng.random_bool(LIST_SHARE);
        if listed { self.rng.random_range(2..=LIST_EVENTS_MAX) } else { 1 }
    }

    /// Sends events until they are answered, under the same keys and with the same texts.
    async fn send(&mut self, request: u64, count: u64) {
        let first = self.shared.numbered.fetch_add(count, Ordering::Relaxed);
        let events = self.events(first, count);
        let key = format!("audit-{}-{}-{request}", self.shared.log.mark().run(), self.index);
        let mut backoff = Backoff::up_to(WAIT_MAX);
        loop {
            match self.attempt(&events, &key).await {
                Ok(receipts) => return self.answered(first, count, &receipts),
                Err(refusal) if !refusal.is_temporary() => return self.refused(count, &refusal),
                Err(refusal) if Instant::now() >= self.patience => {
                    self.done.unanswered += count;
                    self.done.complaint = Some(refusal.chain());
                    return;
                }
                Err(refusal) => {
                    self.done.retried += 1;
                    sleep(backoff.wait(refusal.retry_after(), &mut self.rng)).await;
                }
            }
        }
    }

    /// Sends events once: in one request with one key, or each for itself over the WebSocket.
    async fn attempt(&mut self, events: &[String], key: &str) -> Result<Vec<Receipt>, Refusal> {
        // A dead replica is no reason to stop where another one is up.
        let turn = usize::try_from(self.done.retried).unwrap_or_default();
        let Replica { target, api, requests, .. } = self.shared.replica(self.index + turn);
        let count = |_: &Vec<Receipt>| {
            requests.fetch_add(1, Ordering::Relaxed);
        };
        let Some(web) = &mut self.web else {
            let body = match events {
                [event] => event.clone(),
                events => format!("[{}]", events.join(",")),
            };
            return api.publish(body.into(), Some(key)).await.inspect(count);
        };
        let draft = |(at, event): (usize, &String)| Draft {
            event: event.clone(),
            key: format!("{key}-{at}"),
        };
        let drafts: Vec<_> = events.iter().enumerate().map(draft).collect();
        web.publish(target, api, &drafts).await.inspect(count)
    }

    fn events(&self, first: u64, count: u64) -> Vec<String> {
        let sent_us = self.shared.now_us();
        let event = |number| {
            let stamp = Stamp { number, sent_us };
            self.shared.log.mark().event(stamp, self.shared.plan.payload_bytes)
        };
        (first..first + count).map(event).collect()
    }

    fn answered(&mut self, first: u64, count: u64, receipts: &[Receipt]) {
        self.done.requests += 1;
        let read = |(number, receipt): (u64, &Receipt)| {
            let (id, position) = (receipt.id.parse().ok()?, receipt.cursor.parse().ok()?);
            Some(Acknowledged { number, id, position })
        };
        let read: Option<Vec<_>> = (first..).zip(receipts).map(read).collect();
        match read.filter(|read| read.len() as u64 == count) {
            Some(read) => self.done.acknowledged.extend(read),
            None => {
                self.done.refused += count;
                self.done.complaint = Some(format!("an answer without sense: {receipts:?}"));
            }
        }
    }

    fn refused(&mut self, count: u64, refusal: &Refusal) {
        self.done.requests += 1;
        self.done.refused += count;
        self.done.complaint = Some(refusal.chain());
    }
}
