//! The feed against anvil: what is known equals the node's own answer, whatever the node does.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy_primitives::B256;
use chain::{
    FeedEvent, FeedState, Stage, Tracker, TrackerLimits,
    feed::{RecordOptions, record},
};
use faults::lasting_port;
use serde_json::{Value, json};

use crate::{
    follow::{Following, config, options},
    peer::{Anvil, OTHER, RICH},
};

fn both(anvil: &Anvil) -> (String, Option<String>) {
    (anvil.http_url(), Some(anvil.ws_url()))
}

fn hash(value: &Value) -> B256 {
    serde_json::from_value(value.clone()).expect("it is a hash")
}

async fn head(anvil: &Anvil) -> B256 {
    hash(&anvil.ask("eth_getBlockByNumber", json!(["latest", false])).await["hash"])
}

/// Waits for the node's head, and compares all that is known with the node's answers.
async fn compare(anvil: &Anvil, following: &mut Following, transactions: &[B256]) {
    following.until_head(head(anvil).await).await;
    for block in following.state.history() {
        let number = format!("{:#x}", block.header.number);
        let answer = anvil.ask("eth_getBlockByNumber", json!([number, false])).await;
        assert_eq!(hash(&answer["hash"]), block.header.hash, "block {number}");
        let listed: Vec<B256> =
            serde_json::from_value(answer["transactions"].clone()).expect("they are hashes");
        let known: Vec<B256> = block.transactions.iter().map(|it| it.hash).collect();
        assert_eq!(known, listed, "transactions of block {number}");
    }
    for transaction in transactions {
        let receipt = anvil.ask("eth_getTransactionReceipt", json!([transaction])).await;
        let stage = following.state.stage(transaction);
        let is_in = matches!(stage, Some(Stage::Included | Stage::Final));
        assert_eq!(is_in, !receipt.is_null(), "{transaction}: {stage:?}, {receipt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_transaction_is_seen_and_then_included() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    for ws in [Some(anvil.ws_url()), None] {
        let mut following = Following::begin(config(&[(anvil.http_url(), ws)]), options());
        following.until("the first block", |it| it.state.head().is_some()).await;
        // A subscription, or a note of pending transactions, begins after that; what is sent before
        // is seen in its block alone.
        let mut sent = Vec::new();
        while !sent.iter().any(|hash| following.state.stage(hash) == Some(Stage::Pending)) {
            sent.push(anvil.pay(7).await);
            let known = following.state.pending_count();
            let looked = Duration::from_millis(200);
            let seen = following.until("it is pending", |it| it.state.pending_count() > known);
            let _ = tokio::time::timeout(looked, seen).await;
            assert!(sent.len() < 100, "none is ever seen");
        }
        anvil.mine(1).await;
        compare(&anvil, &mut following, &sent).await;
        let stage = following.state.stage(&sent[0]);
        assert_eq!(stage, Some(Stage::Included));
        assert!(following.status.borrow().last_pending_unix_ms.is_some());
        following.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reorganisations_and_rollbacks_end_as_the_node_says() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let mut following = Following::begin(config(&[both(&anvil)]), options());
    // A feed begins at the head of that moment.
    following.until_head(head(&anvil).await).await;
    let mut sent = Vec::new();
    for depth in 1..=5_u64 {
        for wei in 0..depth + 1 {
            sent.push(anvil.pay(wei + 1).await);
            anvil.mine(1).await;
        }
        compare(&anvil, &mut following, &sent).await;
        let nonce = anvil.ask("eth_getTransactionCount", json!([OTHER, "latest"])).await;
        let moved = json!({"from": OTHER, "to": RICH, "value": "0x1", "nonce": nonce});
        anvil.ask("anvil_reorg", json!([depth, [[moved, 0]]])).await;
        compare(&anvil, &mut following, &sent).await;
        anvil.ask("anvil_rollback", json!([depth])).await;
        compare(&anvil, &mut following, &sent).await;
        anvil.mine(1).await;
        compare(&anvil, &mut following, &sent).await;
    }
    assert_eq!(following.broken, 0);
    assert_eq!(following.drops.pending_queue_full(), 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_make_is_followed_the_same_way() {
    let folder = tempfile::tempdir().expect("it is made");
    let node = Anvil::start_hardhat(folder.path());
    let mut following = Following::begin(config(&[both(&node)]), options());
    following.until("the first block", |it| it.state.head().is_some()).await;
    let mut sent = Vec::new();
    for depth in 1..=3_u64 {
        let before = node.ask("evm_snapshot", json!([])).await;
        for wei in 0..depth {
            sent.push(node.pay(wei + 1).await);
            node.ask("evm_mine", json!([])).await;
        }
        compare(&node, &mut following, &sent).await;
        assert_eq!(node.ask("evm_revert", json!([before])).await, json!(true));
        compare(&node, &mut following, &sent).await;
        sent.push(node.pay(depth + 100).await);
        node.ask("evm_mine", json!([])).await;
        compare(&node, &mut following, &sent).await;
    }
    assert_eq!(following.broken, 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_filled_after_a_restart() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let mut following = Following::begin(config(&[both(&anvil)]), options());
    // A feed begins at the head of that moment.
    following.until_head(head(&anvil).await).await;
    let mut sent = vec![anvil.pay(1).await];
    anvil.mine(1).await;
    compare(&anvil, &mut following, &sent).await;
    let known = following.stop().await;
    for wei in 2..60 {
        sent.push(anvil.pay(wei).await);
        anvil.mine(1).await;
    }
    let mut following = Following::resume(config(&[both(&anvil)]), options(), known);
    compare(&anvil, &mut following, &sent).await;
    assert_eq!((following.state.history().len() as u64, following.broken), (60, 0));
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_is_followed_on_and_another_chain_is_loud() {
    let folder = tempfile::tempdir().expect("it is made");
    let state = folder.path().join("state.json");
    let state = state.to_str().expect("it is UTF-8");
    let kept = ["--no-mining", "--state", state];
    let port = lasting_port();
    let anvil = Anvil::start(port, &kept);
    let mut following = Following::begin(config(&[both(&anvil)]), options());
    // A feed begins at the head of that moment.
    following.until_head(head(&anvil).await).await;
    let mut sent = vec![anvil.pay(1).await];
    anvil.mine(3).await;
    compare(&anvil, &mut following, &sent).await;
    anvil.end();
    following.until("it is missed", |it| it.status.borrow().last_error.is_some()).await;
    let anvil = Anvil::start(port, &kept);
    sent.push(anvil.pay(2).await);
    anvil.mine(1).await;
    compare(&anvil, &mut following, &sent).await;
    assert_eq!(following.broken, 0);
    anvil.end();
    let anvil = Anvil::start(port, &["--no-mining", "--timestamp", "1000"]);
    anvil.mine(2).await;
    following.until_head(head(&anvil).await).await;
    assert_eq!(following.broken, 1);
    let error = following.status.borrow().last_error.clone().unwrap_or_default();
    assert!(error.contains("below its history"), "{error}");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_endpoint_takes_over() {
    let folder = tempfile::tempdir().expect("it is made");
    let state = folder.path().join("state.json");
    let state = state.to_str().expect("it is UTF-8");
    let first = Anvil::start(0, &["--no-mining", "--state", state]);
    first.mine(3).await;
    first.end();
    let first = Anvil::start(0, &["--no-mining", "--load-state", state]);
    let second = Anvil::start(0, &["--no-mining", "--load-state", state]);
    let mut following = Following::begin(config(&[both(&first), both(&second)]), options());
    compare(&first, &mut following, &[]).await;
    assert_eq!(following.status.borrow().endpoint_index, 0);
    drop(first);
    following.until("the other one", |it| it.status.borrow().endpoint_index == 1).await;
    second.mine(2).await;
    compare(&second, &mut following, &[]).await;
    let status = following.status.borrow().clone();
    assert_eq!((status.state, status.rotation_count >= 1), (FeedState::Active, true));
    assert_eq!(status.endpoint, Some(second.http_url()));
    following.stop().await;
}

/// What a recorder has written so far.
#[derive(Clone, Debug, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no holder panics").clone()).expect("it is JSON")
    }

    /// Waits until a text stands behind what stood there before.
    async fn until(&self, before: usize, what: &str) -> usize {
        let looked = async {
            while !self.text()[before..].contains(what) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(40), looked).await;
        assert!(waited.is_ok(), "waited in vain for: {what} in {}", self.text());
        self.text().len()
    }
}

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no holder panics").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_feed_replays_to_the_same_chain() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let until = async {
        let _ = stopped.await;
    };
    let written = Written::default();
    let recorded = RecordOptions { feed: options(), ..RecordOptions::default() };
    let recording = record(config(&[both(&anvil)]), recorded, until, written.clone(), |_| {});
    let playing = async {
        let named = async || format!("{:#x}", head(&anvil).await);
        let at = written.until(0, &named().await).await;
        anvil.pay(1).await;
        anvil.mine(4).await;
        let at = written.until(at, &named().await).await;
        anvil.ask("anvil_reorg", json!([2, []])).await;
        let at = written.until(at, &named().await).await;
        anvil.ask("anvil_rollback", json!([1])).await;
        written.until(at, "rollback").await;
        drop(stop);
        head(&anvil).await
    };
    let (recorded, last) = tokio::join!(recording, playing);
    let recorded = recorded.expect("it is recorded");
    assert_eq!((recorded.block_count, recorded.dropped_count), (7, 0));
    let text = written.text();
    let reader = chain::FeedReader::new(text.as_bytes()).expect("it is a feed");
    let mut tracker = Tracker::new(TrackerLimits::default());
    for line in reader {
        match line.expect("it is whole").event {
            FeedEvent::Pending(_) => {}
            FeedEvent::Rollback(block) => drop(tracker.head(block)),
            FeedEvent::Block(block) => {
                tracker.head(block.header.block());
                tracker.block(block).expect("its parent is known");
            }
        }
    }
    assert_eq!(tracker.canonical_head().map(|head| head.hash), Some(last), "{text}");
}
