//! The scripts beside the runbooks of this tree: each can be played, as far as can be told without a
//! stack.

use std::{fs, path::PathBuf};

use rehearsal::Script;
use runbook::{Mode, Options, plan};

const END: &str = ".rehearsal.toml";

fn runbooks() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../runbooks")
}

/// Reads a script against the runbook that stands first in its name.
#[track_caller]
fn check(name: &str) {
    let text = fs::read_to_string(runbooks().join(name)).expect("it was listed");
    let script = Script::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let runbook = name.split('.').next().unwrap_or_default();
    let document =
        fs::read_to_string(runbooks().join(format!("{runbook}.run.md"))).expect("it stands beside");
    let options = Options { mode: Some(Mode::Rehearsal), environment: script.environment.clone() };
    let planned = plan(&document, &options);
    let plan = planned.plan.unwrap_or_else(|| panic!("{name}: {:?}", planned.problems));
    script.check(&plan).unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn every_script_is_one_for_its_runbook() {
    let names = fs::read_dir(runbooks()).unwrap().map(|it| it.unwrap().file_name());
    let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    let scripts: Vec<_> = names.iter().filter(|name| name.ends_with(END)).collect();
    for runbook in names.iter().filter_map(|name| name.strip_suffix(".run.md")) {
        assert!(scripts.contains(&&format!("{runbook}{END}")), "{runbook} has no script");
    }
    for script in scripts {
        check(script);
    }
}
