//! The workflow of the canary: what it may do, where it runs, and that no input is part of a script.

use std::{collections::BTreeSet, fs::File, process::Command};

use serde_json::{Value, json};

use crate::tree::{in_workspace, run, text_of};

const WORKFLOW: &str = ".github/workflows/step20-canary-rollback.yml";
const TO_JSON: &str =
    "import json,sys,yaml; json.dump(yaml.load(sys.stdin, yaml.BaseLoader), sys.stdout)";

fn workflow() -> Value {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", TO_JSON]);
    // With its own standard input, which `run` takes away.
    let done = python.stdin(File::open(in_workspace(WORKFLOW)).unwrap()).output().unwrap();
    serde_json::from_slice(&done.stdout).expect("`cargo xtask setup` installs python3-yaml")
}

fn steps(workflow: &Value) -> Vec<Value> {
    let jobs = workflow["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), 1);
    jobs["canary"]["steps"].as_array().unwrap().clone()
}

#[test]
fn a_person_starts_it_with_the_inputs_that_the_runbook_names() {
    let on = &workflow()["on"];
    assert_eq!(on.as_object().unwrap().keys().collect::<Vec<_>>(), ["workflow_dispatch"]);
    let inputs = &on["workflow_dispatch"]["inputs"];
    let names: BTreeSet<_> = inputs.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = ["action", "canary_remove_volumes", "compose_file", "image"];
    assert_eq!(names, BTreeSet::from(wanted));
    assert_eq!(inputs["action"]["type"], "choice");
    assert_eq!(inputs["action"]["options"], json!(["status", "deploy", "rollback"]));
    assert_eq!(inputs["action"]["default"], "status", "what changes nothing");
    assert_eq!(inputs["canary_remove_volumes"]["options"], json!(["0", "1"]));
    assert_eq!(inputs["canary_remove_volumes"]["default"], "0");
    let file = inputs["compose_file"]["default"].as_str().unwrap();
    assert!(in_workspace(file).is_file(), "{file}");
    // As the runbook says it.
    let runbook = text_of("runbooks/step22-production-cutover.run.md");
    for part in
        [WORKFLOW, "action=rollback", &format!("compose_file={file}"), "canary_remove_volumes=0"]
    {
        assert!(runbook.contains(part), "{part}");
    }
}

#[test]
fn it_is_held_by_the_environment_and_may_do_nothing_else() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"], json!({}));
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], "false");
    assert!(workflow["concurrency"]["group"].is_string());
    let job = &workflow["jobs"]["canary"];
    assert_eq!(job["environment"], "production");
    assert!(job["permissions"].is_null(), "no more than the workflow");
    assert!(job["timeout-minutes"].as_str().unwrap().parse::<u32>().unwrap() <= 60);
    // A machine that reaches production, by a label, and never one that is lent for a run.
    let labels = job["runs-on"].as_array().unwrap();
    assert_eq!(labels[0], "self-hosted");
    assert_eq!(labels[1], "${{ vars.TIDEGATE_RUNNER || 'tidegate-production' }}");
}

#[test]
fn no_input_is_part_of_a_script() {
    let workflow = workflow();
    let mut scripts = 0;
    for step in steps(&workflow) {
        let Some(script) = step["run"].as_str() else { continue };
        scripts += 1;
        assert!(!script.contains("${{"), "{script}");
        let checked = run(Command::new("bash").args(["-n", "-c", script]));
        assert_eq!(checked.code, Some(0), "{checked:?}");
    }
    assert!(scripts > 0);
    let inputs: Vec<_> = workflow["jobs"]["canary"]["env"]
        .as_object()
        .unwrap()
        .values()
        .map(|value| value.as_str().unwrap().to_owned())
        .collect();
    for input in ["action", "image", "compose_file", "canary_remove_volumes"] {
        assert!(inputs.contains(&format!("${{{{ inputs.{input} }}}}")), "{input}: {inputs:?}");
    }
}

/// What it calls is there, takes these options, and fails where the workflow's words are wrong.
#[test]
fn it_calls_the_scripts_as_they_are() {
    let all = steps(&workflow());
    let script = all[0]["run"].as_str().unwrap();
    for name in ["deploy/scripts/canary-deploy.sh", "deploy/scripts/canary-rollback.sh"] {
        assert!(script.contains(name) && in_workspace(name).is_file(), "{name}");
    }
    let lines = script.replace("\\\n", " ");
    for line in lines.lines().filter(|line| line.contains("deploy/scripts/")) {
        let path = line.split_whitespace().find(|word| word.starts_with("deploy/")).unwrap();
        let help = run(Command::new(in_workspace(path)).arg("--help"));
        for option in
            line.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2)
        {
            assert!(help.out.contains(option), "{path} has no {option}");
        }
    }
    let outcome = |action: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-e", "-o", "pipefail", "-c", script]).current_dir(in_workspace(""));
        bash.env("RUNNER_TEMP", folder.path()).env("ACTION", action).env("IMAGE", "$(touch pwned)");
        bash.env("COMPOSE_FILE_INPUT", "no such file.yml").env("REMOVE_VOLUMES", "0");
        run(&mut bash)
    };
    outcome("rollback").check(64, &["there is no compose file no such file.yml"]);
    outcome("deploy").check(64, &["`$(touch pwned)` is none"]);
    outcome("reboot").check(64, &["there is no action reboot"]);
    assert!(!in_workspace("pwned").exists());
}

#[test]
fn evidence_is_kept_also_after_a_failure_by_actions_that_can_not_change() {
    let all = steps(&workflow());
    let uses: Vec<_> = all.iter().filter(|step| step["uses"].is_string()).collect();
    assert_eq!(uses.len(), 1);
    for step in &uses {
        let (name, version) = step["uses"].as_str().unwrap().split_once('@').unwrap();
        assert_eq!(name, "actions/upload-artifact");
        let is_commit = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
        assert!(is_commit, "{version} can be moved to other code");
    }
    let upload = uses[0];
    assert_eq!(
        (&upload["if"], &upload["with"]["if-no-files-found"]),
        (&json!("always()"), &json!("error"))
    );
    let path = upload["with"]["path"].as_str().unwrap();
    for part in ["canary.json", "canary.log", "deploy/state/*.json"] {
        assert!(path.contains(part), "{part}");
    }
    // The files of `.env` are never among them.
    assert!(!path.contains(".env") && !path.contains("state/files"), "{path}");
}
