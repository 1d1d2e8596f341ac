//! What an audit found, and whether that is good.
//!
//! Pure: accounts in, numbers and a verdict out.

mod show;

use std::collections::{BTreeMap, HashSet};

use event::{Ledger, Position, Seq};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    account::{Account, Ends},
    publisher::{Acknowledged, Published},
    seen::FinalLog,
};

/// The numbers of an audit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) run: String,
    pub(super) seed: u64,
    pub(super) urls: Vec<String>,
    pub(super) seconds: f64,
    pub(super) readers: u64,
    pub(super) flaky: u64,
    pub(super) slow: u64,
    /// Readers that began over a WebSocket.
    pub(super) websocket: u64,
    /// Readers that began over Server-Sent Events.
    pub(super) sse: u64,
    /// Times that a reader came back over the other transport.
    pub(super) switches: u64,
    /// Times that a reader came back to another replica.
    pub(super) moves: u64,
    /// What each replica did, and whether its account is that of the others.
    pub(super) replicas: Vec<ReplicaReport>,
    pub(super) publishers: u64,
    pub(super) websocket_publishers: u64,
    pub(super) requests: u64,
    pub(super) acknowledged: u64,
    pub(super) retried: u64,
    pub(super) refused: u64,
    pub(super) unanswered: u64,
    /// Events of the log in this run, by the ledger.
    pub(super) logged: u64,
    /// Events of the log that others published.
    pub(super) foreign: u64,
    pub(super) delivered: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) reordered: u64,
    /// Events that were not the same for all readers.
    pub(super) altered: u64,
    pub(super) garbled: u64,
    /// Acknowledged events that the server lost: their place is another epoch's, or behind the end.
    pub(super) acknowledged_lost: u64,
    /// Times that a reader was not told of events which the server lost.
    pub(super) untold: u64,
    /// Acknowledged events in whose place is another one, or none that a reader received.
    pub(super) acknowledged_missing: u64,
    /// Published events that are in the log twice.
    pub(super) doubled: u64,
    pub(super) gaps: BTreeMap<String, u64>,
    pub(super) told_missing: u64,
    pub(super) readers_behind: u64,
    pub(super) readers_refused: u64,
    pub(super) reconnects: u64,
    pub(super) dropped_by_reader: u64,
    pub(super) goodbyes: u64,
    pub(super) lag_closes: u64,
    pub(super) broken: u64,
    pub(super) latency_ms: Latency,
    pub(super) latency_sse_ms: Latency,
    pub(super) latency_websocket_ms: Latency,
    pub(super) ledger: LedgerCheck,
    pub(super) complaints: Vec<String>,
}

/// The time from the first attempt to publish until a steady reader has the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) samples: u64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    /// Reads what was measured in microseconds.
    pub(super) fn of(us: &Histogram<u64>) -> Self {
        let ms = |quantile| us.value_at_quantile(quantile) as f64 / 1000.0;
        let (p50, p90, p99) = (ms(0.5), ms(0.9), ms(0.99));
        Latency { samples: us.len(), p50, p90, p99, max: us.max() as f64 / 1000.0 }
    }
}

/// What one replica did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ReplicaReport {
    pub(super) url: String,
    /// Streams that readers opened there.
    pub(super) streams: u64,
    /// Publishing requests that it answered.
    pub(super) requests: u64,
    /// The end of its ledger, where it could be asked.
    pub(super) last: Option<String>,
    pub(super) hash: Option<String>,
    /// What is wrong with its ledger.
    pub(super) differs: Option<String>,
}

impl ReplicaReport {
    /// Compares a replica's account with the one that readers are compared with.
    pub(super) fn compare(&mut self, account: &Result<Ledger, String>, end: &Ledger) {
        let ledger = match account {
            Ok(ledger) => ledger,
            Err(refusal) => {
                self.differs = Some(format!("its ledger can't be had: {refusal}"));
                return;
            }
        };
        self.last = Some(ledger.last.to_string());
        self.hash = Some(ledger.hash.to_string());
        let differs = |what: &str, here: &dyn ToString, there: &dyn ToString| {
            let (here, there) = (here.to_string(), there.to_string());
            (here != there).then(|| format!("its {what} is {here}, that of another {there}"))
        };
        self.differs = differs("end", &ledger.last, &end.last)
            .or_else(|| differs("count", &ledger.count, &end.count))
            .or_else(|| differs("hash", &ledger.hash, &end.hash));
    }
}

/// What the server's account says, beside what readers received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct LedgerCheck {
    pub(super) ok: bool,
    pub(super) after: String,
    pub(super) last: String,
    pub(super) hash: String,
    /// The same hash, computed from what readers received.
    pub(super) received_hash: Option<String>,
    /// What does not agree.
    pub(super) differs: Option<String>,
}

impl Report {
    /// Adds what the publishers did, and looks for it in the log.
    pub(super) fn add_published(&mut self, published: &Published, log: &FinalLog) {
        self.requests = published.requests;
        self.acknowledged = published.acknowledged.len() as u64;
        self.retried = published.retried;
        self.refused = published.refused;
        self.unanswered = published.unanswered;
        self.complaints.extend(published.complaint.clone());
        for ack in &published.acknowledged {
            if log.has_lost(ack.position) {
                self.acknowledged_lost += 1;
            } else if !is_there(ack, log) {
                self.acknowledged_missing += 1;
            }
        }
    }

    /// Adds what one reader received, up to the end of the run.
    pub(super) fn add_reader(&mut self, account: &Account, end: Position, log: &FinalLog) {
        let found = account.check.found();
        self.delivered += found.delivered;
        self.lost += account.check.lost(end.seq);
        self.repeated += found.repeated;
        self.reordered += found.reordered;
        self.altered += found.altered;
        self.garbled += account.garbled;
        self.switches += account.switches;
        self.moves += account.moves;
        self.told_missing += found.told_missing;
        for (reason, count) in &found.gaps {
            *self.gaps.entry(reason.clone()).or_default() += count;
        }
        let departures = account.check.departures().iter();
        self.untold += departures.filter(|place| log.has_lost(**place)).count() as u64;
        self.readers_behind += u64::from(!account.check.is_at(end));
        let Ends { own, goodbye, lagged, broken } = account.ends;
        self.reconnects += own + goodbye + lagged + broken;
        self.dropped_by_reader += own;
        self.goodbyes += goodbye;
        self.lag_closes += lagged;
        self.broken += broken;
        if let Some(refused) = &account.refused {
            self.readers_refused += 1;
            if self.readers_refused == 1 {
                self.complaints.push(refused.clone());
            }
        }
    }

    /// Compares the log that readers received with the server's account of it.
    pub(super) fn add_ledger(&mut self, start: &Ledger, end: &Ledger, log: &FinalLog) {
        self.logged = end.last.seq.count_after(start.last.seq);
        let mut numbers = HashSet::new();
        for seq in start.last.seq.next().0..=end.last.seq.0 {
            match log.get(Seq(seq)).map(|logged| logged.stamp) {
                Some(Some(stamp)) => self.doubled += u64::from(!numbers.insert(stamp.number)),
                Some(None) => self.foreign += 1,
                None => {}
            }
        }
        let received = log.hash();
        let differs = difference(start, end, log);
        self.ledger = LedgerCheck {
            ok: differs.is_none(),
            after: start.last.to_string(),
            last: end.last.to_string(),
            hash: end.hash.to_string(),
            received_hash: received.map(|hash| hash.to_string()),
            differs,
        };
    }

    /// Returns what is wrong, nothing where all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let gaps = self.gaps.values().sum();
        let counts = [
            (self.lost, "events lost"),
            (self.repeated, "events repeated"),
            (self.reordered, "events out of order"),
            (self.altered, "events not the same for all readers"),
            (self.garbled, "messages without sense"),
            (gaps, "gaps told by the server"),
            (self.acknowledged_lost, "events lost by the server after acknowledgement"),
            (self.untold, "times that a reader was not told of events which the server lost"),
            (self.acknowledged_missing, "acknowledged events not in the log in their place"),
            (self.doubled, "events stored twice under one idempotency key"),
            (self.readers_behind, "readers did not reach the end in time"),
            (self.readers_refused, "readers refused by the server"),
            (self.refused, "events refused by the server"),
        ];
        let counted = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut problems: Vec<_> = counted.map(|(n, what)| format!("{n} {what}")).collect();
        if self.acknowledged == 0 {
            problems.push("no event was acknowledged, so nothing is shown".to_owned());
        }
        problems.extend(self.ledger.differs.iter().map(|what| format!("the ledger: {what}")));
        for replica in &self.replicas {
            let url = &replica.url;
            problems
                .extend(replica.differs.iter().map(|what| format!("the ledger of {url}: {what}")));
        }
        problems
    }
}

/// Returns whether the log has this very event in its place.
fn is_there(ack: &Acknowledged, log: &FinalLog) -> bool {
    log.get(ack.position.seq).is_some_and(|logged| {
        logged.epoch == ack.position.epoch
            && logged.id == Some(ack.id)
            && logged.stamp.map(|stamp| stamp.number) == Some(ack.number)
    })
}

/// Returns the first thing in which the server's account and the readers' do not agree.
fn difference(start: &Ledger, end: &Ledger, log: &FinalLog) -> Option<String> {
    let logged = end.last.seq.0.checked_sub(start.last.seq.0);
    let Some(logged) = logged else {
        return Some(format!("it went back from {} to {}", start.last, end.last));
    };
    if end.count.checked_sub(start.count) != Some(logged) {
        let (from, to) = (start.count, end.count);
        return Some(format!("its count went from {from} to {to}, for {logged} events"));
    }
    let Some(received) = log.hash() else {
        return Some("an event of it reached no reader".to_owned());
    };
    if received != end.hash {
        return Some(format!("its hash is {}, that of what came {received}", end.hash));
    }
    None
}

#[cfg(test)]
mod tests;
