//! What becomes of transactions when anvil reorganises its chain: moved to another height or place,
//! left out, or replaced by another one with the same nonce; each compared with the node's answers.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U64};
use chain::{BlockRef, Stage};
use serde_json::{Value, json};

use crate::{
    follow::{Following, config, options},
    peer::Anvil,
};

/// A transaction that was sent: the node's account of it at that time.
struct Sent {
    hash: B256,
    raw: Value,
    from: String,
    nonce: u64,
}

/// What a reorganisation does with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It is mined again in the block that is as far from the last one as its own was from the first.
    Height,
    /// It is mined again at its height, at another place of the block.
    Place,
    /// It is in no block any more.
    Dropped,
    /// Another one of its sender has its nonce and pays more.
    Replaced,
}

const FATES: [Fate; 4] = [Fate::Height, Fate::Place, Fate::Dropped, Fate::Replaced];

struct Matrix {
    anvil: Anvil,
    following: Following,
    accounts: Vec<String>,
    /// Every transaction that was ever sent or in a block.
    sent: Vec<Sent>,
}

fn hash(value: &Value) -> B256 {
    serde_json::from_value(value.clone()).expect("it is a hash")
}

fn number(value: &Value) -> u64 {
    serde_json::from_value::<U64>(value.clone()).expect("it is a number").to()
}

impl Matrix {
    async fn begin() -> Matrix {
        let anvil = Anvil::start(0, &["--no-mining", "--accounts", "12"]);
        let endpoint = (anvil.http_url(), Some(anvil.ws_url()));
        let mut following = Following::begin(config(&[endpoint]), options());
        let accounts = anvil.ask("eth_accounts", json!([])).await;
        let accounts = serde_json::from_value(accounts).expect("they are texts");
        // A feed begins at the head of that moment.
        following.until("the first block", |it| it.state.head().is_some()).await;
        Matrix { anvil, following, accounts, sent: Vec::new() }
    }

    /// Sends one to the first account; returns its place in `sent`.
    async fn send(&mut self, account: usize, wei: u64) -> usize {
        let from = self.accounts[account].clone();
        let receiver = &self.accounts[0];
        let payment = json!([{"from": from, "to": receiver, "value": format!("{wei:#x}")}]);
        let hash = hash(&self.anvil.ask("eth_sendTransaction", payment).await);
        self.note(hash).await
    }

    /// Notes what the node says of a transaction; returns its place in `sent`.
    async fn note(&mut self, hash: B256) -> usize {
        let answer = self.anvil.ask("eth_getTransactionByHash", json!([hash])).await;
        let raw = self.anvil.ask("eth_getRawTransactionByHash", json!([hash])).await;
        let from = answer["from"].as_str().expect("it has a sender").to_owned();
        self.sent.push(Sent { hash, raw, from, nonce: number(&answer["nonce"]) });
        self.sent.len() - 1
    }

    async fn head(&self) -> BlockRef {
        let answer = self.anvil.ask("eth_getBlockByNumber", json!(["latest", false])).await;
        BlockRef { number: number(&answer["number"]), hash: hash(&answer["hash"]) }
    }

    /// Waits for the node's head, and compares everything with what the node says.
    async fn compare(&mut self, when: &str) {
        self.following.until_head(self.head().await.hash).await;
        self.compare_blocks(when).await;
        let mut used = BTreeMap::new();
        for account in &self.accounts {
            let count = self.anvil.ask("eth_getTransactionCount", json!([account, "latest"])).await;
            used.insert(account.to_lowercase(), number(&count));
        }
        for sent in &self.sent {
            let receipt = self.anvil.ask("eth_getTransactionReceipt", json!([sent.hash])).await;
            let stage = self.following.state.stage(&sent.hash);
            let is_nonce_used = used[&sent.from.to_lowercase()] > sent.nonce;
            let expected: &[Stage] = match (receipt.is_null(), is_nonce_used) {
                (false, _) => &[Stage::Included],
                (true, true) => &[Stage::Replaced],
                // One that paid more may wait in its place.
                (true, false) if self.has_rival_waiting(sent) => &[Stage::Pending, Stage::Replaced],
                (true, false) => &[Stage::Pending],
            };
            let is_expected = stage.is_some_and(|stage| expected.contains(&stage));
            assert!(is_expected, "{when}: {} is {stage:?}, {receipt}", sent.hash);
            if !receipt.is_null() {
                self.compare_place(sent.hash, &receipt, when);
            }
        }
    }

    /// Returns whether another one of its sender and nonce waits.
    fn has_rival_waiting(&self, sent: &Sent) -> bool {
        let mut rivals = self
            .sent
            .iter()
            .filter(|it| it.from == sent.from && it.nonce == sent.nonce && it.hash != sent.hash);
        rivals.any(|it| self.following.state.stage(&it.hash) == Some(Stage::Pending))
    }

    /// Compares every canonical block with the node's of that number, down to the first one.
    async fn compare_blocks(&self, when: &str) {
        let head = self.head().await.number;
        let known: Vec<_> = self.following.state.history().collect();
        assert_eq!(known.last().map(|block| block.header.number), Some(head), "{when}");
        for block in known {
            let number = format!("{:#x}", block.header.number);
            let answer = self.anvil.ask("eth_getBlockByNumber", json!([number, false])).await;
            assert_eq!(hash(&answer["hash"]), block.header.hash, "{when}: block {number}");
            let listed: Vec<B256> =
                serde_json::from_value(answer["transactions"].clone()).expect("they are hashes");
            let known: Vec<B256> = block.transactions.iter().map(|it| it.hash).collect();
            assert_eq!(known, listed, "{when}: transactions of block {number}");
        }
    }

    fn compare_place(&self, transaction: B256, receipt: &Value, when: &str) {
        let block = self.following.state.history().find(|block| {
            block.header.hash == hash(&receipt["blockHash"])
                && block.header.number == number(&receipt["blockNumber"])
        });
        let block = block.unwrap_or_else(|| panic!("{when}: its block is not known: {receipt}"));
        let at = block.transactions.iter().position(|it| it.hash == transaction);
        assert_eq!(at.map(|at| at as u64), Some(number(&receipt["transactionIndex"])), "{when}");
    }

    /// Mines blocks of two transactions, each of another sender while there are enough; returns their
    /// places in `sent`.
    async fn build(&mut self, depth: u64) -> Vec<Vec<usize>> {
        let mut blocks = Vec::new();
        for at in 0..depth as usize {
            let mut block = Vec::new();
            for place in 0..2 {
                // The first account receives; of each other one there is one at a time.
                let account = 1 + (2 * at + place) % (self.accounts.len() - 1);
                block.push(self.send(account, 1 + depth * 100 + (at * 10 + place) as u64).await);
            }
            self.anvil.mine(1).await;
            blocks.push(block);
        }
        blocks
    }

    /// Returns what is to be in the new blocks: pairs of a transaction and the block's place.
    async fn plan(&mut self, blocks: &[Vec<usize>], turn: usize) -> (Value, Vec<(usize, Fate)>) {
        let (mut pairs, mut fates) = (Vec::new(), Vec::new());
        let last = blocks.len() - 1;
        for (at, block) in blocks.iter().enumerate() {
            // Against their order, so that places differ.
            for (place, sent) in block.iter().enumerate().rev() {
                let fate = FATES[(2 * at + place + turn) % FATES.len()];
                fates.push((*sent, fate));
                let sent = &self.sent[*sent];
                match fate {
                    Fate::Height => pairs.push(json!([sent.raw, last - at])),
                    Fate::Place => pairs.push(json!([sent.raw, at])),
                    Fate::Dropped => {}
                    Fate::Replaced => {
                        let dearer = json!({"from": sent.from, "to": self.accounts[0],
                            "value": "0x7", "nonce": format!("{:#x}", sent.nonce),
                            "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x77359400"});
                        pairs.push(json!([dearer, at]));
                    }
                }
            }
        }
        (Value::Array(pairs), fates)
    }

    /// Notes the transactions of the last blocks that were not known, as dearer ones are not.
    async fn note_new(&mut self, depth: u64) {
        let head = self.head().await.number;
        for number in head + 1 - depth..=head {
            let number = format!("{number:#x}");
            let block = self.anvil.ask("eth_getBlockByNumber", json!([number, false])).await;
            for transaction in block["transactions"].as_array().expect("a list") {
                let hash = hash(transaction);
                if !self.sent.iter().any(|sent| sent.hash == hash) {
                    self.note(hash).await;
                }
            }
        }
    }

    /// Says what became of each, so that what the test means is what the node did.
    async fn check_fates(&self, before: &BTreeMap<B256, Value>, fates: &[(usize, Fate)]) {
        for (at, fate) in fates {
            let hash = self.sent[*at].hash;
            let receipt = self.anvil.ask("eth_getTransactionReceipt", json!([hash])).await;
            let is_in = matches!(fate, Fate::Height | Fate::Place);
            assert_eq!(!receipt.is_null(), is_in, "{hash}: {fate:?}");
            if is_in {
                assert_ne!(receipt["blockHash"], before[&hash]["blockHash"], "a new block");
            }
        }
    }

    async fn receipts(&self, blocks: &[Vec<usize>]) -> BTreeMap<B256, Value> {
        let mut receipts = BTreeMap::new();
        for at in blocks.iter().flatten() {
            let hash = self.sent[*at].hash;
            let receipt = self.anvil.ask("eth_getTransactionReceipt", json!([hash])).await;
            receipts.insert(hash, receipt);
        }
        receipts
    }

    async fn turn(&mut self, depth: u64, turn: usize) -> Vec<Fate> {
        let when = |what: &str| format!("depth {depth}, turn {turn}, {what}");
        let blocks = self.build(depth).await;
        self.compare(&when("built")).await;
        let before = self.receipts(&blocks).await;
        let (pairs, fates) = self.plan(&blocks, turn).await;
        self.anvil.ask("anvil_reorg", json!([depth, pairs])).await;
        self.check_fates(&before, &fates).await;
        self.note_new(depth).await;
        self.compare(&when("reorganised")).await;
        // All of the new blocks.
        self.anvil.ask("anvil_rollback", json!([depth])).await;
        self.compare(&when("rolled back")).await;
        // What was left out is mined again, at another height than ever.
        for (at, fate) in &fates {
            if matches!(fate, Fate::Dropped | Fate::Height) {
                let raw = self.sent[*at].raw.clone();
                self.anvil.ask("eth_sendRawTransaction", json!([raw])).await;
            }
        }
        self.anvil.mine(1).await;
        self.compare(&when("mined again")).await;
        fates.into_iter().map(|(_, fate)| fate).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_transaction_ends_as_the_node_says_at_every_depth() {
    let mut matrix = Matrix::begin().await;
    let mut fates = Vec::new();
    for depth in 1..=5 {
        for turn in 0..FATES.len() {
            fates.extend(matrix.turn(depth, turn).await);
        }
    }
    for fate in FATES {
        let times = fates.iter().filter(|it| **it == fate).count();
        assert!(times >= 10, "{fate:?} came {times} times");
    }
    assert_eq!(matrix.following.broken, 0);
    assert_eq!(matrix.following.state.unfolded_count(), 0);
    assert_eq!(matrix.following.drops.pending_queue_full(), 0);
    matrix.following.stop().await;
}
