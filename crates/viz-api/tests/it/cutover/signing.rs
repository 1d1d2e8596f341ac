//! Records that are signed: sound while servers come and go, and never signed again once changed.

use std::{fs, path::Path};

use evidence::{Keyring, Report, Request, Signer, Standing, folder, verify};
use serde_json::json;

use super::{cutover, memory_plan, records, rests, settled, undo};
use crate::{
    redis::told,
    support::{
        redis::Redis,
        server::{KEY_A, KEY_ADMIN, Plan},
        wait::until,
    },
};

/// Makes a key in a folder, and returns the plan of a server that signs with it.
fn signing(redis: &Redis, folder: &Path) -> (Plan, Keyring) {
    let signer = Signer::generate("example.com/replica-1".parse().expect("a name")).expect("a key");
    let file = folder.join("replica-1.key");
    fs::write(&file, signer.to_private_text() + "\n").expect("it is written");
    let keyring = format!("log {}\n", signer.verifier()).parse().expect("a keyring");
    (memory_plan(redis).set("TIDEGATE_EVIDENCE_KEY", file.display().to_string()), keyring)
}

fn verified(folder: &Path, keyring: &Keyring) -> Report {
    let contents = folder::read(folder).expect("it is read");
    verify(&Request { contents: &contents, keyring: Some(keyring), seen: None, may_be_open: false })
}

#[test]
fn records_are_signed_by_one_process_after_the_other() {
    let (redis, keys) = (Redis::start(), tempfile::tempdir().expect("a folder"));
    let (plan, keyring) = signing(&redis, keys.path());
    let server = plan.start();
    server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    until("five are put down", || records(&server).len() == 5);
    let evidence = server.state_dir().join("evidence");
    until("five are signed", || verified(&evidence, &keyring).is_sound());
    let server = server.crash_and_restart();
    until("the start is put down", || records(&server).len() == 6);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    settled(&server, &undo(&server), "idle", "memory");
    until("all is put down", || records(&server).len() >= 16);
    until("all is signed", || verified(&evidence, &keyring).is_sound());
    let report = verified(&evidence, &keyring);
    assert_eq!((report.entries, report.goes_on), (records(&server).len() as u64, true));
    // The checkpoint, and every record by its statement.
    assert_eq!(report.count(Standing::Signed) as u64, report.entries + 1);
    let switched = report.items.iter().find(|item| item.what.contains("switched")).expect("one");
    assert_eq!(switched.what, "switch from memory to redis: switched as log");
    let first = fs::read_dir(&evidence).expect("a folder").map(|it| it.expect("a file").path());
    let mut first: Vec<_> =
        first.filter(|it| it.extension().is_some_and(|e| e == "json")).collect();
    first.sort();
    let changed = fs::read_to_string(&first[4]).expect("it is read").replace("memory", "redis_");
    fs::write(&first[4], changed).expect("it is written");
    let findings = verified(&evidence, &keyring).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(first[4].ends_with(&findings[0].place), "{findings:?}");
}

#[test]
fn evidence_that_was_changed_is_set_aside_and_never_signed_again() {
    let (redis, keys) = (Redis::start(), tempfile::tempdir().expect("a folder"));
    let (plan, keyring) = signing(&redis, keys.path());
    let mut server = plan.start();
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    settled(&server, &undo(&server), "idle", "memory");
    until("all is put down", || records(&server).len() == 10);
    let folder = std::sync::Arc::clone(&server.folder);
    let evidence = server.state_dir().join("evidence");
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let entries = evidence.join("entries.jsonl");
    let text = fs::read_to_string(&entries).expect("it is read");
    let without: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(&entries, &without).expect("it is written");
    let server = plan.start_in(folder);
    until("it is told", || !told(&server, KEY_ADMIN, "cutover.evidence_set_aside").is_empty());
    let told = told(&server, KEY_ADMIN, "cutover.evidence_set_aside");
    let moved_to = told[0]["moved_to"].as_str().expect("it says where");
    let moved_to = server.folder.path().join(moved_to);
    assert_eq!(told[0]["reason"], json!("its entries are not those of the checkpoint"));
    let kept = fs::read_to_string(moved_to.join("entries.jsonl")).expect("it is kept");
    assert_eq!(kept, without);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    until("a new log is sound", || {
        records(&server).len() == 5 && verified(&evidence, &keyring).is_sound()
    });
    assert!(!verified(&moved_to, &keyring).is_sound());
    rests(&server);
}

#[test]
fn records_that_the_disk_does_not_take_are_signed_when_it_does() {
    let (redis, keys) = (Redis::start(), tempfile::tempdir().expect("a folder"));
    let (plan, keyring) = signing(&redis, keys.path());
    let in_the_way = keys.path().join("evidence");
    fs::write(&in_the_way, "a file").expect("it is written");
    let server = plan.set("TIDEGATE_EVIDENCE_DIR", in_the_way.display().to_string()).start();
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    until("it is told", || !told(&server, KEY_ADMIN, "cutover.unrecorded").is_empty());
    fs::remove_file(&in_the_way).expect("it is there");
    until("they are signed", || {
        in_the_way.is_dir() && {
            let report = verified(&in_the_way, &keyring);
            report.is_sound() && report.count(Standing::Signed) == 6
        }
    });
    // Another process has to have a folder of its own.
    let other = plan_beside(&redis, keys.path(), &in_the_way).start();
    settled(&other, &cutover(&other, "redis"), "switched", "redis");
    until("it is told", || {
        let told = told(&other, KEY_ADMIN, "cutover.unrecorded");
        let busy = "another process writes to the evidence folder";
        told.iter().any(|told| told["reason"].as_str().is_some_and(|it| it.contains(busy)))
    });
    assert!(verified(&in_the_way, &keyring).is_sound());
}

/// Returns the plan of a server that signs with the same key into the same folder.
fn plan_beside(redis: &Redis, keys: &Path, folder: &Path) -> Plan {
    memory_plan(redis)
        .set("TIDEGATE_EVIDENCE_KEY", keys.join("replica-1.key").display().to_string())
        .set("TIDEGATE_EVIDENCE_DIR", folder.display().to_string())
}

#[test]
fn a_key_that_is_none_is_told_before_anything_starts() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("no.key");
    let plan = Plan::with_keys().set("TIDEGATE_EVIDENCE_KEY", file.display().to_string());
    for (text, told) in [(None, "can't be read"), (Some("nonsense"), "holds no private key")] {
        if let Some(text) = text {
            fs::write(&file, text).expect("it is written");
        }
        let (code, log) = plan.run_in(dir.path());
        assert_eq!(code, 64, "{log}");
        assert!(log.contains("TIDEGATE_EVIDENCE_KEY") && log.contains(told), "{log}");
        assert!(!log.contains("nonsense"), "{log}");
    }
}
