//! A canary that is refused, or taken down again.

use serde_json::{Value, json};

use crate::{
    stand::{NEW, OLD, Stand, kind},
    tree::run,
};

/// Deploys the new image where it, or the stack, is not as it should be: no canary is left.
#[track_caller]
fn refused(stand: &Stand, code: i32, parts: &[&str]) {
    let ran = stand.script("canary-deploy.sh", &["tidegate:next", "--deadline", "2"]);
    ran.check(code, parts);
    assert!(!ran.err.contains("next:"), "{ran:?}");
    assert_eq!(stand.image_of("canary"), None, "{ran:?}");
    for replica in ["replica-1", "replica-2"] {
        let changes = stand.changes();
        assert!(!changes.iter().any(|line| line.contains(replica)), "{changes:?}");
    }
}

fn with_kind(name: &str, value: Value) -> Stand {
    let stand = Stand::new();
    let mut changed = kind();
    changed[name] = value;
    stand.put(&format!("kinds/{NEW}.json"), &changed);
    stand
}

#[test]
fn one_that_does_not_get_ready_is_taken_down() {
    let stand = with_kind("ready", json!(503));
    let parts = [
        "the canary is not well: canary is not ready: the database can't be reached (looked for 2 s)",
        "the log of a container",
        "it is down again; no stable replica was touched",
    ];
    refused(&stand, 1, &parts);
    let evidence = stand.evidence("canary");
    assert_eq!(evidence["result"], "failed");
    assert!(stand.router("get weight tidegate/canary").starts_with("0 "));
    // What was recorded before stays good.
    assert!(stand.state("last-known-good.json").exists());
}

#[test]
fn one_that_ends_at_once_is_told_with_its_code() {
    refused(&with_kind("status", json!("exited")), 1, &["canary ended: exit code 64"]);
}

#[test]
fn one_with_other_migrations_is_not_started() {
    let stand = with_kind("lacks", json!("it lacks 0007_seen.surql"));
    refused(&stand, 1, &["do not agree on migrations: it lacks 0007_seen.surql", "docs/deploy.md"]);
    assert!(!stand.changes().iter().any(|line| line.contains(" up ")));
    refused(&with_kind("checksum", json!("c2")), 1, &["the release has the migration checksum c2"]);
}

#[test]
fn one_with_another_prefix_is_taken_down() {
    let parts = ["the canary has another CHAT_REALTIME_CHANNEL_PREFIX", "it is down again"];
    refused(&with_kind("prefix", json!("p2")), 1, &parts);
}

#[test]
fn one_that_can_not_be_taken_down_is_told_loudly() {
    let stand = with_kind("ready", json!(503));
    stand.put("stuck", &json!(true));
    let ran = stand.script("canary-deploy.sh", &["tidegate:next", "--deadline", "1"]);
    ran.check(1, &["IT IS NOT DOWN", "docker rm --force canary-1"]);
}

#[test]
fn a_stack_that_is_not_well_is_no_good_to_come_back_to() {
    let stand = Stand::new();
    let mut sick = kind();
    sick["ready"] = json!(503);
    stand.put(&format!("kinds/{OLD}.json"), &sick);
    refused(&stand, 1, &["the stack is not well: replica-1 is not ready", "mend it first"]);
    assert!(!stand.state("last-known-good.json").exists());
}

#[test]
fn replicas_of_two_images_are_no_good_to_come_back_to() {
    let stand = Stand::new();
    stand.run_container("replica-2", NEW, "tidegate:next");
    refused(&stand, 1, &["stable replicas run different images"]);
}

#[test]
fn an_image_that_is_nowhere_is_told() {
    let stand = Stand::new();
    let ran = stand.script("canary-deploy.sh", &["registry.example/tidegate:9"]);
    ran.check(69, &["there is no image registry.example/tidegate:9"]);
}

#[test]
fn another_canary_and_one_with_a_share_are_left_alone() {
    let stand = Stand::new();
    stand.deployed();
    stand.router("set server tidegate/canary weight 3");
    let again = stand.script("canary-deploy.sh", &["tidegate:next"]);
    again.check(1, &["the canary's weight in HAProxy is `3`, not 0", "canary-rollback.sh"]);
    stand.router("set server tidegate/canary weight 0");
    let other = stand.script("canary-deploy.sh", &["tidegate:local"]);
    other.check(1, &["another canary is there: tidegate:next"]);
    assert_eq!(stand.image_of("canary").as_deref(), Some(NEW));
}

#[test]
fn words_that_make_no_sense_are_refused_before_anything() {
    let stand = Stand::new();
    for (words, part) in [
        (&[] as &[&str], "which image?"),
        (&["a", "b"], "one image at a time"),
        (&["--", "--status"], "`--status` is none"),
        (&["a; rm -rf x"], "is none"),
        (&["--weight", "3", "a"], "there is no option --weight"),
        (&["--deadline", "soon", "a"], "--deadline is a number"),
        (&["a", "--deadline"], "--deadline needs a value"),
        (&["--compose-file", "no.yml", "a"], "there is no compose file no.yml"),
    ] {
        stand.script("canary-deploy.sh", words).check(64, &[part]);
    }
    assert_eq!(stand.changes(), Vec::<String>::new());
}

#[test]
fn without_an_engine_or_settings_it_says_so() {
    let stand = Stand::new();
    stand.put("engine.json", &json!(""));
    stand.script("canary-deploy.sh", &["a"]).check(69, &["no Docker engine answers"]);
    std::fs::remove_file(stand.deploy().join(".env")).unwrap();
    stand.script("canary-deploy.sh", &["a"]).check(64, &["there is no", ".env", "example.env"]);
}

#[test]
fn two_at_once_are_one() {
    let stand = Stand::new();
    stand.deployed();
    let script = stand.command("canary-rollback.sh", &[]);
    let mut locked = std::process::Command::new("flock");
    locked.arg(stand.state("lock")).arg(script.get_program());
    locked.envs(script.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run(&mut locked).check(1, &["another deploy or rollback is under way"]);
    assert_eq!(stand.image_of("canary").as_deref(), Some(NEW));
}
