//! Which steps a selection takes.

use std::collections::BTreeSet;

use super::{STEPS, Selection, choose, named, names};
use crate::step::{Pace, Step};

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
    assert_eq!(by_hand, ["release-all", "fuzz"]);
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
