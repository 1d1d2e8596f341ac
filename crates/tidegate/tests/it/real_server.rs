//! The command as server and as client of itself, without a single argument between them.

use std::{path::Path, process::Command};

use super::command::{Ran, Running, run, start, tidegate};

fn here(folder: &Path, words: &[&str], address: &str) -> Command {
    let mut command = tidegate(words);
    command.current_dir(folder).env("VIZ_API_BIND", address);
    command.env("REALTIME_REPLAY_MAX_EVENTS", "20000");
    command
}

/// Returns an address at which a server that ended can be started again.
fn lasting_address() -> String {
    format!("127.0.0.1:{}", faults::lasting_port())
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
fn a_tail_over_a_websocket_misses_nothing_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = serve(folder.path(), &lasting_address());
    let client = |words: &[&str]| run(&mut here(folder.path(), words, &address));
    let publish = |n: u32| {
        let payload = format!(r#"{{"n":{n}}}"#);
        let ran = client(&["publish", "a.b", &payload, "--json"]);
        ran.json()["cursor"].as_str().unwrap().to_owned()
    };
    let words = ["tail", "--ws", "--count", "6", "--json"];
    let tail = start(&mut here(folder.path(), &words, &address));
    tail.wait_for("connected to");
    let mut cursors: Vec<_> = (0..3).map(publish).collect();
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
    tail.wait_for("reconnecting");
    let (server, _) = serve(folder.path(), &address);
    cursors.extend((3..6).map(publish));
    let ran = tail.finish();
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<serde_json::Value> =
        ran.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = lines.iter().map(|line| line["cursor"].as_str().unwrap()).collect();
    assert_eq!(found, cursors);
    assert!(lines.iter().zip(0..).all(|(line, n)| line["payload"]["n"] == n), "{ran:?}");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}

#[test]
fn what_is_refused_over_a_websocket_is_refused_in_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = serve(folder.path(), "127.0.0.1:0");
    let client = |words: &[&str]| run(&mut here(folder.path(), words, &address));
    for asked in [&["--key", "no-such-key-at-all"][..], &["--stream", "no such stream"]] {
        let sse = client(&[&["tail"], asked].concat());
        let web = client(&[&["tail", "--ws"], asked].concat());
        assert_eq!((web.code, web.err), (sse.code, sse.err), "{asked:?}");
    }
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}

/// Audits a server that gets this signal and is started again meanwhile.
fn audited_across(signal: &str, share: &str, end: impl FnOnce(Running)) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = serve(folder.path(), &lasting_address());
    let words = ["audit", "--json", "--readers", "40", "--rate", "100", "--seconds", "6"];
    let words = [&words[..], &["--ws", share, "--ws-publishers", share]].concat();
    let audit = start(&mut here(folder.path(), &words, &address));
    audit.wait_for("publishing");
    server.signal(signal);
    end(server);
    let (server, _) = serve(folder.path(), &address);
    let ran = audit.finish();
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
    ran
}

#[track_caller]
fn finds_nothing_across_a_restart(share: &str, websocket: u64) {
    let ran = audited_across("TERM", share, |server| assert_eq!(server.finish().code, 0));
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert!(report["goodbyes"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["websocket"], websocket, "{report}");
}

#[test]
fn an_audit_over_both_transports_across_a_restart_finds_nothing() {
    finds_nothing_across_a_restart("50%", 20);
}

#[test]
fn an_audit_over_websockets_across_a_restart_finds_nothing() {
    finds_nothing_across_a_restart("100%", 40);
}

/// What a crash takes back is a loss, and its numbers, given again, are nothing else.
#[test]
fn an_audit_across_a_crash_finds_gaps_and_at_most_a_loss() {
    let ran = audited_across("KILL", "50%", Running::wait_for_end);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    assert!(report["gaps"]["data_loss"].as_u64().unwrap() > 0, "{report}");
    let known = ["gaps told by the server", "events lost by the server after acknowledgement"];
    for problem in report["problems"].as_array().unwrap() {
        let (_, what) = problem.as_str().unwrap().split_once(' ').unwrap();
        assert!(known.contains(&what), "{problem}: {report}");
    }
    assert_eq!(report["ledger"]["ok"], true, "{report}");
}
