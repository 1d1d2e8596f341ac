//! `store gates` over a real candidate: all pass, and each fails where that one thing is broken.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use faults::RedisServer;
use serde_json::Value;

use super::{
    relay::{Harm, relay},
    site::{KEY, PREFIX, Site, assert_alone, names_in, not_passed, ran},
};
use crate::command::{run, tidegate};

/// A command that needs `just` finds it here.
const JUST: &str = "JUST_BIN";

#[test]
fn all_pass_and_leave_evidence_and_nothing_else() {
    let site = Site::start();
    let folder = site.folder.path();
    let key = folder.join("release.key");
    let words = ["keys", "new", "--sign", "example.com/release", "--out", key.to_str().unwrap()];
    let keys = run(&mut tidegate(&words));
    assert_eq!(keys.code, 0, "{keys:?}");
    std::fs::write(folder.join("run.keys"), &keys.out).unwrap();
    let checksum = store::checksum();
    let words = ["--out", "evidence", "--sign-key", "release.key", "--checksum", &checksum];
    let ran = ran(&mut site.gates(&site.urls(), &words));
    assert_eq!(not_passed(&ran), [], "{ran:#?}");
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert_eq!(report["verdict"], "PASS");
    assert_eq!(report["checks"][1]["standing"], "unseen", "the engine: {report}");
    let fan_out = &report["checks"][7]["detail"];
    assert_eq!(fan_out["messages"].as_array().unwrap().len(), 10, "{fan_out}");
    for reader in fan_out["readers"].as_array().unwrap() {
        let events = reader["events"].as_array().unwrap();
        assert_eq!(events.len(), 10, "{reader}");
        assert!(events.iter().all(|event| event["received_at"].is_string()), "{reader}");
        let ids = |list: &Value| -> Vec<String> {
            let events = list.as_array().unwrap().iter();
            events.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&reader["events"]), ids(&fan_out["readers"][0]["events"]));
    }
    site.assert_clean();
    let verify = ["evidence", "verify", "evidence", "--keys", "run.keys", "--json"];
    let verified = run(tidegate(&verify).current_dir(folder));
    assert_eq!(verified.code, 0, "{verified:?}");
    let verified = verified.json();
    assert_eq!(verified["sound"], true);
    let signed = verified.to_string().matches("test result").count();
    assert_eq!(signed, 9, "a statement for each gate: {verified}");
    let outputs = names_in(&folder.join("evidence/outputs"));
    assert_eq!(outputs.len(), 10, "{outputs:?}");
}

#[test]
fn people_get_a_table_and_files_without_a_key() {
    let site = Site::start();
    let mut command = site.with_settings(tidegate(&["store", "gates", "--out", "files"]));
    let key_file = site.folder.path().join("key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    command.env_remove("TIDEGATE_KEY").arg("--key-file").arg(key_file);
    command.env("TIDEGATE_URL", site.urls().join(","));
    let ran = ran(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["PASS    server-version", "[unseen]", "PASS: 9 of 9 gates pass", "evidence: files"]
    {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let names = names_in(&site.folder.path().join("files"));
    assert!(names.contains(&"gates.json".into()) && names.len() == 10, "{names:?}");
    site.assert_clean();
}

#[test]
fn another_version_of_the_server() {
    let site = Site::start();
    let harm = Harm::Says(b"surrealdb-3.0.0", b"surrealdb-3.0.7");
    let relay = relay(site.database.address(), harm);
    let mut command = site.gates(&site.urls(), &[]);
    let ran = ran(command.env("SURREAL_ENDPOINT", format!("ws://{relay}")));
    assert_eq!(assert_alone(&ran, "server-version", "FAIL"), "3.0.7");
    site.assert_clean();
}

#[test]
fn an_engine_that_is_not_tikv_or_of_which_nobody_speaks() {
    let site = Site::start();
    let silent = ran(&mut site.gates(&site.urls(), &["--production"]));
    let seen = assert_alone(&silent, "storage-engine", "FAIL");
    assert!(seen.contains("nobody asserts one"), "{seen}");
    let untrue = ran(&mut site.gates(&site.urls(), &["--production", "--engine", "tikv"]));
    let seen = assert_alone(&untrue, "storage-engine", "FAIL");
    assert!(seen.contains("not those of TiKV"), "{seen}");
    site.assert_clean();
}

#[test]
fn another_migration_checksum() {
    let site = Site::start();
    let other = "0".repeat(64);
    let artefact = ran(&mut site.gates(&site.urls(), &["--checksum", &other]));
    let seen = assert_alone(&artefact, "migration-checksum", "FAIL");
    assert!(seen.contains(&other) && seen.contains(&store::checksum()), "{seen}");
    site.ask(&format!("UPDATE tidegate_migration:2 SET sha256 = '{other}' RETURN NONE"));
    let ledger = ran(&mut site.gates(&site.urls(), &[]));
    let seen = assert_alone(&ledger, "migration-checksum", "FAIL");
    assert!(seen.contains("the ledger differs"), "{seen}");
    site.assert_clean();
}

#[test]
fn an_index_that_is_missing() {
    let site = Site::start();
    site.ask("REMOVE INDEX message_of_request ON message");
    let ran = ran(&mut site.gates(&site.urls(), &[]));
    let seen = assert_alone(&ran, "query-patterns", "FAIL");
    assert!(seen.contains("FindRequest") && seen.contains("message_of_request"), "{seen}");
    site.assert_clean();
}

#[test]
fn a_database_that_takes_no_new_connection() {
    let site = Site::start();
    // One for the run, one for the stamp of a change; another one is needed to connect anew.
    let relay = relay(site.database.address(), Harm::Connections(3));
    let mut command = site.gates(&site.urls(), &["--deadline", "15"]);
    let ran = ran(command.env("SURREAL_ENDPOINT", format!("ws://{relay}")));
    let seen = assert_alone(&ran, "reconnect", "ERROR");
    assert!(seen.contains(&relay.to_string()), "{seen}");
    site.assert_clean();
}

#[test]
fn a_redis_that_takes_no_event() {
    let site = Site::start();
    let mut user = redis::cmd("ACL");
    user.arg(&["SETUSER", "gates", "on", ">gates-password", "~*", "&*", "+@all", "-xadd"]);
    let () = site.runtime.block_on(site.redis.command(&mut user));
    let mut command = site.gates(&site.urls(), &[]);
    let url = site.redis.url_as("gates:gates-password@");
    let ran = ran(command.env("REDIS_URL", url));
    let seen = assert_alone(&ran, "redis", "ERROR");
    assert!(!seen.contains("gates-password"), "{seen}");
    site.assert_clean();
}

#[test]
fn replicas_of_another_prefix_and_one_replica_twice() {
    let mut site = Site::start();
    // One that starts beside another prefix is refused; as if they had not seen each other.
    site.ask("UPDATE tidegate_owner SET log = NONE");
    site.replicas[1] = site.replica(&[("CHAT_REALTIME_CHANNEL_PREFIX", "gotong:other")]);
    let ran_apart = ran(&mut site.gates(&site.urls(), &[]));
    let wanted = [("one-log", "FAIL"), ("fan-out", "ERROR")];
    let wanted = wanted.map(|(gate, verdict)| (gate.to_owned(), verdict.to_owned()));
    // Fan-out is not tried: two replicas that share no log would write one thread twice.
    assert_eq!(not_passed(&ran_apart), wanted, "{ran_apart:#?}");
    assert_eq!(ran_apart.code, 1);
    let seen = ran_apart.json()["checks"][6]["seen"].as_str().unwrap().to_owned();
    assert!(seen.contains(&site.replicas[1].url) && seen.contains("another prefix"), "{seen}");
    assert!(!seen.contains(PREFIX), "{seen}");
    let port = site.replicas[0].url.rsplit_once(':').unwrap().1.to_owned();
    let twice = [site.replicas[0].url.clone(), format!("http://localhost:{port}")];
    let ran_twice = ran(&mut site.gates(&twice, &[]));
    assert_eq!(not_passed(&ran_twice), wanted, "{ran_twice:#?}");
    let seen = ran_twice.json()["checks"][6]["seen"].as_str().unwrap().to_owned();
    assert!(seen.contains("are one replica"), "{seen}");
    site.assert_clean();
}

#[test]
fn a_replica_with_a_redis_of_its_own() {
    let mut site = Site::start();
    let other = site.runtime.block_on(RedisServer::start());
    site.replicas[1] = site.replica(&[("REDIS_URL", &other.url())]);
    let ran = ran(&mut site.gates(&site.urls(), &[]));
    let wanted = [("one-log", "FAIL"), ("fan-out", "ERROR")];
    let wanted = wanted.map(|(gate, verdict)| (gate.to_owned(), verdict.to_owned()));
    assert_eq!(not_passed(&ran), wanted, "{ran:#?}");
    let seen = ran.json()["checks"][6]["seen"].as_str().unwrap().to_owned();
    let named = format!("{} has another Redis than these settings", site.replicas[1].url);
    assert!(seen.contains(&named), "{seen}");
    site.assert_clean();
}

#[test]
fn settings_without_a_connection_to_redis_compare_nothing() {
    let site = Site::start();
    let nobody = relay(site.database.address(), Harm::Connections(0));
    let mut command = site.gates(&site.urls(), &["--deadline", "5"]);
    let ran = ran(command.env("REDIS_URL", format!("redis://{nobody}")));
    let report = ran.json();
    for index in [5, 6, 7] {
        assert_eq!(report["checks"][index]["verdict"], "ERROR", "{report}");
    }
    let seen = report["checks"][6]["seen"].as_str().unwrap();
    assert!(seen.contains("can't be compared"), "{seen}");
}

#[test]
fn a_report_is_told_also_where_evidence_cannot_be_written() {
    let site = Site::start();
    let ran = ran(&mut site.gates(&site.urls(), &["--out", "missing/evidence"]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("--out missing/evidence can't be written"), "{ran:?}");
    let report = ran.json();
    assert_eq!((&report["verdict"], &report["evidence"]), (&"PASS".into(), &Value::Null));
    site.assert_clean();
}

#[test]
fn a_way_to_a_replica_that_buffers_streams() {
    let site = Site::start();
    let address = site.replicas[1].url.strip_prefix("http://").unwrap().parse().unwrap();
    // Enough for the beginning of a stream.
    let proxy = relay(address, Harm::Buffers(2000));
    let urls = [site.replicas[0].url.clone(), format!("http://{proxy}")];
    let ran = ran(&mut site.gates(&urls, &["--deadline", "10"]));
    let seen = assert_alone(&ran, "fan-out", "FAIL");
    assert!(seen.contains(&format!("{} by SSE", urls[1])), "{seen}");
    assert!(!seen.contains(&urls[0]), "{seen}");
    site.assert_clean();
}

#[test]
fn what_cannot_be_removed_is_named() {
    let site = Site::start();
    site.ask("DEFINE EVENT kept ON thread WHEN $event = 'DELETE' THEN { THROW 'kept' }");
    let ran = ran(&mut site.gates(&site.urls(), &[]));
    let seen = assert_alone(&ran, "clean-up", "FAIL");
    let left = site.ask("SELECT VALUE thread_id FROM thread");
    let left = left.as_array().unwrap();
    assert!(left.len() == 3, "{left:?}");
    for thread in left {
        let named = format!("rows of {}", thread.as_str().unwrap());
        assert!(seen.contains(&named), "{named}: {seen}");
    }
}

#[test]
fn a_replica_that_hangs_is_named_and_holds_nothing_up() {
    let site = Site::start();
    let silent = relay(site.database.address(), Harm::SilentAfter(0));
    let urls = [site.replicas[0].url.clone(), format!("http://{silent}")];
    let ran = ran(&mut site.gates(&urls, &["--deadline", "5"]));
    assert_eq!(ran.code, 69, "{ran:?}");
    let wanted = ["migration-checksum", "one-log", "fan-out"];
    let wanted = wanted.map(|gate| (gate.to_owned(), "ERROR".to_owned()));
    assert_eq!(not_passed(&ran), wanted, "{ran:#?}");
    let seen = ran.json()["checks"][2]["seen"].as_str().unwrap().to_owned();
    assert!(seen.contains(&urls[1]), "{seen}");
    site.assert_clean();
}

/// Returns a command of the tree's root with what the recipe reads.
fn recipe(site: &Site, mut command: Command) -> Command {
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = site.with_settings(command);
    for name in ["DATA_BACKEND", "CHAT_REALTIME_TRANSPORT"] {
        command.env_remove(name);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    command.current_dir(root).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("GATES_TIDEGATE", env!("CARGO_BIN_EXE_tidegate"));
    command.env("GATES_REPLICAS", site.urls().join(", "));
    command
}

#[test]
fn the_script_and_the_recipe_do_the_same() {
    let site = Site::start();
    let script = || Command::new("scripts/release-gates-surreal.sh");
    let mut command = recipe(&site, script());
    let passed = ran(command.env("GATES_CHECKSUM", store::checksum()).arg("--json"));
    assert_eq!(passed.code, 0, "{passed:?}");
    assert_eq!(passed.json()["verdict"], "PASS");
    let mut command = recipe(&site, script());
    let failed = ran(command.env("GATES_PRODUCTION", "1"));
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.out.contains("FAIL    storage-engine"), "{failed:?}");
    assert_eq!(ran(recipe(&site, script()).env("GATES_PRODUCTION", "maybe")).code, 64);
    let help = ran(recipe(&site, script()).arg("--help"));
    assert!(help.code == 0 && help.out.contains("GATES_REPLICAS"), "{help:?}");
    let just = std::env::var_os(JUST).unwrap_or_else(|| "just".into());
    let mut command = recipe(&site, Command::new(just));
    let child = command.args(["release-gates-surreal", "--engine", "two  words"]).spawn();
    let child = child.unwrap_or_else(|error| {
        panic!("`just` does not run ({error}): install it, or name it in {JUST}")
    });
    let just = crate::command::finish(child);
    assert_eq!(just.code, 0, "{just:?}");
    assert!(just.out.contains("PASS: 9 of 9 gates pass"), "{just:?}");
    assert!(just.out.contains("asserted by --engine: two  words"), "{just:?}");
    site.assert_clean();
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_tried() {
    let check = |words: &[&str], settings: &[(&str, &str)], part: &str| {
        let mut command = tidegate(&[&["store", "gates"], words].concat());
        let ran = run(command.envs(settings.iter().copied()));
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    };
    let two = ["--key", "a-key-of-ours", "--replica", "http://a:1", "--replica", "http://b:1"];
    let surreal = [("DATA_BACKEND", "surreal")];
    check(&two, &[], "DATA_BACKEND");
    check(&two[..4], &surreal, "--replica twice");
    check(&[&two[..], &["--replica", "nonsense"]].concat(), &surreal, "is not a URL");
    check(&[&two[..], &["--checksum", "abc"]].concat(), &surreal, "64 hexadecimal digits");
    check(&[&two[..], &["--out", "/"]].concat(), &surreal, "is there already");
    check(&[&two[..], &["--sign-key", "x"]].concat(), &surreal, "--out");
}
