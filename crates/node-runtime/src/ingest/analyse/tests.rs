//! What is computed, by whom and of what.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{BlockRef, Fact, FindingKind, Header, Transaction};
use projection::{Limits, View};
use serde_json::Value;
use tokio::sync::mpsc::{self, Receiver};

use super::*;

/// A feed of one chain that a test tells facts of.
struct Told {
    feed: Arc<Feed>,
    view: View,
    number: u64,
    metrics: Arc<IngestMetrics>,
}

fn key() -> ChainKey {
    "demo".parse().unwrap()
}

fn hash(n: u64) -> B256 {
    B256::left_padding_from(&n.to_be_bytes())
}

fn transaction(n: u64) -> Arc<Transaction> {
    Arc::new(Transaction {
        hash: hash(n),
        sender: Address::with_last_byte(1),
        nonce: n,
        to: Some(Address::with_last_byte(2)),
        value: U256::from(n),
        tx_type: 2,
        chain_id: Some(1),
        gas_limit: 21_000,
        gas_price: None,
        max_fee_per_gas: Some(1_000),
        max_priority_fee_per_gas: Some(u128::from(n)),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        input: Bytes::new(),
        lists: None,
    })
}

fn block(n: u64) -> BlockRef {
    BlockRef { number: n, hash: hash(1_000_000 + n) }
}

fn committed(n: u64, transaction_count: u32) -> Fact {
    let header = Header {
        number: n,
        hash: block(n).hash,
        parent_hash: block(n - 1).hash,
        timestamp: n,
        base_fee_per_gas: Some(7),
        gas_used: 0,
        gas_limit: 0,
        beneficiary: Address::ZERO,
        state_root: B256::ZERO,
    };
    Fact::Committed { header, transaction_count }
}

impl Told {
    fn new() -> Self {
        let feed = Arc::new(Feed::default());
        let view = View::new(Limits::default());
        Told { feed, view, number: 0, metrics: Arc::default() }
    }

    fn tell(&mut self, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            self.number += 1;
            self.view.apply(Event {
                seq: self.number,
                number: self.number,
                chain: key(),
                observed_unix_ms: 0,
                persisted_unix_ms: 0,
                fact,
            });
        }
        self.feed.publish(self.view.snapshot());
    }

    fn see(&mut self, transactions: impl IntoIterator<Item = u64>) {
        let seen = transactions.into_iter().map(|n| Fact::Seen { transaction: transaction(n) });
        self.tell(seen.collect::<Vec<_>>());
    }

    fn include(&mut self, number: u64, transactions: &[u64]) {
        let of = |(index, n): (usize, &u64)| Fact::Included {
            transaction: hash(*n),
            block: block(number),
            index: index as u32,
        };
        let count = transactions.len() as u32;
        let included = transactions.iter().enumerate().map(of).collect::<Vec<_>>();
        self.tell([vec![committed(number, count)], included].concat());
    }

    fn analyst(&self) -> (Analyst, Receiver<Found>) {
        let (leave, found) = mpsc::channel(FOUND_ROOM);
        let (feed, metrics) = (Arc::clone(&self.feed), Arc::clone(&self.metrics));
        (Analyst::new(feed, Arc::default(), leave, metrics), found)
    }

    fn skipped(&self, reason: &'static str) -> u64 {
        self.metrics.skipped_for(reason)
    }
}

const FOUND_ROOM: usize = 1_024;

/// Lets an analyst look at all that is shown.
fn look(analyst: &mut Analyst, found: &mut Receiver<Found>) -> Vec<Finding> {
    let snapshot = analyst.feed.snapshot();
    let mut findings = Vec::new();
    while analyst.after < snapshot.latest_seq {
        let left = analyst.step(&snapshot, snapshot.latest_seq);
        findings.extend(left.into_iter().flat_map(|found| found.findings));
    }
    assert!(found.is_empty());
    findings
}

fn body(finding: &Finding) -> Value {
    serde_json::from_str(finding.body.as_str()).unwrap()
}

#[test]
fn each_transaction_is_told_once_with_the_fees_of_blocks_before_it() {
    let mut told = Told::new();
    told.see([1, 5]);
    told.include(1, &[1, 5]);
    told.see([3]);
    let (mut analyst, mut found) = told.analyst();
    let findings = look(&mut analyst, &mut found);
    let of: Vec<_> = findings.iter().map(|finding| (finding.of, finding.cause)).collect();
    assert_eq!(of, [(hash(1), 1), (hash(5), 2), (hash(3), 6)]);
    assert!(findings.iter().all(|finding| finding.kind == FindingKind::Feature));
    assert!(findings.iter().all(|finding| finding.label == "transfer"));
    assert_eq!(body(&findings[0])["fee"], Value::Null);
    assert_eq!(body(&findings[2])["fee"]["at_or_below_permille"], 500);
    assert!(look(&mut analyst, &mut found).is_empty(), "nothing is told twice");
}

#[test]
fn a_block_that_is_taken_back_counts_no_more() {
    let mut told = Told::new();
    told.see([1, 5]);
    told.include(1, &[1]);
    told.include(2, &[5]);
    told.tell([Fact::Reverted { block: block(2) }]);
    told.see([3]);
    let (mut analyst, mut found) = told.analyst();
    let findings = look(&mut analyst, &mut found);
    assert_eq!(body(&findings[2])["fee"]["at_or_below_permille"], 1_000);
    assert_eq!(body(&findings[2])["fee"]["transactions"], 1);
}

#[test]
fn another_process_goes_on_where_findings_are_kept_and_finds_the_same() {
    let mut told = Told::new();
    told.see(1..=9);
    told.include(1, &[1, 2, 3]);
    told.see([10]);
    let (mut analyst, mut found) = told.analyst();
    let findings = look(&mut analyst, &mut found);
    assert_eq!(findings.len(), 10);
    // Only the first of them were kept when the process ended.
    told.tell(findings.iter().take(4).cloned().map(Fact::Found));
    let (mut again, mut found) = told.analyst();
    assert_eq!(look(&mut again, &mut found), findings[4..]);
}

#[test]
fn the_newest_are_skipped_where_too_many_wait() {
    let mut told = Told::new();
    let (mut analyst, mut found) = told.analyst();
    told.include(1, &[]);
    let most = EVENTS_WAITING_MAX;
    told.see(1..=most + 500);
    let findings = look(&mut analyst, &mut found);
    // The block's fact is one of those that may wait.
    assert_eq!(findings.len() as u64, most - 1);
    assert_eq!(findings.last().unwrap().of, hash(most - 1));
    assert_eq!(told.skipped("behind"), 501);
    told.see([99_999]);
    let findings = look(&mut analyst, &mut found);
    assert_eq!(findings.len(), 1);
    assert_eq!(body(&findings[0])["fee"], Value::Null, "what was skipped may have had blocks");
}

#[test]
fn what_was_there_at_the_start_is_no_backlog() {
    let mut told = Told::new();
    told.see(1..=EVENTS_WAITING_MAX + 500);
    let (mut analyst, mut found) = told.analyst();
    assert_eq!(look(&mut analyst, &mut found).len() as u64, EVENTS_WAITING_MAX + 500);
    assert_eq!(told.skipped("behind"), 0);
    told.see(100_000..100_000 + EVENTS_WAITING_MAX + 7);
    assert_eq!(look(&mut analyst, &mut found).len() as u64, EVENTS_WAITING_MAX);
    assert_eq!(told.skipped("behind"), 7);
}

#[test]
fn what_was_forgotten_beyond_what_is_skipped_ends_nothing() {
    let mut told = Told::new();
    told.view = View::new(Limits { events_max: 1_000 });
    let (mut analyst, mut found) = told.analyst();
    told.see(1..=10);
    assert_eq!(look(&mut analyst, &mut found).len(), 10);
    told.see(11..=EVENTS_WAITING_MAX + 2_010);
    let findings = look(&mut analyst, &mut found).len() as u64;
    assert_eq!(findings + told.skipped("behind"), 1_000);
    assert_eq!(told.skipped("forgotten"), EVENTS_WAITING_MAX + 1_000);
    told.see([99_999]);
    assert_eq!(look(&mut analyst, &mut found).len(), 1);
}

#[test]
fn what_was_forgotten_before_its_turn_is_counted() {
    let mut told = Told::new();
    told.view = View::new(Limits { events_max: 5 });
    told.see(1..=3);
    let (mut analyst, mut found) = told.analyst();
    assert_eq!(look(&mut analyst, &mut found).len(), 3);
    told.see(4..=20);
    let findings = look(&mut analyst, &mut found);
    assert_eq!(
        findings.iter().map(|f| f.of).collect::<Vec<_>>(),
        (16..=20).map(hash).collect::<Vec<_>>()
    );
    assert_eq!(told.skipped("forgotten"), 12);
}

#[tokio::test]
async fn the_thread_tells_what_comes_and_ends_when_it_is_asked_to() {
    let mut told = Told::new();
    told.see([1]);
    let (analyst, mut found) = told.analyst();
    let tasks = Tasks::default();
    analyst.begin(&tasks).unwrap();
    assert_eq!(found.recv().await.unwrap().findings[0].of, hash(1));
    told.see([2]);
    let next = found.recv().await.unwrap();
    assert_eq!((next.chain, next.findings[0].of), (key(), hash(2)));
    tasks.ask_to_end();
    tasks.join(Duration::from_secs(60)).await.unwrap();
}
