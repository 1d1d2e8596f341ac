//! Whole answers of the routes of chains, compared with what stands in `tests/golden/chains`.
//!
//! What differs from run to run is masked by its name; everything else is part of the contract. A
//! change on purpose: `UPDATE_GOLDEN=1 cargo test -p viz-api answers_of_chains_are`, and read the diff.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use super::{plan, story};
use crate::support::{
    server::{KEY_A, Server},
    wait::until,
    ws::Ws,
};

/// Fields whose values are times, random names, or made of those.
const VOLATILE: [&str; 15] = [
    "observed_unix_ms",
    "persisted_unix_ms",
    "seen_unix_ms",
    "lifecycle_updated_unix_ms",
    "updated_unix_ms",
    "last_pending_unix_ms",
    "silent_for_ms",
    "timestamp_unix_ms",
    "p50_delay_ms",
    "p99_delay_ms",
    "id",
    "cursor",
    "after",
    "lastEventId",
    "request_id",
];

/// Messages of `/stream` that are compared.
const MESSAGES: usize = 12;

/// Puts a word in the place of what differs from run to run; `null` stays, for it says something.
fn masked(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                // A block's is a number, and recorded.
                let is_envelope_time = name == "timestamp" && value.is_string();
                let is_volatile = VOLATILE.contains(&name.as_str()) && !value.is_null();
                match is_volatile || is_envelope_time {
                    true => *value = json!("(masked)"),
                    false => masked(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(masked),
        _ => {}
    }
}

fn text(mut value: Value) -> String {
    masked(&mut value);
    serde_json::to_string_pretty(&value).expect("it is JSON") + "\n"
}

/// What is asked for, under the name of its file.
fn questions() -> BTreeMap<&'static str, String> {
    let hash = story::hash_of;
    let contract = hash(4);
    BTreeMap::from([
        ("chains", "/chains".to_owned()),
        ("chain", "/chains/story".to_owned()),
        ("chain_other", "/chains/other-story".to_owned()),
        ("chain_unknown", "/chains/nowhere".to_owned()),
        ("snapshot", "/dashboard/snapshot".to_owned()),
        ("snapshot_of_one", "/dashboard/snapshot?chain=other-story&tx_limit=1".to_owned()),
        ("events", "/events?limit=30".to_owned()),
        ("events_of_kinds", "/events?types=transaction.*,chain.*,block.reverted".to_owned()),
        ("events_at_the_end", "/events?after=1000000&limit=1".to_owned()),
        ("events_refused", "/events?types=nothing".to_owned()),
        ("replay", "/replay?from=1&to=30&stride=10".to_owned()),
        ("replay_of_all", "/replay".to_owned()),
        ("transactions", "/transactions".to_owned()),
        ("transactions_page", "/transactions?chain=story&limit=2&before=20".to_owned()),
        ("transactions_final", "/transactions?status=final".to_owned()),
        ("transactions_of_sender", format!("/transactions?sender=0x{}", "31".repeat(20))),
        ("transaction_replaced", format!("/transactions/{}", hash(2))),
        ("transaction_blobs", format!("/transactions/{}", hash(5))),
        ("transaction_contract", format!("/transactions/{contract}?chain=story")),
        ("transaction_same_on_other", format!("/transactions/{contract}?chain=other-story")),
        ("transaction_unknown", format!("/transactions/{}", hash(99))),
    ])
}

fn answers(server: &Server) -> BTreeMap<String, String> {
    let answer = |(name, path): (&str, String)| {
        let answer = server.get(&path, KEY_A);
        let whole = json!({
            "path": path,
            "status": answer.status,
            "content-type": answer.header("content-type"),
            "cache-control": answer.header("cache-control"),
            "body": answer.json(),
        });
        (name.to_owned(), text(whole))
    };
    let mut answers: BTreeMap<_, _> = questions().into_iter().map(answer).collect();
    for key in ["story", "other-story"] {
        // Behind the first event; without a cursor it would begin at the head.
        let first = format!("/api/events?stream=chain:{key}&limit=1");
        let first = server.get(&first, KEY_A).json();
        let after = first["next"].as_str().expect("a cursor");
        let path = format!("/stream?chain={key}&after={after}");
        let mut ws = Ws::try_open(server.address, &path, &[("x-api-key", KEY_A)]);
        assert_eq!(ws.head.status, 101, "{:?}", ws.head);
        let few = if key == "story" { MESSAGES } else { 6 };
        let messages: Vec<Value> = (0..few).map(|_| ws.message()).collect();
        answers.insert(format!("stream_{}", key.replace('-', "_")), text(json!(messages)));
    }
    answers
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chains"))
}

/// Returns what differs: for each file its first line that does.
fn differences(answers: &BTreeMap<String, String>) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, answer) in answers {
        let known = std::fs::read_to_string(folder().join(format!("{name}.json")));
        let Ok(known) = known else {
            differences.push(format!("{name}.json is not there"));
            continue;
        };
        if known == *answer {
            continue;
        }
        let mut lines = (1..).zip(known.lines().zip(answer.lines()));
        differences.push(match lines.find(|(_, (known, now))| known != now) {
            Some((at, (known, now))) => format!("{name}.json, line {at}: {known} is now {now}"),
            None => format!("{name}.json: one is longer than the other"),
        });
    }
    for file in std::fs::read_dir(folder()).expect("it is there").map(|file| file.expect("it is")) {
        let name = file.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
        if !answers.contains_key(&name) {
            differences.push(format!("{name}.json is the answer to nothing"));
        }
    }
    differences
}

#[test]
fn answers_of_chains_are_what_they_were() {
    let home = Arc::new(tempfile::tempdir().expect("there is a temporary folder"));
    let feed = home.path().join("story.jsonl");
    story::write(&feed);
    let server = plan(&feed).start();
    until("both chains are replayed", || {
        let chains = server.get("/chains", KEY_A).json();
        let rows = chains["chains"].as_array().expect("a list").clone();
        rows.len() == 2 && rows.iter().all(|row| row["state"] == "disconnected")
    });
    until("the last fact is served", || {
        let last = server.get("/chains/other-story", KEY_A).json();
        last["canonical"]["counts"]["included"] == 1
    });
    let answers = answers(&server);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        for (name, answer) in &answers {
            let path = folder().join(format!("{name}.json"));
            std::fs::write(path, answer).expect("the folder can be written");
        }
    }
    let differences = differences(&answers);
    assert!(differences.is_empty(), "UPDATE_GOLDEN=1 makes it so:\n{}", differences.join("\n"));
}
