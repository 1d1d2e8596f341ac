//! Every script: it can be run, as git keeps it, and says what it does.

use std::process::Command;

use crate::tree::{files_below, in_workspace, run, text_of};

fn scripts() -> Vec<String> {
    let all = [files_below("deploy/scripts"), files_below("scripts")].concat();
    all.into_iter().filter(|path| path.ends_with(".sh")).collect()
}

#[test]
fn the_ones_that_runbooks_name_are_there() {
    let scripts = scripts();
    for name in [
        "deploy/scripts/canary-deploy.sh",
        "deploy/scripts/canary-rollback.sh",
        "deploy/scripts/production-cutover-preflight.sh",
        "scripts/release-gates-surreal.sh",
        "scripts/perf_tx_pipeline_baseline.sh",
        "scripts/verify_phase_checks.sh",
    ] {
        assert!(scripts.iter().any(|path| path == name), "{name} is not in {scripts:?}");
    }
}

/// What the run bit is here is one thing; what a clone gets is what git has.
#[test]
fn git_keeps_their_run_bit() {
    for script in scripts() {
        let kept = run(Command::new("git")
            .args(["ls-files", "--stage", "--", &script])
            .current_dir(in_workspace("")));
        assert!(kept.out.is_empty() || kept.out.starts_with("100755 "), "{}", kept.out);
        let is_set = Command::new("test").arg("-x").arg(in_workspace(&script)).status().unwrap();
        assert!(is_set.success(), "{script} has no run bit");
    }
}

#[test]
fn bash_takes_them_and_they_stop_at_the_first_error() {
    for script in scripts() {
        let text = text_of(&script);
        assert!(text.starts_with("#!/usr/bin/env bash\n"), "{script}");
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(first, Some("set -euo pipefail"), "{script}");
        let read = run(Command::new("bash").arg("-n").arg(in_workspace(&script)));
        assert_eq!((read.code, &*read.err), (Some(0), ""), "{script}");
    }
}

/// Where it is installed; it is no need of the tests.
#[test]
fn shellcheck_finds_no_fault() {
    let Ok(version) = Command::new("shellcheck").arg("--version").output() else { return };
    assert!(version.status.success());
    for script in scripts() {
        let mut command = Command::new("shellcheck");
        command.args(["--severity=warning", "--external-sources"]).arg(in_workspace(&script));
        let checked = run(command.current_dir(in_workspace("deploy/scripts")));
        assert_eq!(checked.code, Some(0), "{script}: {}", checked.out);
    }
}

#[test]
fn each_says_what_it_does_with_an_example_and_its_exit_codes() {
    for script in scripts().iter().filter(|path| path.starts_with("deploy/")) {
        if script.ends_with("/stack.sh") {
            continue;
        }
        let help = run(Command::new(in_workspace(script)).arg("--help"));
        assert_eq!(help.code, Some(0), "{help:?}");
        for part in
            [&format!("Example: {script} "), "--json", "0 where", "1 where", "64 where", "69 where"]
        {
            assert!(help.out.contains(part), "{part:?} is not in {}", help.out);
        }
        let name = script.rsplit('/').next().unwrap();
        let options = help.out.lines().filter_map(|line| line.trim().strip_prefix("--"));
        for option in options.filter_map(|line| line.split([' ', ',']).next()) {
            let code = [text_of(script), text_of("deploy/scripts/stack.sh")].concat();
            assert!(
                code.contains(&format!("--{option})")) || code.contains(&format!("--{option} ")),
                "{name}"
            );
        }
    }
}
