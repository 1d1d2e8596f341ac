//! What is known of one chain.

use std::{ops::Add, sync::Arc};

use alloy_primitives::B256;
use chain::{BlockRef, ChainKey, Fact, FindingKind, Header};
use imbl::{HashMap, Vector};
use serde::Serialize;

use crate::{
    event::Event,
    findings::Findings,
    row::{Status, TransactionRow},
    view::Held,
};

/// Blocks below the head that are remembered.
const BLOCKS_MAX: usize = 256;

/// How often things happened on a chain, as far as the held events and the ones before them in this
/// process tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Transactions that were heard of.
    pub seen: u64,
    /// Times that one was included.
    pub included: u64,
    /// Those whose block is deep.
    #[serde(rename = "final")]
    pub finalised: u64,
    /// Those whose place another one took.
    pub replaced: u64,
    /// Those that were not waited for any more.
    pub dropped: u64,
    /// Times that one's block was reverted.
    pub reorged: u64,
    /// Blocks that became the head.
    pub blocks_committed: u64,
    /// Blocks that were the head and are not canonical any more.
    pub blocks_reverted: u64,
    /// Times that the chain had to be followed anew.
    pub broken: u64,
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            seen: self.seen + other.seen,
            included: self.included + other.included,
            finalised: self.finalised + other.finalised,
            replaced: self.replaced + other.replaced,
            dropped: self.dropped + other.dropped,
            reorged: self.reorged + other.reorged,
            blocks_committed: self.blocks_committed + other.blocks_committed,
            blocks_reverted: self.blocks_reverted + other.blocks_reverted,
            broken: self.broken + other.broken,
        }
    }
}

/// A block below the head, or the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    pub(crate) header: Header,
    pub(crate) transaction_count: u32,
}

/// What is known of one chain, at one moment.
#[derive(Clone, Debug)]
pub struct ChainView {
    /// Which.
    pub key: ChainKey,
    /// How often things happened.
    pub counts: Counts,
    /// Held transactions that wait.
    pub pending: u64,
    pub(crate) events: Vector<Arc<Held>>,
    pub(crate) blocks: Vector<Arc<BlockRow>>,
    rows: HashMap<B256, Arc<TransactionRow>>,
    /// Held transactions in the order in which they were heard of.
    pub(crate) order: Vector<(u64, B256)>,
    pub(crate) findings: Findings,
}

impl ChainView {
    pub(crate) fn new(key: ChainKey) -> Self {
        ChainView {
            key,
            counts: Counts::default(),
            pending: 0,
            events: Vector::new(),
            blocks: Vector::new(),
            rows: HashMap::new(),
            order: Vector::new(),
            findings: Findings::default(),
        }
    }

    /// Returns the canonical head.
    pub fn head(&self) -> Option<BlockRef> {
        self.blocks.back().map(|row| row.header.block())
    }

    /// Returns what is known of the canonical head.
    pub fn head_header(&self) -> Option<&Header> {
        self.blocks.back().map(|row| &row.header)
    }

    /// Returns how many seconds lie between the last two blocks, by their own time.
    pub fn block_seconds(&self) -> Option<u64> {
        let (head, before) = (self.blocks.back()?, self.blocks.iter().rev().nth(1)?);
        Some(head.header.timestamp.saturating_sub(before.header.timestamp))
    }

    /// Returns when the head was made, in seconds since 1970, as its proposer says.
    pub fn head_timestamp(&self) -> Option<u64> {
        self.blocks.back().map(|row| row.header.timestamp)
    }

    /// Returns a transaction that is held.
    pub fn transaction(&self, hash: &B256) -> Option<&Arc<TransactionRow>> {
        self.rows.get(hash)
    }

    /// Returns the number of the last fact whose transaction's features were computed, among the held
    /// events.
    pub fn last_cause(&self) -> u64 {
        let cause = |held: &Arc<Held>| match &held.event.fact {
            Fact::Found(finding) if finding.kind == FindingKind::Feature => Some(finding.cause),
            _ => None,
        };
        self.events.iter().filter_map(cause).max().unwrap_or(0)
    }

    /// Returns the number before the first held event: 0 where nothing was forgotten.
    pub fn number_before(&self) -> u64 {
        self.events.front().map_or(0, |held| held.event.number - 1)
    }

    /// Returns the number of the last event.
    pub fn number_last(&self) -> u64 {
        self.events.back().map_or(0, |held| held.event.number)
    }

    /// Returns the events behind a number that follow each other without a hole, at most so many.
    pub fn events_after(&self, number: u64, events_max: usize) -> Vec<&Event> {
        let from = self.index_after(number);
        let held = (from..self.events.len()).map_while(|at| self.events.get(at));
        let follows = |(held, expected): &(&Arc<Held>, u64)| held.event.number == *expected;
        let unbroken = held.zip(number + 1..).take_while(follows);
        unbroken.take(events_max).map(|(held, _)| &held.event).collect()
    }

    /// Returns the number before the first held event behind this one.
    pub fn resumes_after(&self, number: u64) -> u64 {
        let next = self.events.get(self.index_after(number));
        next.map_or(number, |held| held.event.number - 1)
    }

    fn index_after(&self, number: u64) -> usize {
        match self.events.binary_search_by(|held| held.event.number.cmp(&number)) {
            Ok(at) => at + 1,
            Err(at) => at,
        }
    }

    /// Folds a fact.
    pub(crate) fn apply(&mut self, event: &Event) {
        match &event.fact {
            Fact::Seen { transaction } => self.see(event, transaction),
            Fact::Committed { header, transaction_count } => {
                self.counts.blocks_committed += 1;
                let row =
                    BlockRow { header: header.clone(), transaction_count: *transaction_count };
                self.blocks.push_back(Arc::new(row));
                if self.blocks.len() > BLOCKS_MAX {
                    self.blocks.pop_front();
                }
            }
            Fact::Reverted { block } => {
                self.counts.blocks_reverted += 1;
                if self.head() == Some(*block) {
                    self.blocks.pop_back();
                }
            }
            Fact::Included { transaction, block, index } => {
                self.counts.included += 1;
                self.change(event, transaction, |row| {
                    (row.status, row.block) = (Status::Included, Some((*block, *index)));
                    (row.replaced_by, row.drop_reason) = (None, None);
                });
            }
            Fact::Final { transaction, .. } => {
                self.counts.finalised += 1;
                self.change(event, transaction, |row| row.status = Status::Final);
            }
            Fact::Replaced { transaction, by } => {
                self.counts.replaced += 1;
                self.change(event, transaction, |row| {
                    (row.status, row.replaced_by) = (Status::Replaced, Some(*by));
                });
            }
            Fact::Dropped { transaction, reason } => {
                self.counts.dropped += 1;
                self.change(event, transaction, |row| {
                    (row.status, row.drop_reason) = (Status::Dropped, Some(*reason));
                });
            }
            Fact::Reorged { transaction, .. } => {
                self.counts.reorged += 1;
                self.change(event, transaction, |row| {
                    (row.status, row.block) = (Status::Reorged, None);
                });
            }
            Fact::Broken { .. } => {
                self.counts.broken += 1;
                self.blocks.clear();
            }
            // Whoever holds the event takes it in.
            Fact::Found(_) => {}
        }
    }

    fn see(&mut self, event: &Event, transaction: &Arc<chain::Transaction>) {
        self.counts.seen += 1;
        let row = TransactionRow {
            chain: self.key.clone(),
            transaction: Arc::clone(transaction),
            seen_seq: event.seq,
            seen_unix_ms: event.observed_unix_ms,
            status: Status::Pending,
            updated_seq: event.seq,
            updated_unix_ms: event.observed_unix_ms,
            block: None,
            replaced_by: None,
            drop_reason: None,
        };
        let before = self.rows.insert(transaction.hash, Arc::new(row));
        self.pending += 1;
        if before.is_some_and(|row| row.status.waits()) {
            self.pending -= 1;
        }
        self.order.push_back((event.seq, transaction.hash));
    }

    /// Changes a row that is held; one that was forgotten stays so.
    fn change(&mut self, event: &Event, hash: &B256, change: impl FnOnce(&mut TransactionRow)) {
        let Some(row) = self.rows.get_mut(hash) else { return };
        let row = Arc::make_mut(row);
        let waited = row.status.waits();
        change(row);
        (row.updated_seq, row.updated_unix_ms) = (event.seq, event.observed_unix_ms);
        match (waited, row.status.waits()) {
            (true, false) => self.pending -= 1,
            (false, true) => self.pending += 1,
            _ => {}
        }
    }

    /// Forgets the oldest held event, which is this one, and the transaction that it told of.
    pub(crate) fn forget(&mut self, event: &Event) {
        self.events.pop_front();
        self.findings.forget(event);
        let Fact::Seen { transaction } = &event.fact else { return };
        self.order.pop_front();
        let Some(row) = self.rows.get(&transaction.hash) else { return };
        // It may have been heard of again since.
        if row.seen_seq == event.seq {
            self.pending -= u64::from(row.status.waits());
            self.rows.remove(&transaction.hash);
        }
    }
}
