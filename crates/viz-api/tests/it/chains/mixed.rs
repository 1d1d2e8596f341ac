//! A thousand transactions of many kinds: what each asks for against what a person says, and what each
//! would do against what the node says that it did.

mod traffic;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::traffic::{KINDS, Sent, Truth, World};
use super::{
    node::Node,
    nodes::{head, plain},
};
use crate::support::{
    server::{KEY_A, Server},
    wait::until,
};

const TRANSACTIONS: usize = 1_000;

/// Two rounds of all kinds are alone in their blocks; in the others they stand on each other.
const ALONE: usize = 2 * KINDS;
const TOGETHER: usize = 40;

fn following(world: &World) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("registry.toml");
    std::fs::write(&file, world.registry()).expect("the folder can be written");
    let server = plain(&world.market.node)
        .set("VIZ_API_ANALYSIS", "features")
        .set("VIZ_API_REGISTRY_PATH", file.display().to_string())
        .start();
    (server, folder)
}

/// Sends all, in blocks; returns the hashes of each block's with what they ask for.
fn mined(world: &World) -> Vec<Vec<(String, Truth)>> {
    let node = &world.market.node;
    let mut all = (0..TRANSACTIONS).map(|n| world.sent(n));
    let mut blocks = Vec::new();
    let mut sent = 0;
    while sent < TRANSACTIONS {
        let count = if sent < ALONE { 1 } else { TOGETHER };
        let block: Vec<_> = all
            .by_ref()
            .take(count)
            .map(|Sent { call, truth }| {
                let hash = node.ask("eth_sendTransaction", &json!([call]));
                (hash.as_str().expect("a hash").to_owned(), truth)
            })
            .collect();
        node.mine(1);
        let made = node.ask("eth_getBlockByNumber", &json!(["latest", false]));
        assert_eq!(
            made["transactions"].as_array().map(Vec::len),
            Some(block.len()),
            "all are mined"
        );
        sent += block.len();
        blocks.push(block);
    }
    blocks
}

fn computed(server: &Server) -> f64 {
    let page = server.get("/features?limit=1", KEY_A).json();
    let counts = page["summary"].as_array().expect("a list").iter();
    counts.filter_map(|row| row["count"].as_f64()).sum()
}

/// What `/features` has, by hash.
fn features(server: &Server) -> BTreeMap<String, Value> {
    let (mut before, mut all) = (String::new(), BTreeMap::new());
    loop {
        let page = server.get(&format!("/features?limit=500{before}"), KEY_A).json();
        for row in page["features"].as_array().expect("a list") {
            let hash = row["hash"].as_str().expect("a hash").to_owned();
            all.insert(hash, row["features"].clone());
        }
        if page["has_more"] == json!(false) {
            return all;
        }
        before = format!("&before={}", page["next"]);
    }
}

fn without_fees(mut features: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    for told in features.values_mut() {
        told["fee"].take();
    }
    features
}

/// Whether everything that is said of a thing is so.
fn holds(said: &Value, told: &Value) -> bool {
    match (said, told) {
        (Value::Object(said), Value::Object(told)) => {
            said.iter().all(|(key, value)| told.get(key).is_some_and(|told| holds(value, told)))
        }
        (Value::Array(said), Value::Array(told)) => {
            said.len() == told.len() && said.iter().zip(told).all(|(said, told)| holds(said, told))
        }
        (said, told) => said == told,
    }
}

fn compare_features(told: &Value, truth: &Truth) {
    assert_eq!(told["category"], truth.category, "{told:#}");
    let said = json!(truth.calls);
    assert!(holds(&said, &told["calls"]), "said {said:#}, told {told:#}");
    assert_eq!(told["calldata_len"], truth.calldata, "{told:#}");
    let lists = [&told["access_list_accounts"], &told["access_list_slots"]];
    assert_eq!(lists, [truth.accounts, truth.slots], "{told:#}");
    assert_eq!((&told["blob_count"], &told["authorizations"]), (&json!(0), &json!(0)));
}

fn number(hex: &Value) -> u64 {
    let text = hex.as_str().expect("a text").trim_start_matches("0x");
    u64::from_str_radix(text, 16).expect("a number")
}

fn compare_receipt(outcome: &Value, receipt: &Value) {
    let status = &outcome["status"]["kind"];
    assert!(["success", "revert", "halt"].iter().any(|known| status == known), "{outcome:#}");
    assert_eq!(status == "success", receipt["status"] == "0x1", "{outcome:#} {receipt:#}");
    assert_eq!(outcome["gas_used"], number(&receipt["gasUsed"]), "{outcome:#}");
    let logs = receipt["logs"].as_array().expect("a list").iter();
    let logs: Vec<_> = logs
        .map(|log| json!({"address": log["address"], "topics": log["topics"], "data": log["data"]}))
        .collect();
    assert_eq!(outcome["logs"], json!(logs), "{outcome:#}");
    let created = if status == "success" { &receipt["contractAddress"] } else { &Value::Null };
    assert_eq!(&outcome["created"], created, "{outcome:#}");
}

/// Follows balances through a block, from what the node says of the one before to what it says of it.
fn compare_balances(node: &Node, block: u64, outcomes: &[Value]) {
    let mut now: BTreeMap<&str, (&Value, &Value)> = BTreeMap::new();
    for change in outcomes.iter().flat_map(|it| it["balance_changes"].as_array().expect("a list")) {
        let address = change["address"].as_str().expect("an address");
        let entry = now.entry(address).or_insert((&change["before"], &change["before"]));
        assert_eq!(entry.1, &change["before"], "{address} in block {block}");
        entry.1 = &change["after"];
    }
    assert!(!now.is_empty(), "somebody pays for gas");
    for (address, (before, after)) in now {
        let at =
            |number: u64| node.ask("eth_getBalance", &json!([address, format!("{number:#x}")]));
        assert_eq!((before, after), (&at(block - 1), &at(block)), "{address} in block {block}");
    }
}

#[test]
fn a_thousand_transactions_are_what_they_say_and_do_what_is_simulated() {
    let world = World::open();
    let (server, _folder) = following(&world);
    let (second, _folder) = following(&world);
    until("the first blocks", || head(&server).is_u64() && head(&second).is_u64());
    let begin = head(&server).as_u64().expect("a number");
    let blocks = mined(&world);
    until("all blocks", || head(&server) == begin + blocks.len() as u64);
    until("all features", || computed(&server) >= TRANSACTIONS as f64);

    let told = features(&server);
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    let mut answers = Vec::new();
    for (transactions, number) in blocks.iter().zip(begin + 1..) {
        let mut outcomes = Vec::new();
        for (hash, truth) in transactions {
            compare_features(&told[hash], truth);
            let one = server.get(&format!("/transactions/{hash}"), KEY_A).json();
            assert_eq!(one["features"]["features"], told[hash]);
            let answer = server.get(&format!("/sim/{hash}"), KEY_A);
            let outcome = answer.json()["simulation"]["outcomes"][0].clone();
            let receipt = world.market.node.ask("eth_getTransactionReceipt", &json!([hash]));
            assert_eq!(receipt["blockNumber"], format!("{number:#x}"));
            compare_receipt(&outcome, &receipt);
            let status = outcome["status"]["kind"].as_str().expect("a word").to_owned();
            *statuses.entry(status).or_default() += 1;
            outcomes.push(outcome);
            answers.push((hash, answer.body));
        }
        compare_balances(&world.market.node, number, &outcomes);
    }
    let [halted, reverted, good] = ["halt", "revert", "success"].map(|word| statuses[word]);
    assert_eq!(halted + reverted + good, TRANSACTIONS);
    // Out of gas; too much, an unknown function, a coin that takes none, a pair that was given nothing.
    assert_eq!((halted, reverted), (TRANSACTIONS / KINDS, 4 * TRANSACTIONS / KINDS));

    // Another process computes the same, byte for byte, but for how fees stand: that is told of the blocks
    // that it knew when it heard of a transaction.
    until("all features again", || computed(&second) >= TRANSACTIONS as f64);
    assert!(without_fees(features(&second)) == without_fees(told));
    for (hash, body) in answers.iter().step_by(3) {
        let again = second.get(&format!("/sim/{hash}"), KEY_A);
        assert!(&again.body == body, "{hash}: {:#}", again.json());
    }
}
