//! The four exit codes, and that nothing secret is printed.

use std::net::TcpListener;

use super::command::{run, tidegate};

#[track_caller]
fn check(words: &[&str], variables: &[(&str, &str)], code: i32, part: &str) {
    let ran = run(tidegate(words).envs(variables.iter().copied()));
    assert_eq!(ran.code, code, "{words:?}: {ran:?}");
    assert!(format!("{}{}", ran.out, ran.err).contains(part), "{words:?}: {ran:?}");
}

#[test]
fn help_and_version_are_done() {
    check(&["--help"], &[], 0, "audit");
    check(&["--version"], &[], 0, "tidegate 0.");
    for command in ["serve", "publish", "tail", "audit"] {
        check(&[command, "--help"], &[], 0, "Example: tidegate");
    }
    check(&["keys", "new", "--help"], &[], 0, "Example: tidegate keys new");
}

#[test]
fn bad_usage_and_settings_are_64() {
    check(&[], &[], 64, "Usage");
    check(&["nonesuch"], &[], 64, "unrecognized");
    check(&["publish"], &[], 64, "<EVENT>");
    check(&["serve", "--config", "nonesuch.toml"], &[], 64, "nonesuch.toml");
    check(&["keys", "new", "a b"], &[], 64, "organisation");
    check(&["tail"], &[("REALTIME_STATE_DIR", "nonesuch")], 64, "--key");
    check(&["tail"], &[("TIDEGATE_URL", "nowhere"), ("TIDEGATE_KEY", "k")], 64, "`nowhere`");
    let slips = [("TIDEGATE_LOGG", "x"), ("REALTIME_BACKEND", "rediss")];
    check(&["serve"], &slips, 64, "2 problems");
    check(&["tail"], &slips, 64, "2 problems");
}

#[test]
fn all_problems_are_named_and_no_secret_is_shown() {
    let variables =
        [("TIDEGATE_KEYS", "acme=tiny"), ("TIDEGATE_LOG_FORMAT", "xml"), ("VIZ_API_BIND", "x")];
    let ran = run(tidegate(&["serve"]).envs(variables));
    assert_eq!(ran.code, 64);
    for part in ["TIDEGATE_KEYS", "TIDEGATE_LOG_FORMAT", "VIZ_API_BIND"] {
        assert!(ran.err.contains(part), "{ran:?}");
    }
    assert!(!ran.err.contains("tiny"), "{ran:?}");
}

#[test]
fn a_password_in_an_address_is_not_shown() {
    for url in ["http://user:hidden@h", "http://:hidden@127.0.0.1:9", "user:hidden@h"] {
        let given = run(&mut tidegate(&["tail", "--key", "k", "--url", url]));
        let set = run(tidegate(&["tail", "--key", "k"]).env("TIDEGATE_URL", url));
        for ran in [given, set] {
            assert_eq!(ran.code, 64, "{ran:?}");
            assert!(!format!("{}{}", ran.out, ran.err).contains("hidden"), "{ran:?}");
        }
    }
}

#[test]
fn what_is_not_reachable_is_69() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let client = ["--url", &closed, "--key", "a-key"];
    for command in [&["publish", "a.b"][..], &["tail"], &["audit", "--readers", "1"]] {
        check(&[command, &client].concat(), &[], 69, "can't be reached");
    }
}

#[test]
fn a_port_in_use_is_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    check(&["serve"], &[("VIZ_API_BIND", &address), ("REALTIME_STATE_DIR", dir)], 69, &address);
}

#[test]
fn a_new_key_is_an_entry_that_the_server_takes() {
    let ran = run(&mut tidegate(&["keys", "new", "acme", "--scopes", "admin", "--author", "bot"]));
    assert_eq!(ran.code, 0);
    let (org, rest) = ran.out.trim().split_once('=').unwrap();
    let (key, rights) = rest.split_once(':').unwrap();
    assert_eq!((org, key.len(), rights), ("acme", 43, "admin@bot"));
    let again = run(&mut tidegate(&["keys", "new", "acme", "--json"]));
    assert_ne!(again.json()["key"], key);
}
