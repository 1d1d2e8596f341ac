//! What transactions ask for, as readers see it: each once, whatever ends the process.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{KEY, events, feed, plan, write};
use crate::support::{
    server::{KEY_A, Server},
    wait::until,
};

/// A server that computes features of a feed of so many transactions.
fn computing(transactions: u64) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = write(folder.path(), &feed(transactions));
    (plan(&file).set("VIZ_API_ANALYSIS", "features").start(), folder)
}

/// Waits until something was computed, or skipped, for all that was heard of.
fn wait_for_features(server: &Server, transactions: u64) {
    until("the feed is replayed", || {
        let stats = server.get("/dashboard/snapshot?tx_limit=1", KEY_A).json();
        stats["market_stats"]["included"] == transactions
    });
    until("features are computed or skipped", || {
        let skipped: f64 = ["behind", "forgotten", "log_full"]
            .map(|reason| {
                server.metric(&format!("tidegate_analysis_skipped_total{{reason=\"{reason}\"}}"))
            })
            .iter()
            .sum();
        events(server, "feature.*").len() as f64 + skipped >= transactions as f64
    });
}

/// How often there is a feature of each transaction, and of what each was computed.
fn counted(server: &Server) -> BTreeMap<String, Vec<u64>> {
    let mut counted = BTreeMap::<_, Vec<_>>::new();
    for event in events(server, "feature.*") {
        assert_eq!(event["type"], "feature.computed");
        let hash = event["hash"].as_str().expect("a hash").to_owned();
        counted.entry(hash).or_default().push(event["cause_chain_seq"].as_u64().expect("a number"));
    }
    counted
}

#[test]
fn each_transaction_has_its_features_on_every_route() {
    let (server, _folder) = computing(500);
    wait_for_features(&server, 500);
    let seen: BTreeMap<_, _> = events(&server, "transaction.seen")
        .iter()
        .map(|event| {
            (
                event["hash"].as_str().expect("a hash").to_owned(),
                vec![event["chain_seq"].as_u64().expect("a number")],
            )
        })
        .collect();
    assert_eq!(counted(&server), seen, "each once, of the fact that told of it");

    let page = server.get("/features?limit=100", KEY_A).json();
    let first = &page["features"][0];
    assert_eq!(page["features"].as_array().map(Vec::len), Some(100));
    assert_eq!(page["has_more"], json!(true));
    assert_eq!(first["features"]["version"], 1);
    assert_eq!(first["features"]["calldata_len"], 68);
    let next = server.get(&format!("/features?limit=100&before={}", page["next"]), KEY_A).json();
    assert!(next["features"][0]["seq_id"].as_u64() < page["features"][99]["seq_id"].as_u64());

    let category = first["category"].as_str().expect("a word");
    let same = server.get(&format!("/features?limit=500&category={category}"), KEY_A).json();
    assert!(
        same["features"].as_array().expect("a list").iter().all(|row| row["category"] == category)
    );
    let none = server.get("/features?category=nft", KEY_A).json();
    assert_eq!(none["features"], json!([]));
    let refused = server.get("/features?category=no-such-one", KEY_A);
    assert_eq!(refused.status, 400);
    let message = refused.json()["error"]["message"].to_string();
    assert!(message.contains("`category` is one of transfer, create, swap"), "{message}");
    let counts: u64 = page["summary"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["count"].as_u64().expect("a number"))
        .sum();
    assert_eq!(counts, 500);

    let hash = first["hash"].as_str().expect("a hash");
    let one = server.get(&format!("/transactions/{hash}"), KEY_A).json();
    assert_eq!(one["features"]["features"], first["features"]);
    let snapshot = server.get("/dashboard/snapshot?tx_limit=1", KEY_A).json();
    assert_eq!(snapshot["feature_details"].as_array().map(Vec::len), Some(20));
    assert_eq!(snapshot["feature_details"][0], *first);
    assert_eq!(snapshot["feature_summary"], page["summary"]);
    assert_eq!(server.get("/features?limit=0", KEY_A).status, 400);
}

#[test]
fn features_are_events_of_their_chain() {
    let (server, _folder) = computing(50);
    wait_for_features(&server, 50);
    let page = server.get(&format!("/api/events?stream=chain:{KEY}&limit=500"), KEY_A).json();
    let events_of_stream = page["events"].as_array().expect("a list");
    let computed = events_of_stream.iter().filter(|event| event["event"] == "feature.computed");
    let found: Vec<Value> = computed.map(|event| event["payload"].clone()).collect();
    assert_eq!(found, events(&server, "feature.*"));
}

#[test]
fn a_kill_loses_no_feature_and_repeats_none() {
    const TRANSACTIONS: u64 = 3_000;
    let (mut server, _folder) = computing(TRANSACTIONS);
    for part in [100, 1_500] {
        until("some are computed", || events(&server, "feature.*").len() >= part);
        let before = events(&server, "feature.*");
        server = server.crash_and_restart();
        let after = events(&server, "feature.*");
        assert_eq!(after[..before.len()], before, "what was served is served again");
    }
    wait_for_features(&server, TRANSACTIONS);
    let skipped = server.metric(r#"tidegate_analysis_skipped_total{reason="behind"}"#);
    let counted = counted(&server);
    assert_eq!(counted.len() as f64 + skipped, TRANSACTIONS as f64, "none is lost uncounted");
    let wrong: Vec<_> = counted.iter().filter(|(_, causes)| causes.len() != 1).take(3).collect();
    assert!(wrong.is_empty(), "each once: {wrong:?}");
}
