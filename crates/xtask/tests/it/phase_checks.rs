//! `scripts/verify_phase_checks.sh` with a cargo that says what the test wants: which ends pass.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::json;

use crate::tree::{Ran, in_workspace, run};

const ONE: &str = "running 1 test\ntest it ... ok\n\nrunning 0 tests\n";

/// Runs the script; `answers` are cases of a shell over cargo's words, all others succeed as one test.
fn verify(folder: &Path, answers: &str, words: &[&str]) -> Ran {
    let cargo = folder.join("cargo");
    let body = format!("#!/bin/sh\ncase \"$*\" in\n{answers}\n*) printf '{ONE}' ;;\nesac\n");
    fs::write(&cargo, body).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("bash");
    command.arg(in_workspace("scripts/verify_phase_checks.sh")).args(words);
    run(command.env("CARGO", &cargo).env("TMPDIR", folder))
}

#[test]
fn all_steps_pass_or_the_one_that_fails_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let passed = verify(folder.path(), "", &[]);
    passed.check(0, &[]);
    assert!(passed.out.contains("PASS  5 of 5 steps pass"), "{passed:?}");
    let failed = verify(folder.path(), "*clippy*) echo 'a lint' >&2; exit 101 ;;", &[]);
    failed.check(1, &["a lint"]);
    assert!(failed.out.contains("FAIL  lints"), "{failed:?}");
    assert!(failed.out.contains("FAIL  4 of 5 steps pass"), "the others run: {failed:?}");
    let document = verify(folder.path(), "*fmt*) exit 1 ;;", &["--json"]).json();
    assert_eq!(document["verdict"], "FAIL");
    assert_eq!(document["checks"][0], json!({"name": "format", "verdict": "FAIL", "seconds": 0}));
    assert_eq!(document["checks"].as_array().map(Vec::len), Some(5));
}

/// A test that was renamed must not pass unseen.
#[test]
fn a_named_test_runs_once_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let only = ["--only", "default-state-is-pure"];
    verify(folder.path(), "", &only).check(0, &[]);
    for said in [
        "running 0 tests\n",
        "running 1 test\ntest it ... FAILED\n",
        "running 1 test\ntest it ... ignored\n",
        "running 1 test\ntest it ... ok\nrunning 1 test\ntest it ... ok\n",
        "",
    ] {
        let ran = verify(folder.path(), &format!("*exact*) printf '{said}' ;;"), &only);
        ran.check(1, &[]);
        assert!(ran.out.contains("did not run exactly one test"), "{said:?}: {ran:?}");
    }
}

#[test]
fn words_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    verify(folder.path(), "", &["--only", "nothing"]).check(64, &["there is no step nothing"]);
    verify(folder.path(), "", &["--only"]).check(64, &["--only needs a value"]);
    verify(folder.path(), "", &["--fast"]).check(64, &["there is no argument --fast"]);
    let mut command = Command::new("bash");
    command.arg(in_workspace("scripts/verify_phase_checks.sh")).env("CARGO", "/nowhere/cargo");
    run(&mut command).check(69, &["install Rust"]);
    let listed = verify(folder.path(), "", &["--list"]);
    assert_eq!(listed.out.lines().count(), 5, "{listed:?}");
}
