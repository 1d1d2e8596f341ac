//! Publishers: each sends its events one after the other, and knows what it was told of each.
//!
//! A publisher stays with its replica, since without Redis a key and an order are that replica's own
//! until the merge; one that roams takes each attempt to another replica.

use std::{sync::Arc, time::Duration};

use event::EventId;
use tokio::time::sleep;

use crate::{
    dice::Dice,
    facts::{Facts, Fate},
    field::Field,
    http,
    load::Work,
    payload::{Stamp, TICK},
};

/// How long a publisher rests after a refusal.
const REST: Duration = Duration::from_millis(60);

/// How many of its last events a publisher may send again.
const REMEMBERED: u64 = 50;

/// How many events a list has.
const LIST: (u64, u64) = (2, 20);

/// How a publisher goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Each event under a key, again and again until it is acknowledged, to one replica.
    Keyed,
    /// As before, each attempt to another replica.
    Roaming,
    /// Each event once, without a key.
    Once,
}

impl Manner {
    /// Returns the manner of one of many.
    pub(crate) fn of(index: usize) -> Self {
        match index % 3 {
            0 => Manner::Keyed,
            1 => Manner::Once,
            _ => Manner::Roaming,
        }
    }
}

/// A publisher.
pub(crate) struct Publisher {
    pub(crate) by: usize,
    pub(crate) manner: Manner,
    pub(crate) pace: Duration,
    pub(crate) field: Arc<Field>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) dice: Dice,
}

impl Publisher {
    /// Publishes until told to end.
    pub(crate) async fn run(mut self) {
        while !self.field.load.is_over() {
            if self.field.load.take(Work::Lists) {
                let of = self.dice.between(LIST);
                self.publish(of).await;
            } else if self.manner != Manner::Once && self.field.load.take(Work::Retries) {
                self.again().await;
            } else {
                self.publish(1).await;
                if !self.field.load.take(Work::Burst) {
                    sleep(self.pace).await;
                }
            }
        }
    }

    /// Publishes so many events at once.
    async fn publish(&mut self, of: u64) {
        let stamps = self.facts.begin(self.by, of);
        let body = body(&stamps);
        let key = self.key(&stamps);
        loop {
            let at = self.replica();
            let answer = self.attempt(at, &body, key.as_deref()).await;
            if let Some(ids) = answer.filter(|ids| ids.len() == stamps.len()) {
                for (stamp, id) in stamps.iter().zip(ids) {
                    self.facts.end(*stamp, at, Fate::Acknowledged(id));
                }
                return;
            }
            if self.manner == Manner::Once || self.field.load.is_done() {
                stamps.iter().for_each(|stamp| self.facts.end(*stamp, at, Fate::Unknown));
                sleep(REST).await;
                return;
            }
            sleep(REST).await;
        }
    }

    /// Sends an acknowledged event again under its key.
    async fn again(&mut self) {
        let all = self.facts.all(self.by);
        let last = (all.len() as u64).saturating_sub(1);
        let n = self.dice.between((last.saturating_sub(REMEMBERED), last));
        let Some(sent) = usize::try_from(n).ok().and_then(|n| all.get(n)) else { return };
        let (first, of) = (sent.first, sent.of);
        let Fate::Acknowledged(id) = sent.fate else { return };
        let stamps: Vec<_> =
            (first..first + of).map(|n| Stamp { by: self.by, n, first, of }).collect();
        let key = self.key(&stamps);
        let at = self.replica();
        let answer = self.attempt(at, &body(&stamps), key.as_deref()).await;
        let index = usize::try_from(n - first).unwrap_or_default();
        if answer.and_then(|ids| ids.get(index).copied()).is_some_and(|again| again != id) {
            self.facts.answered_twice(stamps[index]);
        }
    }

    /// Makes one attempt; returns the identities, or nothing where it was not acknowledged.
    async fn attempt(&self, at: usize, body: &str, key: Option<&str>) -> Option<Vec<EventId>> {
        let address = self.field.replicas[at].address()?;
        let answer = http::publish(address, body, key).await.ok()?;
        self.facts.answered(&answer);
        let answer = (answer.status == 201).then(|| answer.json())?;
        let receipts = match answer {
            serde_json::Value::Array(receipts) => receipts,
            receipt => vec![receipt],
        };
        receipts.iter().map(|receipt| receipt["id"].as_str()?.parse().ok()).collect()
    }

    fn replica(&mut self) -> usize {
        match self.manner {
            Manner::Roaming => self.dice.below(self.field.replicas.len()),
            // Manners take turns too; so each of them is at each replica.
            Manner::Keyed | Manner::Once => (self.by + self.by / 3) % self.field.replicas.len(),
        }
    }

    fn key(&self, stamps: &[Stamp]) -> Option<String> {
        let first = stamps.first()?;
        (self.manner != Manner::Once).then(|| format!("{}-{}", first.by, first.n))
    }
}

fn body(stamps: &[Stamp]) -> String {
    match stamps {
        [stamp] => stamp.event(TICK),
        stamps => {
            let events: Vec<_> = stamps.iter().map(|stamp| stamp.event(TICK)).collect();
            format!("[{}]", events.join(","))
        }
    }
}
