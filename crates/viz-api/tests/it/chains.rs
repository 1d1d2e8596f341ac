//! Chains as their readers see them, from a recorded feed: what is served is what is on disk, and
//! outlives every way of ending.

mod features;
mod golden;
mod hard;
mod market;
mod mixed;
mod node;
mod nodes;
mod opportunities;
mod rerun;
mod simulations;
mod story;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use chain::{FeedWriter, Synthetic};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    http::Request,
    server::{KEY_A, Plan, Server},
    wait::until,
    ws::Ws,
};

const KEY: &str = "made-up";

fn feed(transactions: u64) -> Synthetic {
    Synthetic {
        chain_key: KEY.parse().expect("a key"),
        chain_id: 7,
        transactions,
        transactions_per_block: 100,
        calldata_bytes: 68,
        seed: 1,
    }
}

fn write(folder: &Path, feed: &Synthetic) -> PathBuf {
    let path = folder.join("feed.jsonl");
    let mut writer = FeedWriter::create(&path, &feed.header()).expect("the folder can be written");
    feed.lines().for_each(|line| writer.write(&line).expect("there is room"));
    writer.finish().and_then(|output| output.close()).expect("there is room");
    path
}

/// A server that replays a feed of so many transactions as fast as it can.
fn replaying(transactions: u64) -> (Server, Arc<TempDir>) {
    let folder = Arc::new(tempfile::tempdir().expect("there is a temporary folder"));
    let file = write(folder.path(), &feed(transactions));
    (plan(&file).start(), folder)
}

fn plan(file: &Path) -> Plan {
    Plan::with_keys()
        .set("VIZ_API_INGEST_MODE", "replay")
        .set("VIZ_API_ANALYSIS", "off")
        .set("VIZ_API_REPLAY_SPEED", "max")
        .set("VIZ_API_REPLAY_FILE", file.display().to_string())
}

fn row(server: &Server) -> Value {
    server.get("/chains", KEY_A).json()["chains"][0].clone()
}

fn latest(server: &Server) -> u64 {
    let snapshot = server.get("/dashboard/snapshot?tx_limit=1", KEY_A).json();
    snapshot["latest_seq_id"].as_u64().expect("a number")
}

/// Waits until the feed has ended and all of it is served: a fact for each transaction that was heard
/// of, one that it was included, those that are final, and the blocks.
fn wait_for_end(server: &Server, transactions: u64) {
    until("the feed is replayed", || row(server)["state"] == "disconnected");
    let included = || {
        let stats = server.get("/dashboard/snapshot?tx_limit=1", KEY_A).json();
        stats["market_stats"]["included"].as_u64() >= Some(transactions)
    };
    until("all of it is served", included);
}

/// Reads all events from the beginning, page by page.
fn events(server: &Server, types: &str) -> Vec<Value> {
    let (mut after, mut all) = (0, Vec::new());
    loop {
        let page = server.get(&format!("/events?limit=500&types={types}&after={after}"), KEY_A);
        let page = page.json();
        assert_eq!(page["gap"], json!(null), "nothing is missing behind {after}");
        all.extend(page["events"].as_array().expect("a list").iter().cloned());
        let next = page["next"].as_u64().expect("never null");
        if page["has_more"] == json!(false) {
            return all;
        }
        assert!(next > after, "a cursor advances");
        after = next;
    }
}

/// Checks that each transaction of the feed was told of once, and that it was included once.
fn assert_each_once(server: &Server, transactions: u64) {
    let mut told = BTreeMap::<String, (u32, u32)>::new();
    for event in events(server, "transaction.seen,transaction.included") {
        let counts = told.entry(event["hash"].as_str().expect("a hash").to_owned()).or_default();
        match event["type"].as_str() {
            Some("transaction.seen") => counts.0 += 1,
            _ => counts.1 += 1,
        }
    }
    assert_eq!(told.len() as u64, transactions, "none is lost");
    let wrong: Vec<_> = told.iter().filter(|(_, counts)| **counts != (1, 1)).take(3).collect();
    assert!(wrong.is_empty(), "each once: {wrong:?}");
    let numbers: Vec<_> = events(server, "*").iter().map(|e| e["chain_seq"].as_u64()).collect();
    assert!(numbers.iter().zip(1..).all(|(seen, n)| *seen == Some(n)), "1, 2, 3 …");
}

#[test]
fn a_recorded_feed_is_served_on_every_route() {
    let (server, _folder) = replaying(250);
    wait_for_end(&server, 250);
    assert_each_once(&server, 250);
    let chain = server.get(&format!("/chains/{KEY}"), KEY_A).json();
    assert_eq!((&chain["chain_id"], &chain["head_number"]), (&json!(7), &json!(3)));
    assert_eq!(chain["canonical"]["head"]["number"], 3);
    assert_eq!(chain["canonical"]["counts"]["blocks_committed"], 4);
    let fields: BTreeSet<_> = row(&server).as_object().expect("a row").keys().cloned().collect();
    let expected = "broken_below chain_id chain_key endpoint endpoint_count endpoint_index \
                    fork_refused_count head_hash head_number last_error last_pending_unix_ms \
                    rotation_count silent_for_ms source_id state updated_unix_ms";
    assert_eq!(fields.into_iter().collect::<Vec<_>>().join(" "), expected);

    let snapshot = server.get("/dashboard/snapshot?tx_limit=7", KEY_A).json();
    let fields: Vec<_> = snapshot.as_object().expect("an object").keys().cloned().collect();
    let expected = "chain_ingest_status feature_details feature_summary latest_seq_id market_stats \
                    opportunities propagation replay transactions";
    assert_eq!(fields.join(" "), expected);
    assert_eq!(snapshot["transactions"].as_array().map(Vec::len), Some(7));
    assert_eq!(snapshot["market_stats"]["seen"], 250);
    assert_eq!(snapshot["propagation"][0]["source"], KEY, "measured, not made up");

    let page = server.get("/transactions?limit=100&status=included", KEY_A).json();
    assert_eq!(page["transactions"].as_array().map(Vec::len), Some(100));
    let hash = page["transactions"][0]["hash"].as_str().expect("a hash").to_owned();
    let one = server.get(&format!("/transactions/{hash}"), KEY_A).json();
    assert_eq!((&one["hash"], &one["lifecycle_status"]), (&json!(hash), &json!("included")));
    let replay = server.get("/replay?from=1&to=100&stride=25", KEY_A).json();
    assert_eq!(replay["frames"].as_array().map(Vec::len), Some(5));
    let ready = server.send(&Request::get("/ready"));
    assert_eq!(ready.json()["checks"]["ingest"]["status"], "ok");
    assert_eq!(server.metric(r#"tidegate_ingest_drops_total{reason="storage_queue_full"}"#), 0.0);
    assert!(server.metric("tidegate_ingest_persisted_to_served_seconds_count") > 100.0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (server, _folder) = replaying(1);
    let none = format!("0x{}", "0".repeat(64));
    let cases: [(&str, u16); 20] = [
        ("/events?after=-1", 400),
        ("/events?limit=0", 400),
        ("/events?limit=501", 400),
        ("/events?types=nothing", 400),
        ("/events?after=1&after=2", 400),
        ("/replay?from=2&to=1", 400),
        ("/replay?stride=0", 400),
        ("/transactions?status=lost", 400),
        ("/transactions?sender=0x12", 400),
        ("/transactions/0x12", 400),
        ("/dashboard/snapshot?tx_limit=many", 400),
        ("/chains/nowhere", 404),
        (&format!("/transactions/{none}"), 404),
        ("/api/stream?stream=chain:nowhere", 404),
        ("/api/stream?stream=chain:", 404),
        ("/stream?chain=nowhere", 404),
        ("/stream", 400),
        ("/chains/%FF", 400),
        ("/transactions/%FF", 400),
        ("/sim/%FF", 400),
    ];
    for (path, status) in cases {
        let answer = server.get(path, KEY_A);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"]["code"].is_string(), "{path} has the form of every error");
    }
    for path in ["/chains", "/events", "/transactions", "/dashboard/snapshot", "/replay"] {
        assert_eq!(server.send(&Request::get(path)).status, 401, "{path}");
        assert_eq!(server.get(path, "key-a-publish-only").status, 403, "{path}");
    }
}

#[test]
fn a_kill_loses_nothing_and_repeats_nothing() {
    const TRANSACTIONS: u64 = 20_000;
    let (mut server, _folder) = replaying(TRANSACTIONS);
    for part in [2_000, 12_000] {
        until("some of it is served", || latest(&server) > part);
        let before = events(&server, "*");
        server = server.crash_and_restart();
        let after = events(&server, "*");
        let same = before.iter().zip(&after).all(|(a, b)| a["hash"] == b["hash"]);
        assert!(after.len() >= before.len() && same, "what was served is served again");
    }
    wait_for_end(&server, TRANSACTIONS);
    assert_each_once(&server, TRANSACTIONS);
}

#[test]
fn an_orderly_end_amid_the_feed_loses_nothing() {
    const TRANSACTIONS: u64 = 20_000;
    let (server, _folder) = replaying(TRANSACTIONS);
    until("some of it is served", || latest(&server) > 2_000);
    let server = server.restart();
    wait_for_end(&server, TRANSACTIONS);
    assert_each_once(&server, TRANSACTIONS);
}

#[test]
fn a_feed_with_nothing_new_shows_what_is_known() {
    let (server, _folder) = replaying(300);
    wait_for_end(&server, 300);
    let before = row(&server);
    assert!(before["head_hash"].is_string());
    let server = server.restart();
    wait_for_end(&server, 300);
    let after = row(&server);
    assert_eq!(
        [&after["head_hash"], &after["head_number"]],
        [&before["head_hash"], &before["head_number"]]
    );
    assert!(after["updated_unix_ms"].as_u64() >= before["updated_unix_ms"].as_u64(), "{after}");
}

#[test]
fn a_cursor_of_a_chain_is_good_behind_a_kill() {
    let (server, _folder) = replaying(2_000);
    wait_for_end(&server, 2_000);
    let path = format!("/api/events?stream=chain:{KEY}&limit=500");
    let page = server.get(&path, KEY_A).json();
    let cursor = page["next"].as_str().expect("a cursor").to_owned();
    let ids = |page: &Value| -> Vec<Value> {
        let events = page["events"].as_array().expect("a list");
        events.iter().map(|event| event["id"].clone()).collect()
    };
    let first = ids(&page);
    let server = server.crash_and_restart();
    let again = server.get(&path, KEY_A).json();
    assert_eq!(ids(&again), first, "an event keeps its identity and its place");
    let mut stream =
        server.stream_as(KEY_A, &format!("/api/stream?stream=chain:{KEY}&after={cursor}"));
    assert_eq!(stream.connected()["resume"], "resumed");
    let next = server.get(&format!("{path}&after={cursor}"), KEY_A).json();
    assert_eq!(next["gap"], json!(null));
    let mut ws = Ws::open(&server, &format!("/stream?after={cursor}"), &[("x-api-key", KEY_A)]);
    let subscribed = ws.expect("subscribed");
    assert_eq!(subscribed["stream"], format!("chain:{KEY}"));
    let event = ws.expect("event");
    assert_eq!(event["envelope"]["id"], ids(&next)[0]);
    assert_eq!(event["envelope"]["payload"]["chain_seq"], 501);
}

#[test]
fn a_feed_that_is_cut_or_none_is_told() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = write(folder.path(), &feed(300));
    let whole = std::fs::read(&file).expect("it was written");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("there is room");
    let server = plan(&file).start();
    until("the cut is told", || {
        row(&server)["last_error"].as_str().is_some_and(|text| text.contains("cut off"))
    });
    let ready = server.send(&Request::get("/ready"));
    assert_eq!(ready.status, 200, "the rest goes on");
    assert_eq!(ready.json()["checks"]["ingest"]["status"], "degraded");
    until("what is whole is served", || latest(&server) > 100);
    drop(server);
    std::fs::write(&file, "{}\n").expect("there is room");
    let (code, text) = plan(&file).run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("can't be replayed") && text.contains("line 1"), "{text}");
    let (code, text) = plan(&folder.path().join("none.jsonl")).run_in(folder.path());
    assert_eq!(code, 64, "{text}");
}
