//! Which steps a selection takes.

use std::collections::BTreeSet;
use std::fs;

use super::{STEPS, Selection, choose, named, names};
use crate::step::{Pace, Step};
use crate::workspace;

fn chosen(selection: &Selection) -> Vec<&'static str> {
    choose(selection).iter().map(|step| step.name).collect()
}

#[test]
fn names_are_unique() {
    assert_eq!(names().iter().collect::<BTreeSet<_>>().len(), STEPS.len());
}

#[test]
fn all_leaves_what_is_taken_by_name_and_fast_the_long_ones() {
    let all = chosen(&Selection::All);
    let by_hand: Vec<_> = names().into_iter().filter(|name| !all.contains(name)).collect();
    assert_eq!(by_hand, ["release-build", "release-all", "phase", "fuzz"]);
    assert_eq!(chosen(&Selection::Only(vec!["fuzz".into()])), ["fuzz"]);
    let fast = choose(&Selection::Fast);
    assert!(fast.len() < STEPS.len());
    assert!(fast.iter().all(|step: &Step| step.pace == Pace::Quick));
}

#[test]
fn only_keeps_the_order_of_the_table() {
    let only = Selection::Only(vec!["deny".into(), "format".into()]);
    assert_eq!(chosen(&only), ["format", "deny"]);
    assert_eq!(named(&["docs", "clippy"]).len(), 2);
}

#[test]
fn the_commands_that_the_runbooks_name_are_steps() {
    let shown: Vec<String> = STEPS.iter().map(Step::shown).collect();
    for test in [
        "binary_bootstrap_uses_runtime_builder_contract",
        "default_state_is_pure_and_does_not_spawn_ingest",
    ] {
        let line = format!("cargo test -p viz-api {test} -- --exact");
        assert!(shown.contains(&line), "{line}");
    }
}

/// A build with the feature `inject` fails on purpose where it is told to.
#[test]
fn what_is_released_has_no_feature_for_tests() {
    let image = fs::read_to_string(workspace::root().join("Dockerfile")).expect("it is there");
    let steps = STEPS.iter().map(Step::shown);
    let lines: Vec<_> = steps.chain(image.lines().map(str::to_owned)).collect();
    let releases = lines.iter().filter(|line| line.contains("--release"));
    assert!(releases.clone().count() >= 3, "{lines:#?}");
    for line in releases {
        assert!(!line.contains("features") && !line.contains("-F"), "{line}");
    }
    assert!(!image.contains("inject") && !image.contains("features"), "{image}");
    // Features of dependencies are switched on in manifests too.
    let crates = fs::read_dir(workspace::root().join("crates")).expect("it is there");
    for folder in crates {
        let manifest = folder.expect("it can be listed").path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("each crate has one");
        let (dependencies, features) = text.split_once("\n[features]").unwrap_or((&text, ""));
        assert!(!dependencies.contains("inject"), "{}", manifest.display());
        let mut defaults = features.lines().filter(|line| line.starts_with("default"));
        assert!(!defaults.any(|line| line.contains("inject")), "{}", manifest.display());
    }
    let root = fs::read_to_string(workspace::root().join("Cargo.toml")).expect("it is there");
    assert!(!root.contains("inject"), "of the workspace");
}
