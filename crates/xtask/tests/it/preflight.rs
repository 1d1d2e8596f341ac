//! The preflight: what it finds in a fresh clone, and on a machine of production.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{checkout::Checkout, tree::Ran};

const ENV: &str = "deploy/.env";

/// A file of settings that is as it should be.
const GOOD: &str = "COMPOSE_PROJECT_NAME=tidegate\nTIDEGATE_KEYS=acme=tg_7Hq2mX9Lw0\n\
    REDIS_PASSWORD=0123456789abcdef0123\nSURREAL_USER=operator\nSURREAL_PASS=fedcba98765432100123\n";

/// Returns the check with this name, as `--json` has it.
#[track_caller]
fn check<'a>(said: &'a Value, name: &str) -> &'a Value {
    let checks = said["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {said:#}"))
}

#[track_caller]
fn found(said: &Value, name: &str, verdict: &str, part: &str) {
    let check = check(said, name);
    assert_eq!(check["verdict"], verdict, "{said:#}");
    assert!(check["seen"].as_str().unwrap().contains(part), "{part:?} is not in {check}");
    let is_advised = !check["advice"].as_str().unwrap().is_empty();
    assert!(verdict == "PASS" || verdict == "SKIP" || is_advised, "{check}");
}

fn write_env(checkout: &Checkout, text: &str, mode: u32) {
    fs::write(checkout.path(ENV), text).unwrap();
    fs::set_permissions(checkout.path(ENV), fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes a program that prints and ends so, in a folder for the path.
fn program(folder: &Path, name: &str, body: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A machine of production, as far as programs tell: Docker answers, the clock is right.
fn production(folder: &Path) {
    program(folder, "docker", "case $1 in info) echo ok ;; *) exit 1 ;; esac");
    program(folder, "timedatectl", "echo yes");
}

#[test]
fn a_fresh_clone_is_ready_and_stays_as_it_is() {
    let checkout = Checkout::new();
    let before = checkout.shape();
    // The machine of a test may have little room.
    let ran = checkout.preflight(&["--disk-mb", "1"], None);
    ran.check(0, &[]);
    let last = ran.out.lines().last().unwrap();
    assert!(last.starts_with("PASS  checkout: ") && last.contains(" 0 failed"), "{ran:?}");
    // What a clone lacks on purpose is told apart.
    assert!(
        ran.out.contains("SKIP  env              a checkout has no .env, on purpose"),
        "{ran:?}"
    );
    let said = checkout.preflight(&["--json", "--disk-mb", "1"], None).json();
    found(&said, "files", "PASS", "runbooks/step22-production-cutover.run.md");
    found(&said, "scripts", "PASS", "every script can be run");
    found(&said, "compose-file", "PASS", "compose takes it; values were made up");
    found(&said, "router-file", "PASS", "HAProxy takes haproxy.cfg");
    found(&said, "commit", "PASS", "nothing differs from it");
    assert_eq!(checkout.shape(), before);
}

#[test]
fn production_needs_what_a_clone_lacks() {
    let (checkout, programs) = (Checkout::new(), tempfile::tempdir().unwrap());
    production(programs.path());
    let reports = ["step20-release-rollback-report.md", "step21-handover-report.md"];
    let reports = reports.map(|name| checkout.path("docs/acceptance").join(name));
    reports.iter().for_each(|report| fs::remove_file(report).unwrap());
    checkout.commit();
    let words = ["--environment", "production", "--disk-mb", "1", "--json"];
    let said = |code: i32| {
        let ran = checkout.preflight(&words, Some(programs.path()));
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran.json()
    };
    let without = said(1);
    found(&without, "env", "FAIL", "there is no deploy/.env");
    found(&without, "reports", "FAIL", "docs/acceptance/step20-release-rollback-report.md");
    write_env(&checkout, GOOD, 0o600);
    for report in &reports {
        fs::create_dir_all(report.parent().unwrap()).unwrap();
        fs::write(report, "a report").unwrap();
    }
    checkout.commit();
    // No tidegate: nothing fails, and one thing could not be looked at.
    let unlinted = said(69);
    assert_eq!(unlinted["verdict"], "ERROR");
    found(&unlinted, "runbooks", "SKIP", "there is no tidegate here");
    program(
        programs.path(),
        "no-such-tidegate",
        "echo \"Sound: $#\"; test \"$1 $2\" = 'runbook lint'",
    );
    let ready = said(0);
    assert_eq!(ready["verdict"], "PASS");
    found(&ready, "runbooks", "PASS", "Sound: 7");
    found(&ready, "env", "PASS", "every variable is set");
    found(&ready, "clock", "PASS", "synchronised");
    program(programs.path(), "timedatectl", "echo no");
    found(&said(1), "clock", "FAIL", "it is not synchronised");
    production(programs.path());
    program(programs.path(), "docker", "exit 1");
    found(&said(69), "engine", "SKIP", "no Docker engine answers");
    production(programs.path());
    program(
        programs.path(),
        "no-such-tidegate",
        "echo 'a.run.md: line 3: `x` is not read'; exit 1",
    );
    found(&said(1), "runbooks", "FAIL", "line 3: `x` is not read");
}

/// Runs the preflight over these settings.
fn with_env(checkout: &Checkout, text: &str, mode: u32) -> Ran {
    write_env(checkout, text, mode);
    let ran = checkout.preflight(&["--json"], None);
    for secret in ["tg_7Hq2mX9Lw0", "0123456789abcdef0123", "fedcba98765432100123", "short-one"] {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{ran:?}");
    }
    ran
}

#[test]
fn settings_are_checked_without_showing_one() {
    let checkout = Checkout::new();
    found(&with_env(&checkout, GOOD, 0o600).json(), "env", "PASS", "none is a placeholder");
    for (text, part) in [
        (GOOD.replace("=operator", "="), "SURREAL_USER is empty"),
        (GOOD.replace("SURREAL_USER=operator\n", ""), "SURREAL_USER is empty"),
        (GOOD.replace("=operator", "=<the user>"), "SURREAL_USER is a placeholder"),
        (GOOD.replace("=operator", "=changeme"), "SURREAL_USER is a placeholder"),
        (GOOD.replace("0123456789abcdef0123", "short-one"), "REDIS_PASSWORD has fewer than 16"),
        (GOOD.to_owned() + "TIDEGATE_IMGAE=x\n", "TIDEGATE_IMGAE is not known"),
    ] {
        let ran = with_env(&checkout, &text, 0o600);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        found(&ran.json(), "env", "FAIL", part);
    }
    let open = with_env(&checkout, GOOD, 0o644).json();
    found(&open, "env", "FAIL", "others can read it: chmod 600");
}

#[test]
fn what_is_missing_or_broken_in_the_tree_is_named() {
    let checkout = Checkout::new();
    let script = checkout.path("deploy/scripts/canary-rollback.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(checkout.path("docs/operations/handover-operations-manual.md")).unwrap();
    let compose = checkout.path("deploy/docker-compose.yml");
    let text = fs::read_to_string(&compose).unwrap();
    fs::write(compose, text.replace("services:", "servces:")).unwrap();
    let router = checkout.path("deploy/haproxy.cfg");
    let text = fs::read_to_string(&router).unwrap();
    fs::write(router, text.replace("balance leastconn", "balance nobody")).unwrap();
    let ran = checkout.preflight(&["--json", "--disk-mb", "999999999"], None);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = ran.json();
    found(&said, "scripts", "FAIL", "deploy/scripts/canary-rollback.sh has no run bit");
    found(&said, "files", "FAIL", "docs/operations/handover-operations-manual.md");
    found(&said, "compose-file", "FAIL", "compose refuses deploy/docker-compose.yml");
    found(&said, "router-file", "FAIL", "HAProxy refuses haproxy.cfg");
    found(&said, "commit", "FAIL", "4 files differ from the commit");
    found(&said, "disk", "FAIL", "999999999 are needed");
    for (words, part) in [
        (&["--environment", "staging"], "checkout or production, not staging"),
        (&["--disk-mb", "much"], "--disk-mb is a whole number"),
        (&["--compose-file", "no.yml"], "there is no compose file no.yml"),
    ] {
        checkout.preflight(words, None).check(64, &[part]);
    }
    checkout.preflight(&["now"], None).check(64, &["there is no argument now"]);
}
