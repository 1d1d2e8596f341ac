//! The way back to what was recorded.

use std::fs;

use serde_json::json;

use crate::{
    stand::{NEW, OLD, Stand, kind},
    tree::{Ran, until},
};

/// A rollback that says that it is done, and what has to hold then.
#[track_caller]
fn completed(stand: &Stand, ran: &Ran) {
    ran.check(0, &["completed: the last known good of"]);
    for replica in ["replica-1", "replica-2"] {
        assert_eq!(stand.image_of(replica).as_deref(), Some(OLD), "{ran:?}");
    }
    assert_eq!(stand.image_of("canary"), None);
    let evidence = stand.evidence("rollback");
    assert_eq!(evidence["result"], "done");
    assert_eq!(evidence["after"]["replica-1"], OLD);
    assert_eq!(evidence["recorded"]["services"]["replica-2"]["image"], OLD);
    let steps = evidence["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["at"].is_string()), "{evidence}");
    assert_eq!(steps.iter().filter(|step| step["what"] == "verify").count(), 1);
}

#[test]
fn a_canary_with_clients_is_taken_out_and_ended() {
    let stand = Stand::new();
    stand.deployed();
    stand.router("set server tidegate/canary weight 1");
    until("the canary has clients", || stand.who_answers().contains(&"canary".to_owned()));
    let ran = stand.rollback(&["--json"]);
    completed(&stand, &ran);
    assert_eq!(ran.json(), stand.evidence("rollback"));
    assert_eq!(stand.evidence("rollback")["before"]["canary"], NEW);
    assert_eq!(stand.who_answers(), ["replica-1", "replica-2"]);
    let changes = stand.changes();
    assert!(
        !changes.iter().any(|line| line.contains("up") && line.contains("replica")),
        "{changes:?}"
    );
    assert_eq!(stand.known("volumes.json"), Some(json!(["tidegate_canary"])), "it is kept");
    // Once more it has nothing to do, and after it a canary can be deployed again.
    completed(&stand, &stand.rollback(&[]));
    stand.deployed();
}

#[test]
fn promoted_replicas_are_made_anew_one_after_the_other() {
    let stand = Stand::new();
    stand.deployed();
    for replica in ["replica-1", "replica-2"] {
        stand.run_container(replica, NEW, "tidegate:next");
    }
    let env = stand.deploy().join(".env");
    let text = fs::read_to_string(&env).unwrap() + "TIDEGATE_IMAGE=tidegate:next\n";
    fs::write(&env, text).unwrap();
    let ran = stand.rollback(&[]);
    completed(&stand, &ran);
    // The settings would bring the other image back.
    let parts =
        ["set TIDEGATE_IMAGE=tidegate:last-known-good-111111111111", "would start tidegate:next"];
    ran.check(0, &parts);
    let [before, after] = ["before", "after"].map(|at| stand.evidence("rollback")[at].clone());
    assert_eq!((&before["replica-1"], &after["replica-1"]), (&json!(NEW), &json!(OLD)));
}

#[test]
fn a_replica_of_the_right_image_that_is_not_well_is_made_anew() {
    let stand = Stand::new();
    stand.deployed();
    let mut ended = stand.known("containers/replica-2.json").unwrap();
    ended["status"] = json!("exited");
    stand.put("containers/replica-2.json", &ended);
    completed(&stand, &stand.rollback(&[]));
    assert_ne!(stand.known("containers/replica-2.json").unwrap()["id"], ended["id"]);
}

#[test]
fn the_volume_goes_where_that_is_asked_and_nothing_waits_in_it() {
    let stand = Stand::new();
    stand.deployed();
    completed(&stand, &stand.rollback(&["--remove-volumes", "1"]));
    assert_eq!(stand.known("volumes.json"), Some(json!([])));
    assert_eq!(stand.evidence("rollback")["canary_volume"], "removed");
    // Where there is none any more, that is no failure.
    completed(&stand, &stand.rollback(&["--remove-volumes", "1"]));
}

#[test]
fn events_that_wait_keep_the_volume_and_that_is_told() {
    let stand = Stand::new();
    stand.deployed();
    let mut spooling = kind();
    spooling["spool"] = json!(3);
    stand.put(&format!("kinds/{NEW}.json"), &spooling);
    let ran = stand.rollback(&["--remove-volumes", "1"]);
    ran.check(1, &["the canary's volume was kept; events that wait in it: 3"]);
    assert_eq!(stand.known("volumes.json"), Some(json!(["tidegate_canary"])));
    assert_eq!(stand.image_of("canary"), None, "the canary is ended all the same");
}
