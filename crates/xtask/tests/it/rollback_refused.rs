//! A rollback that can't be vouched for: it fails, and never says that it is done.

use std::fs;

use serde_json::{Value, json};

use crate::{
    stand::{NEW, OLD, Stand, kind},
    tree::Ran,
};

#[track_caller]
fn failed(stand: &Stand, ran: &Ran, parts: &[&str]) {
    ran.check(1, parts);
    assert!(!ran.err.contains("completed"), "{ran:?}");
    assert!(ran.err.contains("NOT rolled back"), "{ran:?}");
    assert!(!ran.err.contains("can't be written"), "{ran:?}");
    assert_eq!(stand.evidence("rollback")["result"], "failed");
}

/// Changes the record by hand.
fn edit(stand: &Stand, change: impl Fn(&mut Value)) {
    let file = stand.state("last-known-good.json");
    let mut record = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut record);
    fs::write(file, record.to_string()).unwrap();
}

#[test]
fn a_record_that_can_not_be_trusted_restores_nothing() {
    let stand = Stand::new();
    let record = stand.state("last-known-good.json");
    let spoils: [(&str, &dyn Fn()); 6] = [
        ("no canary was deployed from here", &|| fs::remove_file(&record).unwrap()),
        ("is torn", &|| {
            let bytes = fs::read(&record).unwrap();
            fs::write(&record, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("is torn", &|| fs::write(&record, "").unwrap()),
        ("was changed", &|| {
            edit(&stand, |record| record["services"]["replica-1"]["image"] = json!(NEW));
        }),
        ("has another format", &|| edit(&stand, |record| record["format"] = json!("v9"))),
        ("is foreign", &|| stand.put("engine.json", &json!("another-engine"))),
    ];
    stand.deployed();
    let good = fs::read(&record).unwrap();
    for (part, spoil) in spoils {
        fs::write(&record, &good).unwrap();
        stand.run_container("canary", NEW, "tidegate:next");
        stand.run_container("replica-1", NEW, "tidegate:next");
        spoil();
        failed(&stand, &stand.rollback(&[]), &[part, "incident-and-rollback-playbook.md"]);
        // The canary, which nobody vouched for, is gone; the rest is as it was.
        assert_eq!(stand.image_of("canary"), None);
        assert_eq!(stand.image_of("replica-1").as_deref(), Some(NEW));
    }
}

#[test]
fn a_canary_that_alone_serves_stays_where_nothing_can_be_restored() {
    let stand = Stand::new();
    stand.deployed();
    fs::remove_file(stand.state("last-known-good.json")).unwrap();
    let mut sick = kind();
    sick["ready"] = json!(503);
    stand.put(&format!("kinds/{OLD}.json"), &sick);
    failed(
        &stand,
        &stand.rollback(&[]),
        &["no stable replica is ready, so the canary was left alone"],
    );
    assert_eq!(stand.image_of("canary").as_deref(), Some(NEW));
}

#[test]
fn a_replica_that_does_not_get_well_is_no_success() {
    let stand = Stand::new();
    stand.deployed();
    stand.run_container("replica-2", NEW, "tidegate:next");
    let mut sick = kind();
    sick["ready"] = json!(503);
    stand.put(&format!("kinds/{OLD}.json"), &sick);
    let parts = ["replica-1 is not ready: the database can't be reached", "the log of a container"];
    failed(&stand, &stand.rollback(&[]), &parts);
    assert_eq!(stand.image_of("replica-2").as_deref(), Some(NEW), "one after the other");
}

#[test]
fn other_migrations_than_recorded_are_no_success() {
    let stand = Stand::new();
    stand.deployed();
    let mut migrated = kind();
    migrated["checksum"] = json!("c2");
    stand.put(&format!("kinds/{OLD}.json"), &migrated);
    let parts = ["replica-1 has the migration checksum c2, not the recorded one", "docs/deploy.md"];
    failed(&stand, &stand.rollback(&[]), &parts);
}

#[test]
fn changed_files_are_named_with_the_way_to_give_them_back() {
    let stand = Stand::new();
    stand.deployed();
    let file = stand.deploy().join("haproxy.cfg");
    let recorded = fs::read_to_string(&file).unwrap();
    fs::write(&file, "another").unwrap();
    let env = stand.deploy().join(".env");
    let settings = fs::read_to_string(&env).unwrap();
    fs::write(&env, settings.clone() + "TIDEGATE_LOG=debug\n").unwrap();
    let ran = stand.rollback(&[]);
    failed(&stand, &ran, &["changed since they were recorded: haproxy.cfg .env"]);
    // What it says to do helps.
    let line = ran.err.lines().find(|line| line.contains("to do: cp ")).unwrap();
    let words: Vec<_> = line.split("cp ").nth(1).unwrap().split(' ').collect();
    fs::copy(words[0], words[1]).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), recorded);
    fs::write(&env, settings).unwrap();
    stand.rollback(&[]).check(0, &["completed"]);
}

#[test]
fn an_image_that_was_removed_is_told() {
    let stand = Stand::new();
    stand.deployed();
    stand.put("images.json", &json!({"tidegate:local": NEW, "tidegate:next": NEW}));
    failed(&stand, &stand.rollback(&[]), &["is not here any more", "docker load"]);
}

#[test]
fn a_canary_that_does_not_go_is_told() {
    let stand = Stand::new();
    stand.deployed();
    stand.put("stuck", &json!(true));
    failed(
        &stand,
        &stand.rollback(&[]),
        &["the canary can't be ended", "docker rm --force canary-1"],
    );
    // It is out of traffic, at least.
    assert!(stand.router("get weight tidegate/canary").starts_with("0 "));
    assert_eq!(stand.who_answers(), ["replica-1", "replica-2"]);
}

#[test]
fn without_the_router_nobody_is_served_and_nothing_is_vouched_for() {
    let mut stand = Stand::new();
    stand.deployed();
    stand.end_router();
    let ran = stand.rollback(&[]);
    failed(&stand, &ran, &["failed  router: HAProxy does not answer", "/ready is not 200"]);
    assert_eq!(stand.image_of("canary"), None);
}

#[test]
fn words_that_make_no_sense_are_refused_before_anything() {
    let stand = Stand::new();
    for (words, part) in [
        (&["--remove-volumes", "yes"] as &[&str], "--remove-volumes is 0 or 1, not yes"),
        (&["--remove-volumes"], "--remove-volumes needs a value"),
        (&["now"], "there is no argument now"),
        (&["--compose-file", "no.yml"], "there is no compose file no.yml"),
    ] {
        stand.script("canary-rollback.sh", words).check(64, &[part]);
    }
    stand.put("engine.json", &json!(""));
    stand.rollback(&[]).check(69, &["no Docker engine answers"]);
    assert_eq!(stand.changes(), Vec::<String>::new());
}
