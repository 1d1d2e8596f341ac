//! Hard input through the whole server: what can't be kept or read is told, and nothing is lost
//! without a word.

use std::{path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use super::{events, feed, latest, plan, replaying, row, story, wait_for_end, write};
use crate::support::{
    http::Request,
    server::{KEY_A, Server},
    wait::until,
};

fn segments(server: &Server) -> Vec<PathBuf> {
    let names = std::fs::read_dir(server.state_dir().join("journal")).expect("the log is there");
    let names = names.map(|entry| entry.expect("it can be read").path());
    let mut wal: Vec<_> =
        names.filter(|path| path.extension().is_some_and(|ending| ending == "wal")).collect();
    wal.sort();
    wal
}

/// Reads a route to its end; returns the events, and how many are missing by what gaps say.
fn read_pages(server: &Server, path: &str) -> (Vec<Value>, u64) {
    let (mut events, mut missed, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = server.get(&format!("{path}{after}"), KEY_A).json();
        if !page["gap"].is_null() {
            assert_eq!(page["gap"]["reason"], "data_loss", "{}", page["gap"]);
            missed += page["gap"]["missed"].as_u64().expect("it is known how many");
        }
        events.extend(page["events"].as_array().expect("a list").iter().cloned());
        if page["has_more"] == json!(false) {
            return (events, missed);
        }
        let next = match &page["next"] {
            Value::String(cursor) => format!("&after={cursor}"),
            number => format!("&after={number}"),
        };
        assert_ne!(next, after, "a page leads on");
        after = next;
    }
}

#[test]
fn a_flipped_bit_amid_the_log_is_told_to_every_reader() {
    const TRANSACTIONS: u64 = 2_000;
    let (mut server, _folder) = replaying(TRANSACTIONS);
    wait_for_end(&server, TRANSACTIONS);
    let (before, last) = (events(&server, "*"), latest(&server));
    assert_eq!(server.terminate(), Some(0));
    let first = segments(&server).remove(0);
    let mut bytes = std::fs::read(&first).expect("it can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&first, &bytes).expect("it is ours");
    let server = server.start_again();
    // The operator.
    let log = server.log().text();
    assert!(log.contains("records of the log of chains are damaged and left out"), "{log}");
    let lost = server.metric("tidegate_journal_damaged_records");
    assert!(lost >= 1.0, "they are counted");
    let ready = server.send(&Request::get("/ready"));
    assert_eq!(ready.status, 200, "the rest goes on");
    let health = &ready.json()["checks"]["ingest"];
    assert_eq!(health["status"], "degraded", "{health}");
    assert!(health["reasons"].to_string().contains("damaged"), "{health}");
    // Readers of pages: what is there is what was there, and the hole is told where it is.
    let (read, missed) = read_pages(&server, "/events?limit=500");
    assert_eq!(missed as f64, lost);
    let known = |event: &Value| (event["seq_id"].clone(), event["type"].clone());
    let old: Vec<_> = before.iter().map(known).collect();
    let kept: Vec<_> = read.iter().filter(|it| it["seq_id"].as_u64() <= Some(last)).collect();
    assert!(kept.iter().all(|event| old.contains(&known(event))), "nothing is made up");
    assert_eq!(kept.len() as u64 + missed, before.len() as u64, "and nothing else is missing");
    // Readers of the stream.
    let (_, gaps) = read_pages(&server, "/api/events?stream=chain:made-up&limit=500");
    assert_eq!(gaps, missed);
}

#[test]
fn a_block_that_can_not_be_kept_is_counted_and_told() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = write(folder.path(), &feed(250));
    let server = plan(&file).set("VIZ_API_JOURNAL_QUEUE_MAX", "64").start();
    until("the feed is replayed", || row(&server)["state"] == "disconnected");
    // Two blocks of 100 transactions, each included, and that the second does not follow.
    let lost = r#"tidegate_ingest_drops_total{reason="storage_group_too_large"}"#;
    until("they are counted", || server.metric(lost) == 203.0);
    until("the last block is told of", || !events(&server, "chain.broken").is_empty());
    assert_eq!(events(&server, "block.committed").len(), 2, "the first one, and the last one");
    assert_eq!(events(&server, "transaction.included").len(), 50);
    assert!(server.log().text().contains("what was found out can't be kept"));
}

#[test]
fn equal_nonces_of_a_sender_on_two_chains_have_nothing_to_do_with_each_other() {
    let home = Arc::new(tempfile::tempdir().expect("there is a temporary folder"));
    let file = home.path().join("story.jsonl");
    story::write(&file);
    let mut server = plan(&file).start();
    for _ in 0..2 {
        until("both chains are replayed", || {
            let chain = server.get("/chains/other-story", KEY_A).json();
            chain["canonical"]["counts"]["included"] == 1
        });
        let status = |path: &str| server.get(path, KEY_A).json()["lifecycle_status"].clone();
        let [first, second] = [1, 10].map(|n| format!("/transactions/{}", story::hash_of(n)));
        assert_eq!((status(&first), status(&second)), (json!("final"), json!("pending")));
        // The same bytes on both: one was outrun, one is in a block.
        let same = format!("/transactions/{}?chain=", story::hash_of(4));
        assert_eq!(status(&format!("{same}story")), "replaced");
        assert_eq!(status(&format!("{same}other-story")), "included");
        let sender = "0x".to_owned() + &"31".repeat(20);
        let page = server.get(&format!("/transactions?sender={sender}"), KEY_A).json();
        assert_eq!(page["transactions"].as_array().map(Vec::len), Some(2));
        server = server.crash_and_restart();
    }
}

#[test]
fn calldata_that_claims_absurd_lengths_is_kept_as_it_is() {
    // An offset and a length of 2^256 - 1; a length of 2^63; a selector that is cut; none at all.
    let absurd = [
        format!("0xa9059cbb{}", "ff".repeat(64)),
        format!("0x23b872dd{:064x}{:064x}", 32, 1_u64 << 63),
        "0xa90559".to_owned(),
        "0x".to_owned(),
        format!("0x{}", "00".repeat(3 << 20)),
    ];
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("feed.jsonl");
    let mut text = json!({"format": "tidegate-feed", "version": 1, "chain_key": "made-up",
        "chain_id": 7, "recorded_unix_ms": 0})
    .to_string();
    let hash = |n: usize| format!("0x{n:064x}");
    for (n, input) in absurd.iter().enumerate() {
        let pending = json!({"hash": hash(n + 1), "sender": format!("0x{:040x}", n + 1),
            "nonce": 0, "to": format!("0x{:040x}", 7), "value": "0x0", "tx_type": 0, "chain_id": null,
            "gas_limit": u64::MAX, "gas_price": 1, "max_fee_per_gas": null,
            "max_priority_fee_per_gas": null, "max_fee_per_blob_gas": null, "blob_count": 0,
            "input": input});
        text += &format!("\n{}", json!({"at_ms": n, "pending": pending}));
    }
    text += &format!("\n{}\n", json!({"end": true, "lines": absurd.len() + 1}));
    std::fs::write(&file, text).expect("the folder can be written");
    let server = plan(&file).start();
    until("all is served", || latest(&server) == absurd.len() as u64);
    let server = server.crash_and_restart();
    for (n, input) in absurd.iter().enumerate() {
        let one = server.get(&format!("/transactions/{}", hash(n + 1)), KEY_A).json();
        assert_eq!(one["calldata_len"], json!(input.len() / 2 - 1), "{one}");
        let selector = input.get(..10).map_or(Value::Null, |selector| json!(selector));
        assert_eq!(one["method_selector"], selector, "{one}");
        assert_eq!(one["gas_limit"], json!(u64::MAX));
    }
    assert_eq!(row(&server)["last_error"], Value::Null);
}
