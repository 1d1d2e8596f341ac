//! What transactions would do, as routes tell it, against what a real node says that they did.

use serde_json::{Value, json};

use super::{
    feed,
    node::{Node, OTHER, RICH},
    nodes::{head, plain},
    plan, write,
};
use crate::support::{
    http::Request,
    server::{KEY_A, Server},
    wait::until,
};

/// Code that creates a contract which takes everything back, with `Error("no")`.
const REFUSING: &str = concat!(
    "0x",
    // The code to leave: what follows 12 bytes of this.
    "6057600c60003960576000f3",
    // Error(string) in memory, then revert with 100 bytes.
    "7f08c379a000000000000000000000000000000000000000000000000000000000600052",
    "60206004526002602452",
    "7f6e6f0000000000000000000000000000000000000000000000000000000000006044",
    "5260646000fd"
);

fn post(server: &Server, body: &Value) -> (u16, Value) {
    let request = Request::post("/sim").key(KEY_A).json(&body.to_string());
    let answer = server.send(&request);
    (answer.status, answer.json())
}

/// Sends a transaction that the node signs itself; returns its hash.
fn send(node: &Node, transaction: &Value) -> String {
    let hash = node.ask("eth_sendTransaction", &json!([transaction]));
    hash.as_str().expect("a hash").to_owned()
}

fn outcome(answer: &Value) -> &Value {
    assert_eq!(answer["simulation"]["outcomes"].as_array().map(Vec::len), Some(1), "{answer}");
    &answer["simulation"]["outcomes"][0]
}

fn number(hex: &Value) -> u64 {
    let text = hex.as_str().expect("a text").trim_start_matches("0x");
    u64::from_str_radix(text, 16).expect("a number")
}

#[test]
fn a_transaction_of_a_block_is_simulated_as_it_was_executed() {
    let node = Node::start(0, &[]);
    let server = plain(&node).start();
    until("the first block", || head(&server) == 0);
    let coin = format!(
        "0x{}{:064x}",
        include_str!("../../../../chain/feeds/Coin.bin").trim(),
        10_u128.pow(24)
    );
    let created = send(&node, &json!({"from": RICH, "data": coin, "gas": "0x200000"}));
    node.mine(1);
    let receipt = node.ask("eth_getTransactionReceipt", &json!([created]));
    let coin = receipt["contractAddress"].clone();
    // Several in one block, of which later ones stand on earlier ones.
    let transfer = format!("0xa9059cbb{:0>64}{:064x}", &OTHER[2..].to_lowercase(), 7);
    let too_much = format!("0xa9059cbb{:0>64}{:064x}", &RICH[2..].to_lowercase(), 10_u128.pow(30));
    let sent = [
        send(&node, &json!({"from": RICH, "to": OTHER, "value": "0x1"})),
        send(&node, &json!({"from": RICH, "to": coin, "data": transfer, "gas": "0x20000"})),
        send(&node, &json!({"from": OTHER, "to": coin, "data": too_much, "gas": "0x20000"})),
        send(&node, &json!({"from": RICH, "to": coin, "data": transfer, "gas": "0x20000"})),
    ];
    node.mine(1);
    until("the second block", || head(&server) == 2);
    let mut statuses = Vec::new();
    for hash in sent.iter().chain([&created]) {
        let answer = server.get(&format!("/sim/{hash}"), KEY_A).json();
        let receipt = node.ask("eth_getTransactionReceipt", &json!([hash]));
        let found = outcome(&answer);
        assert_eq!(found["gas_used"], number(&receipt["gasUsed"]), "{hash}: {answer}");
        let is_good = found["status"]["kind"] == "success";
        assert_eq!(is_good, receipt["status"] == "0x1", "{answer}");
        let logs = receipt["logs"].as_array().expect("a list");
        let expected: Vec<_> = logs
            .iter()
            .map(|log| json!({"address": log["address"], "topics": log["topics"], "data": log["data"]}))
            .collect();
        assert_eq!(found["logs"], json!(expected));
        assert_eq!(answer["simulation"]["assumptions"], json!([]));
        assert_eq!(answer["simulation"]["block"]["number"], number(&receipt["blockNumber"]));
        statuses.push(found["status"]["kind"].as_str().expect("a word").to_owned());
    }
    assert_eq!(statuses, ["success", "success", "revert", "success", "success"]);
}

#[test]
fn a_transaction_that_waits_is_simulated_in_the_block_to_come() {
    let node = Node::start(0, &[]);
    let server = plain(&node).start();
    until("the first block", || head(&server) == 0);
    let hash = send(&node, &json!({"from": RICH, "to": OTHER, "value": "0x5"}));
    until("it is heard of", || server.get(&format!("/transactions/{hash}"), KEY_A).status == 200);
    let answer = server.get(&format!("/sim/{hash}"), KEY_A).json();
    let found = outcome(&answer);
    assert_eq!((&found["status"]["kind"], &found["gas_used"]), (&json!("success"), &json!(21_000)));
    assert_eq!(found["version"], 1);
    assert_eq!(answer["simulation"]["at"]["number"], 0);
    assert_eq!(answer["simulation"]["block"]["number"], 1);
    let assumed = answer["simulation"]["assumptions"].as_array().expect("a list").len();
    assert_eq!(assumed, 3, "{answer}");
    let again = server.get(&format!("/sim/{hash}"), KEY_A).json();
    assert_eq!(again, answer, "the same input gives the same bytes");
}

#[test]
fn calls_of_a_callers_own() {
    let node = Node::start(0, &[]);
    let server = plain(&node).start();
    until("the first block", || head(&server) == 0);
    let poor = "0x00000000000000000000000000000000000000aa";
    let pay = json!({"from": poor, "to": OTHER, "value_wei": "1000"});
    let (status, answer) = post(&server, &json!({"calls": [pay]}));
    assert_eq!((status, &outcome(&answer)["status"]["kind"]), (200, &json!("invalid")), "{answer}");
    let overrides = json!({poor: {"balance_wei": "1500"}});
    let (_, answer) = post(&server, &json!({"calls": [pay, pay], "overrides": overrides}));
    let kinds: Vec<_> = answer["simulation"]["outcomes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|outcome| outcome["status"]["kind"].clone())
        .collect();
    assert_eq!(kinds, ["success", "invalid"], "the second stands on the first: {answer}");

    send(&node, &json!({"from": RICH, "data": REFUSING, "gas": "0x100000"}));
    node.mine(1);
    until("the second block", || head(&server) == 1);
    let contract = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
    let (_, answer) =
        post(&server, &json!({"chain": "live", "calls": [{"from": RICH, "to": contract}]}));
    assert_eq!(outcome(&answer)["status"]["kind"], "revert", "{answer}");
    assert!(outcome(&answer)["status"]["reason"].to_string().contains("no"), "{answer}");
}

#[test]
fn what_is_no_bundle_is_refused() {
    let node = Node::start(0, &[]);
    let server = plain(&node).start();
    until("the first block", || head(&server) == 0);
    let call = json!({"from": RICH, "to": OTHER});
    for (body, expected) in [
        (json!({"calls": []}), 400),
        (json!({"calls": [call], "colour": 1}), 400),
        (json!({"calls": [{"from": "0x12"}]}), 400),
        (json!({"calls": vec![call.clone(); 65]}), 400),
        (json!({"calls": [{"from": RICH, "max_priority_fee_per_gas_wei": "1"}]}), 400),
        (json!([null, [call], {}]), 400),
        (json!({"calls": [call], "chain": "other"}), 404),
    ] {
        let (status, answer) = post(&server, &body);
        assert_eq!(status, expected, "{body}: {answer}");
    }
    let unknown = format!("/sim/0x{}", "ab".repeat(32));
    assert_eq!(server.get(&unknown, KEY_A).status, 404);
    assert_eq!(server.get("/sim/0x12", KEY_A).status, 400);
    let without_key =
        server.send(&Request::post("/sim").json(&json!({"calls": [call]}).to_string()));
    assert_eq!(without_key.status, 401);
}

#[test]
fn without_a_node_nothing_is_simulated_and_nothing_is_made_up() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let server = plan(&write(folder.path(), &feed(10))).start();
    until("all is heard of", || {
        let snapshot = server.get("/dashboard/snapshot?tx_limit=1", KEY_A).json();
        snapshot["market_stats"]["included"] == 10
    });
    let page = server.get("/transactions?limit=1", KEY_A).json();
    let hash = page["transactions"][0]["hash"].as_str().expect("a hash");
    let answer = server.get(&format!("/sim/{hash}"), KEY_A);
    assert_eq!(answer.status, 409, "{}", answer.text());

    let node = Node::start(0, &[]);
    let server = plain(&node).start();
    until("the first block", || head(&server) == 0);
    drop(node);
    let (status, answer) = post(&server, &json!({"calls": [{"from": RICH, "to": OTHER}]}));
    assert_eq!(status, 200);
    assert_eq!(outcome(&answer)["status"]["kind"], "incomplete", "{answer}");
    assert_eq!(outcome(&answer)["status"]["why"], json!({"state": "unavailable"}), "{answer}");
}

#[test]
fn what_waits_is_simulated_once_and_told() {
    let node = Node::start(0, &[]);
    let server = plain(&node).set("VIZ_API_ANALYSIS", "simulations").start();
    until("the first block", || head(&server) == 0);
    let sent: Vec<_> =
        (0..3).map(|_| send(&node, &json!({"from": RICH, "to": OTHER, "value": "0x5"}))).collect();
    let told = || {
        let page = server.get("/events?types=sim.*&limit=500", KEY_A).json();
        page["events"].as_array().expect("a list").clone()
    };
    until("all are simulated", || told().len() >= 3);
    node.mine(1);
    until("the second block", || head(&server) == 1);
    let found = told();
    assert_eq!(found.len(), 3, "each once: {found:?}");
    for (hash, event) in sent.iter().zip(&found) {
        assert_eq!((&event["type"], &event["hash"]), (&json!("sim.computed"), &json!(hash)));
        // The later ones of a sender come behind the earlier ones.
        assert_eq!(event["status"], "success", "{event}");
        let assumed = event["simulation"]["assumptions"].as_array().map(Vec::len);
        assert_eq!(assumed, Some(if hash == &sent[0] { 3 } else { 4 }), "{event}");
        let one = server.get(&format!("/transactions/{hash}"), KEY_A).json();
        assert_eq!(one["simulation"]["simulation"], event["simulation"]);
    }
    let server = server.restart();
    until("it is back", || head(&server) == 1);
    let page = server.get("/events?types=sim.*&limit=500", KEY_A).json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(3), "none again");
}
