//! The command as server and as client of itself, without a single argument between them.

use std::{path::Path, process::Command};

use super::command::{Running, run, start, tidegate};

fn here(folder: &Path, words: &[&str], address: &str) -> Command {
    let mut command = tidegate(words);
    command.current_dir(folder).env("VIZ_API_BIND", address);
    command.env("REALTIME_REPLAY_MAX_EVENTS", "20000");
    command
}

/// Starts a server and returns the address that its log tells.
fn serve(folder: &Path, address: &str) -> (Running, String) {
    let running = start(&mut here(folder, &["serve", "--json"], address));
    let line = running.wait_for("viz-api listening");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["bind_addr"].as_str().unwrap().to_owned();
    (running, address)
}

#[test]
fn a_client_beside_its_server_needs_no_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = serve(folder.path(), "127.0.0.1:0");
    let client = |words: &[&str]| run(&mut here(folder.path(), words, &address));
    let published = client(&["publish", "a.b", r#"{"n":1}"#, "--json"]).json();
    let tailed = client(&["tail", "--from-start", "--count", "1", "--json"]).json();
    assert_eq!(tailed["cursor"], published["cursor"]);
    assert_eq!(tailed["payload"]["n"], 1);
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}

#[test]
fn an_audit_across_a_restart_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = serve(folder.path(), "127.0.0.1:0");
    let words = ["audit", "--json", "--readers", "40", "--rate", "100", "--seconds", "6"];
    let audit = start(&mut here(folder.path(), &words, &address));
    audit.wait_for("publishing");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
    let (server, _) = serve(folder.path(), &address);
    let ran = audit.finish();
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert!(report["goodbyes"].as_u64().unwrap() > 0, "{report}");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}
