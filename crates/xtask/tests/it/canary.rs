//! A canary that is deployed as it should be.

use std::{fs, process::Stdio};

use serde_json::json;

use crate::{
    stand::{NEW, OLD, Stand, kind},
    tree::{run, until},
};

#[test]
fn it_stands_by_without_a_client_and_what_ran_before_is_recorded() {
    let stand = Stand::new();
    let ran = stand.script("canary-deploy.sh", &["--json", "tidegate:next"]);
    ran.check(0, &["ok      canary: it is ready", "next: give it traffic"]);
    let evidence = ran.json();
    assert_eq!((&evidence["result"], &evidence["weight"]), (&json!("done"), &json!("0")));
    assert_eq!(evidence["canary"]["image"], NEW);
    assert_eq!(evidence, stand.evidence("canary"));
    assert_eq!(stand.image_of("canary").as_deref(), Some(NEW));
    let record = fs::read(stand.state("last-known-good.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["services"]["replica-1"], json!({"image": OLD, "name": "tidegate:local"}));
    assert_eq!(record["services"]["replica-2"]["image"], OLD);
    assert_eq!(
        (&record["migration_checksum"], &record["channel_prefix_sha256"]),
        (&json!("c1"), &json!("p1"))
    );
    for name in ["docker-compose.yml", "haproxy.cfg", "redis.conf"] {
        let kept = stand.state("files").join(record["files"][name].as_str().unwrap());
        assert_eq!(fs::read(kept).unwrap(), fs::read(stand.deploy().join(name)).unwrap(), "{name}");
    }
    // The old image has a name that no clean-up takes.
    assert_eq!(stand.known("images.json").unwrap()[record["kept_image"].as_str().unwrap()], OLD);
    until("HAProxy has found the canary", || {
        stand.router("show stat").lines().any(|line| {
            line.starts_with("tidegate,canary,") && line.split(',').nth(17) == Some("UP")
        })
    });
    assert_eq!(stand.who_answers(), ["replica-1", "replica-2"]);
    // What the stack does for the canary is told apart from what it would do for clients.
    stand.router("set server tidegate/canary weight 1");
    assert_eq!(stand.who_answers(), ["canary", "replica-1", "replica-2"]);
}

/// One that nobody gave a share serves nobody, also where it alone is left.
#[test]
fn it_serves_nobody_where_all_others_are_gone() {
    let stand = Stand::new();
    stand.deployed();
    for replica in ["replica-1", "replica-2"] {
        stand.router(&format!("set server tidegate/{replica} state maint"));
    }
    assert!(stand.get("/who").starts_with("HTTP/1.1 503"), "{}", stand.get("/who"));
    // A stream is a broken connection rather than an error status.
    assert_eq!(stand.get("/api/stream"), "");
}

#[test]
fn once_more_with_the_same_image_changes_nothing() {
    let stand = Stand::new();
    stand.deployed();
    let record = fs::read(stand.state("last-known-good.json")).unwrap();
    let canary = stand.known("containers/canary.json");
    stand.deployed();
    assert_eq!(fs::read(stand.state("last-known-good.json")).unwrap(), record);
    assert_eq!(stand.known("containers/canary.json"), canary);
}

#[test]
fn a_tag_alone_is_one_of_the_image_that_runs() {
    let stand = Stand::new();
    stand.script("canary-deploy.sh", &["next"]).check(0, &["tidegate:next is sha256:2222"]);
    assert_eq!(stand.image_of("canary").as_deref(), Some(NEW));
}

#[test]
fn status_says_what_runs_and_changes_nothing() {
    let stand = Stand::new();
    let ran = stand.script("canary-deploy.sh", &["--status"]);
    ran.check(1, &["there is no", "no canary was deployed from here"]);
    assert_eq!(
        ran.json()["running"]["replica-1"],
        json!({"image": OLD, "well": true, "reason": ""})
    );
    assert!(!stand.deploy().join("state").exists());
    stand.deployed();
    let before = stand.changes().len();
    let said = stand.script("canary-deploy.sh", &["--status"]);
    said.check(0, &[]);
    let said = said.json();
    assert_eq!((&said["running"]["canary"]["image"], &said["fault"]), (&json!(NEW), &json!("")));
    assert_eq!(said["canary"]["weight"], "0");
    assert_eq!(stand.changes().len(), before);
}

/// A person who interrupts a start leaves no canary behind.
#[test]
fn an_interrupt_takes_it_down_again() {
    let stand = Stand::new();
    let mut starting = kind();
    starting["ready"] = json!(503);
    stand.put(&format!("kinds/{NEW}.json"), &starting);
    let mut command = stand.command("canary-deploy.sh", &["tidegate:next", "--deadline", "600"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the canary is started", || stand.image_of("canary").is_some());
    run(std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]));
    let mut ended = None;
    until("the script has ended", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(1));
    assert_eq!(stand.image_of("canary"), None);
    assert_eq!(stand.evidence("canary")["result"], "failed");
}
