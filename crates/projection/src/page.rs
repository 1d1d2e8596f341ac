//! Pages of a snapshot. Each costs what it shows and what it had to pass over, which is bounded; so a
//! page can be short, or empty, and there is more all the same.

use std::sync::Arc;

use alloy_primitives::Address;
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::{
    ChainView, KindFilter, Snapshot, Status, TransactionRow,
    view::{Held, HeldEvents},
};

/// How many events or transactions a page looks at.
pub(crate) const LOOKED_AT_MAX: usize = 10_000;

/// Events that a cursor's reader can't have any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissedEvents {
    /// Why: `expired`, `unknown_cursor` or `data_loss`, as in a stream.
    pub reason: &'static str,
    /// The cursor.
    pub after: u64,
    /// Where reading goes on.
    pub resumes_at: u64,
    /// How many there were; none where that can't be told.
    pub missed: Option<u64>,
}

/// A page of events, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct EventPage {
    /// The events.
    #[serde(serialize_with = "events")]
    pub(crate) events: Vec<Arc<Held>>,
    /// The cursor of the next page; it never lies before the one that was given.
    pub next: u64,
    /// Whether there is more.
    pub has_more: bool,
    /// What is missing before the first.
    pub gap: Option<MissedEvents>,
}

impl EventPage {
    /// Returns the events.
    pub fn events(&self) -> impl Iterator<Item = &crate::Event> {
        self.events.iter().map(|held| &held.event)
    }
}

fn events<S: Serializer>(events: &[Arc<Held>], to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(Some(events.len()))?;
    for held in events {
        list.serialize_element(&held.event)?;
    }
    list.end()
}

/// Which transactions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionQuery {
    /// Of this chain alone, by its key.
    pub chain: Option<String>,
    /// Those that have come to this.
    pub status: Option<Status>,
    /// Those of this sender.
    pub sender: Option<Address>,
    /// Those that were heard of before the event with this number.
    pub before: Option<u64>,
    /// Most of them.
    pub limit: usize,
}

/// A page of transactions, those first that were heard of last.
#[derive(Clone, Debug, Serialize)]
pub struct TransactionPage {
    /// The transactions.
    #[serde(serialize_with = "rows")]
    pub transactions: Vec<Arc<TransactionRow>>,
    /// What the next page is asked with; it lies before the one that was given.
    pub next: u64,
    /// Whether there is more.
    pub has_more: bool,
}

fn rows<S: Serializer>(rows: &[Arc<TransactionRow>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(rows.iter().map(|row| &**row))
}

impl Snapshot {
    /// Returns events behind a cursor, of the kinds that are wanted.
    pub fn events_after(&self, after: u64, kinds: KindFilter, events_max: usize) -> EventPage {
        let (from, gap) = self.resume(after);
        let mut next = gap.as_ref().map_or(after, |gap| gap.resumes_at);
        let mut found = Vec::new();
        let mut at = from;
        let end = self.events.len().min(from + LOOKED_AT_MAX);
        while at < end && found.len() < events_max {
            let Some(held) = self.events.get(at) else { break };
            if held.event.seq != next + 1 {
                // A hole; the next page tells of it.
                break;
            }
            next = held.event.seq;
            if kinds.takes(held.event.kind()) {
                found.push(Arc::clone(held));
            }
            at += 1;
        }
        EventPage { events: found, next, has_more: at < self.events.len(), gap }
    }

    /// Finds where reading goes on behind a cursor, and what is missing before that.
    fn resume(&self, after: u64) -> (usize, Option<MissedEvents>) {
        let first = self.events.front().map_or(self.latest_seq + 1, |held| held.event.seq);
        let gap = |reason, resumes_at: u64| {
            let missed = resumes_at.checked_sub(after);
            Some(MissedEvents { reason, after, resumes_at, missed })
        };
        if after > self.latest_seq {
            return (0, gap("unknown_cursor", first - 1));
        }
        let at = index_after(&self.events, after);
        match self.events.get(at).map(|held| held.event.seq) {
            Some(seq) if seq != after + 1 => {
                let reason = if at == 0 { "expired" } else { "data_loss" };
                (at, gap(reason, seq - 1))
            }
            _ => (at, None),
        }
    }

    /// Returns transactions, those first that were heard of last. A transaction that was heard of
    /// again stands where that was.
    pub fn transactions(&self, query: &TransactionQuery) -> TransactionPage {
        match &query.chain {
            None => self.walk(query, &self.order, |held| {
                let (seq, hash) = told(held)?;
                let row = self.chains.get(held.chain_index)?.transaction(&hash)?;
                (row.seen_seq == seq).then_some(row)
            }),
            Some(key) => match self.chain(key) {
                Some(chain) => self.walk(query, &chain.order, |(seq, hash)| {
                    let row = chain.transaction(hash)?;
                    (row.seen_seq == *seq).then_some(row)
                }),
                None => TransactionPage { transactions: Vec::new(), next: 0, has_more: false },
            },
        }
    }

    fn walk<'a, T: Told>(
        &'a self,
        query: &TransactionQuery,
        order: &'a imbl::Vector<T>,
        row_of: impl Fn(&'a T) -> Option<&'a Arc<TransactionRow>>,
    ) -> TransactionPage {
        let before = query.before.unwrap_or(u64::MAX);
        let mut at = match order.binary_search_by(|told| told.seq().cmp(&before)) {
            Ok(at) | Err(at) => at,
        };
        let stop = at.saturating_sub(LOOKED_AT_MAX);
        let mut next = before.min(self.latest_seq + 1);
        let mut transactions = Vec::new();
        while at > stop && transactions.len() < query.limit {
            at -= 1;
            let Some(told) = order.get(at) else { break };
            next = told.seq();
            transactions.extend(row_of(told).filter(|row| wanted(query, row)).cloned());
        }
        TransactionPage { transactions, next, has_more: at > 0 }
    }

    /// Returns a transaction of whichever chain has it, or of the one that is named.
    pub fn transaction(
        &self,
        hash: &alloy_primitives::B256,
        chain: Option<&str>,
    ) -> Option<&Arc<TransactionRow>> {
        let of = |view: &&ChainView| chain.is_none_or(|key| view.key.as_str() == key);
        self.chains.iter().filter(of).find_map(|view| view.transaction(hash))
    }
}

fn wanted(query: &TransactionQuery, row: &TransactionRow) -> bool {
    query.status.is_none_or(|status| row.status == status)
        && query.sender.is_none_or(|sender| row.transaction.sender == sender)
}

/// Something that told of a transaction, and has the number of that.
trait Told: Clone {
    fn seq(&self) -> u64;
}

impl Told for (u64, alloy_primitives::B256) {
    fn seq(&self) -> u64 {
        self.0
    }
}

impl Told for Arc<Held> {
    fn seq(&self) -> u64 {
        self.event.seq
    }
}

fn told(held: &Held) -> Option<(u64, alloy_primitives::B256)> {
    match &held.event.fact {
        chain::Fact::Seen { transaction } => Some((held.event.seq, transaction.hash)),
        _ => None,
    }
}

/// Returns where the events behind a number begin.
pub(crate) fn index_after(events: &HeldEvents, seq: u64) -> usize {
    match events.binary_search_by(|held| held.event.seq.cmp(&seq)) {
        Ok(at) => at + 1,
        Err(at) => at,
    }
}
