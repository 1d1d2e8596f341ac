//! That all there is to play is played.

use std::collections::BTreeSet;
use std::fs;

use super::*;

fn names_ending_in(end: &str) -> BTreeSet<String> {
    let folder = fs::read_dir(workspace::root().join(RUNBOOKS)).expect("it is there");
    let names = folder.map(|entry| entry.expect("it can be listed").file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(end)?.to_owned()));
    names.collect()
}

#[test]
fn every_script_is_played() {
    let played: BTreeSet<_> = REHEARSALS.iter().map(|it| it.name()).collect();
    assert_eq!(played, names_ending_in(".rehearsal.toml"));
}

#[test]
fn every_runbook_is_played() {
    let played: BTreeSet<_> = REHEARSALS.iter().map(|it| it.runbook.to_owned()).collect();
    assert_eq!(played, names_ending_in(".run.md"));
}

#[test]
fn a_candidate_is_given_to_scripts_that_start_one() {
    for rehearsal in REHEARSALS {
        let file = workspace::root().join(rehearsal.script());
        let script = fs::read_to_string(file).expect("it can be read");
        let starts = ["do = \"deploy-candidate\"", "do = \"promote\"", "candidate = true"];
        let has_candidate = script.lines().any(|line| starts.contains(&line.trim()));
        assert_eq!(has_candidate, rehearsal.has_candidate, "{}", rehearsal.name());
    }
}

#[test]
fn what_is_left_out_is_named_and_a_failure_is_one() {
    assert_eq!(outcome(2, &[], &[]), Outcome::Passed("rehearsals: 2".into()));
    let left_out = outcome(1, &[], &["rollback-rehearsal".into()]);
    let Outcome::LeftOut(text) = left_out else { panic!("{left_out:?}") };
    assert!(text.ends_with("LEFT OUT, surreal-server: rollback-rehearsal"), "{text}");
    let failed = outcome(1, &["x did not pass".into()], &["y".into()]);
    assert_eq!(failed, Outcome::Failed("x did not pass".into()));
}
