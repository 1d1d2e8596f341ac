//! `tidegate replay`: the same feed gives the same bytes, whoever runs it.

use std::fs;

use sha2::{Digest, Sha256};

use super::command::{run, tidegate};

#[test]
fn the_same_feed_gives_the_same_bytes_each_time() {
    let checked = run(&mut tidegate(&["replay", "--check", "--json"])).json();
    assert_eq!((&checked["same"], &checked["expected"]), (&true.into(), &true.into()));
    let printed = run(&mut tidegate(&["replay"]));
    assert_eq!(printed.code, 0, "{}", printed.err);
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(printed.out.as_bytes()));
    assert_eq!(checked["sha256"], digest);
    let lines: Vec<serde_json::Value> =
        printed.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(checked["events"], lines.len());
    assert!(lines.iter().zip(1..).all(|(line, number)| line["seq_id"] == number));
    let seen = lines.iter().filter(|line| line["type"] == "transaction.seen").count();
    let computed = lines.iter().filter(|line| line["type"] == "feature.computed").count();
    assert!(seen > 300);
    assert_eq!((seen, &checked["findings"]), (computed, &computed.into()));
}

#[test]
fn another_digest_is_a_failure() {
    let zeros = "0".repeat(64);
    let ran = run(&mut tidegate(&["replay", "--check", "--digest", &zeros]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("another digest was expected"), "{ran:?}");
}

#[test]
fn a_feed_or_state_that_is_cut_or_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.jsonl");
    fs::write(&cut, "{\"format\":\"tidegate-feed\",\"version\":1,\"chain_key\":\"a\",").unwrap();
    let state = folder.path().join("state.jsonl");
    fs::write(&state, "{\"format\":\"tidegate-state\",\"version\":1}\n").unwrap();
    let state = state.to_str().unwrap();
    let node = "http://127.0.0.1:1";
    for words in [
        &["replay", cut.to_str().unwrap()][..],
        &["replay", "--state", state],
        &["replay", "--state", "/nowhere/state.jsonl"],
        &["replay", "--state", state, "--node", node],
        &["replay", "--keep-state", state],
        &["replay", "--node", node, "--keep-state", state],
        &["replay", "--node", "ws://127.0.0.1:1"],
        &["replay", "--node", node, "--check"],
        &["replay", "/nowhere/feed.jsonl"],
        &["replay", "--registry", "/nowhere/registry.toml"],
        &["replay", "--digest", "12"],
    ] {
        let ran = run(&mut tidegate(words));
        assert_eq!(ran.code, 64, "{ran:?}");
    }
}

#[test]
fn state_of_a_node_that_does_not_answer_is_not_known_and_is_kept_so() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.jsonl.gz");
    let state = state.to_str().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = format!("http://127.0.0.1:{port}");
    let printed = run(&mut tidegate(&["replay", "--node", &node, "--keep-state", state]));
    assert_eq!(printed.code, 0, "{}", printed.err);
    let computed = |event: &serde_json::Value| event["type"] == "sim.computed";
    let lines: Vec<serde_json::Value> =
        printed.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let simulated: Vec<_> = lines.iter().filter(|event| computed(event)).collect();
    assert!(simulated.len() > 100, "{}", simulated.len());
    assert!(simulated.iter().all(|event| event.to_string().contains("incomplete")));
    let checked = run(&mut tidegate(&["replay", "--check", "--json", "--state", state])).json();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(printed.out.as_bytes()));
    assert_eq!((&checked["sha256"], &checked["same"]), (&digest.into(), &true.into()));
}

#[test]
fn a_file_that_may_not_be_longer_is_told_of_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.jsonl");
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -f 1 && exec \"$0\" \"$@\""]);
    limited.args([env!("CARGO_BIN_EXE_tidegate"), "replay", "--node", "http://127.0.0.1:1"]);
    limited.arg("--keep-state").arg(&state);
    limited.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let ran = run(&mut limited);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("can't be written"), "{ran:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
