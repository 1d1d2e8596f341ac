//! What is simulated against what a node did: status, gas, logs, created contracts and balances.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use chain::{Block, BlockRef, Header};
use serde_json::{Value, json};
use sim::{
    BlobRules, BlockEnv, Bundle, Call, EvmSimulator, FetchLimits, Hardfork, Means, NodeState,
    Outcome, Overrides, Rules, SimulationLimits, StateCache, Status,
};

use crate::{
    abi,
    peer::{Anvil, number, value},
    traffic::{KINDS, POINT, PRECOMPILED, World, ZEROS, authorization, draw},
};

/// A node, and a simulator of its chain.
struct Beside {
    anvil: Anvil,
    simulator: EvmSimulator,
    cache: StateCache,
    source: NodeState,
    world: World,
}

/// A block, with what its header does not hold here.
struct Mined {
    block: Arc<Block>,
    env: BlockEnv,
    parent: BlockRef,
    receipts: Vec<Value>,
}

impl Beside {
    async fn start(rules: Rules, arguments: &[&str]) -> Beside {
        let anvil = Anvil::start(arguments);
        anvil.ask("anvil_setCoinbase", json!([Address::repeat_byte(0xc0)])).await;
        let accounts = anvil.accounts().await;
        let source = NodeState::new(anvil.client());
        let (tool, coin) = (Address::ZERO, Address::ZERO);
        let mut beside = Beside {
            anvil,
            simulator: EvmSimulator::new(rules, SimulationLimits::default()),
            cache: StateCache::new(32 << 20),
            source,
            world: World { accounts, tool, coin },
        };
        beside.world.tool = beside.deploy(abi::tool()).await;
        beside.world.coin = beside.deploy(abi::coin(U256::from(10).pow(U256::from(24)))).await;
        beside
    }

    async fn deploy(&self, code: Bytes) -> Address {
        let sent = self.send_code(code).await;
        self.anvil.mine().await;
        let receipt = self.anvil.ask("eth_getTransactionReceipt", json!([sent])).await;
        value(&receipt["contractAddress"])
    }

    async fn send_code(&self, code: Bytes) -> B256 {
        let (from, gas) = (self.world.accounts[0], "0x7a1200");
        self.anvil.send(json!({"from": from, "input": code, "gas": gas})).await
    }

    async fn mine(&self) -> Mined {
        let at = self.anvil.mine().await;
        let block = self.anvil.client().block_by_hash(at.hash).await.expect("it answers");
        self.mined(block.expect("it is there")).await
    }

    /// Makes a block of one transaction, and believes what the node says of the block: it takes the
    /// root of transactions with blobs over the blobs too, which no other does.
    async fn mine_unchecked(&self, transaction: B256) -> Mined {
        let at = self.anvil.mine().await;
        let found = self.anvil.client().transactions(&[transaction]).await.expect("it answers");
        let transactions = found.into_iter().flatten().collect();
        let raw = self.anvil.ask("eth_getBlockByHash", json!([at.hash, false])).await;
        let header = Header {
            number: at.number,
            hash: at.hash,
            parent_hash: value(&raw["parentHash"]),
            timestamp: number(&raw["timestamp"]),
            base_fee_per_gas: Some(number(&raw["baseFeePerGas"]).into()),
            gas_used: number(&raw["gasUsed"]),
            gas_limit: number(&raw["gasLimit"]),
            beneficiary: value(&raw["miner"]),
            state_root: value(&raw["stateRoot"]),
        };
        self.mined(Arc::new(Block { header, transactions })).await
    }

    async fn mined(&self, block: Arc<Block>) -> Mined {
        let at = block.header.block();
        let raw = self.anvil.ask("eth_getBlockByHash", json!([at.hash, false])).await;
        let excess = value::<Option<U256>>(&raw["excessBlobGas"]).map(|excess| excess.to());
        let env = BlockEnv::of(&block.header, value(&raw["mixHash"]), excess);
        let receipts = self.anvil.ask("eth_getBlockReceipts", json!([raw["number"]])).await;
        let parent = BlockRef { number: at.number - 1, hash: block.header.parent_hash };
        Mined { block, env, parent, receipts: value(&receipts) }
    }

    fn bundle(&self, mined: &Mined) -> Bundle {
        let calls = mined.block.transactions.iter().map(|it| Call::from(it.as_ref())).collect();
        let (at, env) = (mined.parent, mined.env.clone());
        Bundle { at, env, calls, overrides: Overrides::default() }
    }

    async fn simulate(&self, bundle: &Bundle) -> Vec<Outcome> {
        let means = Means {
            simulator: &self.simulator,
            cache: &self.cache,
            source: &self.source,
            limits: FetchLimits::default(),
        };
        sim::simulate(means, bundle, Instant::now() + Duration::from_secs(60)).await
    }

    /// Simulates a whole block on its parent's state, and compares.
    async fn compare(&self, mined: &Mined) -> Vec<Outcome> {
        let outcomes = self.simulate(&self.bundle(mined)).await;
        assert_eq!(outcomes.len(), mined.receipts.len());
        for (outcome, receipt) in outcomes.iter().zip(&mined.receipts) {
            compare_receipt(outcome, receipt);
        }
        self.compare_balances(mined, &outcomes).await;
        outcomes
    }

    /// Looks at each account that anything is about, before the block and behind it.
    async fn compare_balances(&self, mined: &Mined, outcomes: &[Outcome]) {
        let mut simulated: BTreeMap<Address, (U256, U256)> = BTreeMap::new();
        for change in outcomes.iter().flat_map(|outcome| &outcome.balance_changes) {
            let entry = simulated.entry(change.address).or_insert((change.before, change.after));
            entry.1 = change.after;
        }
        let mut touched: BTreeSet<Address> = simulated.keys().copied().collect();
        touched.extend(&self.world.accounts);
        touched.extend([mined.env.beneficiary, self.world.tool, self.world.coin]);
        touched.extend(mined.block.transactions.iter().filter_map(|it| it.to));
        for address in touched {
            let before = self.anvil.balance(address, mined.parent).await;
            let after = self.anvil.balance(address, mined.block.header.block()).await;
            let said = simulated.get(&address).copied().unwrap_or((before, before));
            assert_eq!(said, (before, after), "balance of {address}");
        }
    }
}

fn compare_receipt(outcome: &Outcome, receipt: &Value) {
    let hash = &receipt["transactionHash"];
    assert!(outcome.is_complete(), "{hash}: {outcome:?}");
    let is_success = outcome.status == Status::Success;
    assert_eq!(is_success, receipt["status"] == "0x1", "{hash}: {outcome:?}");
    assert_eq!(outcome.gas_used, number(&receipt["gasUsed"]), "{hash}: {outcome:?}");
    let created = value::<Option<Address>>(&receipt["contractAddress"]);
    assert_eq!(outcome.created, created.filter(|_| is_success), "{hash}");
    let logs = receipt["logs"].as_array().expect("it has logs");
    assert_eq!(outcome.logs.len(), logs.len(), "{hash}: {outcome:?}, {receipt}");
    for (log, told) in outcome.logs.iter().zip(logs) {
        assert_eq!(log.address, value::<Address>(&told["address"]), "{hash}");
        assert_eq!(log.topics, value::<Vec<B256>>(&told["topics"]), "{hash}");
        assert_eq!(json!(log.data), told["data"], "{hash}");
    }
}

fn kind(outcome: &Outcome) -> String {
    let written = serde_json::to_value(&outcome.status).expect("it is JSON");
    let reason = ["reason"].map(|key| match &written[key] {
        Value::Object(reason) => reason["form"].to_string(),
        reason => reason.to_string(),
    });
    format!("{} {}", written["kind"], reason.concat()).replace('"', "")
}

async fn several_hundred(rules: Rules, arguments: &[&str]) {
    let beside = Beside::start(rules, arguments).await;
    // The node takes each account for one that exists (see the test of delegation below).
    for seed in 0..300 {
        let (authority, _) = authorization(seed, 0, beside.world.tool);
        beside.anvil.ask("anvil_setBalance", json!([authority, "0x1"])).await;
    }
    let mut before = beside.mine().await.block;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut next = 0;
    for block in 0..50_u64 {
        // Small blocks show the balances of one transaction; in large ones they stand on each other.
        let count = if block < KINDS { 1 } else { 20 };
        for _ in 0..count {
            let kind = if block < KINDS { block } else { draw(5, next) };
            beside.anvil.send(beside.world.transaction(kind, next)).await;
            next += 1;
        }
        let mined = beside.mine().await;
        assert_eq!(mined.receipts.len(), count);
        let foreseen = BlockEnv::next(&before.header, 1).base_fee_per_gas;
        assert_eq!(foreseen, mined.env.base_fee_per_gas);
        before = Arc::clone(&mined.block);
        for outcome in beside.compare(&mined).await {
            *kinds.entry(kind(&outcome)).or_default() += 1;
        }
    }
    assert!(next >= 350, "{next}");
    precompiled(&beside).await;
    for expected in [
        "success null",
        "revert error",
        "revert panic",
        "revert custom",
        "halt out_of_gas",
        "halt invalid_instruction",
        "halt code_begins_with_ef",
    ] {
        assert!(kinds.keys().any(|kind| kind.starts_with(expected)), "{expected} of {kinds:?}");
    }
}

/// Each precompiled contract answers what the node's does.
async fn precompiled(beside: &Beside) {
    for n in 0..PRECOMPILED {
        let from = beside.world.accounts[3];
        beside.anvil.send(beside.world.precompiled(from, n)).await;
    }
    for outcome in beside.compare(&beside.mine().await).await {
        assert_eq!(outcome.status, Status::Success);
        // The words of what is said: where it stands, how long it is, and whether the call succeeded.
        assert_eq!(outcome.logs[0].data[64..96], U256::ONE.to_be_bytes::<32>(), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_equal_receipts_by_the_rules_of_prague() {
    let rules = Rules { hardfork: Some(Hardfork::Prague), ..Rules::of_chain(31_337) };
    several_hundred(rules, &["--hardfork", "prague"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_equal_receipts_by_the_newest_rules() {
    // What anvil runs by default: Osaka, with the first change of blobs, and no limit of gas.
    let blobs = Some(BlobRules { blobs_max: 6, update_fraction: 8_346_193 });
    let rules = Rules { blobs, transaction_gas_max: Some(u64::MAX), ..Rules::of_chain(31_337) };
    several_hundred(rules, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_of_a_new_account_costs_what_its_rules_say() {
    let beside = Beside::start(Rules::of_chain(31_337), &[]).await;
    beside.anvil.send(beside.world.transaction(32, 4)).await;
    let mined = beside.mine().await;
    let outcome = &beside.simulate(&beside.bundle(&mined)).await[0];
    assert_eq!(outcome.status, Status::Success);
    // EIP-7702 gives 12,500 back where the account exists. This node holds that of each account;
    // geth, and the rules, do not.
    assert_eq!(outcome.gas_used, number(&mined.receipts[0]["gasUsed"]) + 12_500);
}

/// Contracts that end themselves: by a call of another transaction, for another or for themselves, and
/// while they are made, again and again at the same address.
async fn endings(rules: Rules, name: &str) {
    let beside = Beside::start(rules, &["--hardfork", name]).await;
    let from = beside.world.accounts[0];
    // It ends for whom it is told to: PUSH0 CALLDATALOAD SELFDESTRUCT.
    let ends = Bytes::from(hex!("625f35ff5f526003601df3"));
    let told = beside.deploy(ends.clone()).await;
    // It makes a contract that ends for its maker while it is made, by CREATE2 with salt 0, and keeps
    // what CREATE2 gave.
    let again = beside.deploy(hex!("6e6133ff5f525f6002601e34f55f55005f52600f6011f3").into()).await;
    for block in 0..3 {
        let nonce = beside.anvil.ask("eth_getTransactionCount", json!([from, "latest"])).await;
        let made = from.create(number(&nonce));
        beside.send_code(ends.clone()).await;
        for (to, heir) in
            [(made, from), (made, made), (told, Address::repeat_byte(7)), (made, told)]
        {
            let input = B256::left_padding_from(heir.as_slice());
            let value = format!("{:#x}", block * 3 + 2);
            let gas = "0x30d40";
            let call = json!({"from": from, "to": to, "input": input, "value": value, "gas": gas});
            beside.anvil.send(call).await;
        }
        for value in ["0x9", "0x0", "0x4"] {
            let call = json!({"from": from, "to": again, "value": value, "gas": "0x30d40"});
            beside.anvil.send(call).await;
        }
        let mined = beside.mine().await;
        let outcomes = beside.compare(&mined).await;
        assert!(outcomes.iter().all(|outcome| outcome.status == Status::Success), "{outcomes:?}");
    }
    let slot = json!([again, "0x0", "latest"]);
    let kept: B256 = value(&beside.anvil.ask("eth_getStorageAt", slot).await);
    assert_ne!(kept, B256::ZERO, "the last one was made too");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_end_by_the_rules_of_their_time() {
    for (fork, name) in [(Hardfork::Shanghai, "shanghai"), (Hardfork::Prague, "prague")] {
        endings(Rules { hardfork: Some(fork), ..Rules::of_chain(31_337) }, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_blobs_costs_what_it_did() {
    let rules = Rules { hardfork: Some(Hardfork::Prague), ..Rules::of_chain(31_337) };
    let beside = Beside::start(rules, &["--hardfork", "prague"]).await;
    let (from, to) = (beside.world.accounts[1], beside.world.tool);
    let (blob, point) = (format!("0x{}", "00".repeat(131_072)), hex::encode_prefixed(POINT));
    for count in 1..4 {
        let many = |one: &str| vec![one.to_owned(); count];
        let sent = json!({"from": from, "to": to, "value": "0x0", "gas": "0x30d40",
            "input": abi::call("block_()", &[]), "maxFeePerGas": "0x174876e800",
            "maxPriorityFeePerGas": "0x9", "maxFeePerBlobGas": "0x3b9aca00",
            "blobVersionedHashes": vec![ZEROS; count], "blobs": many(&blob),
            "commitments": many(&point), "proofs": many(&point)});
        let mined = beside.mine_unchecked(beside.anvil.send(sent).await).await;
        let transaction = &mined.block.transactions[0];
        assert_eq!((transaction.tx_type, transaction.blob_hashes().len()), (3, count));
        let outcome = &beside.compare(&mined).await[0];
        assert_eq!(outcome.status, Status::Success);
    }
}
