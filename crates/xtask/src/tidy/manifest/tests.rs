//! Manifests that pass, and those that do not.

use super::check;
use crate::tidy::rule::Rule::{
    self, DependencyDirection, Unreadable, WorkspaceDependency, WorkspaceLints,
};
use crate::tidy::source::Source;

const LINTS: &str = "[lints]\nworkspace = true\n";

fn rules(path: &str, text: &str) -> Vec<(Rule, usize)> {
    check(&Source::plain(path, text)).iter().map(|breach| (breach.rule, breach.line)).collect()
}

fn broker(rest: &str) -> Vec<(Rule, usize)> {
    rules("crates/broker/Cargo.toml", &format!("{LINTS}{rest}"))
}

#[test]
fn dependencies_come_from_the_workspace() {
    assert_eq!(broker("[dependencies]\nevent.workspace = true\n"), []);
    assert_eq!(broker("[dependencies]\ntokio = { workspace = true, features = [\"fs\"] }\n"), []);
    assert_eq!(broker("[dependencies]\n\ntokio = \"1\"\n"), [(WorkspaceDependency, 5)]);
    assert_eq!(broker("[dev-dependencies]\nx = { path = \"x\" }\n"), [(WorkspaceDependency, 4)]);
    let target = "[target.'cfg(unix)'.dependencies]\nmio = \"1\"\n";
    assert_eq!(broker(target), [(WorkspaceDependency, 4)]);
}

#[test]
fn dependencies_lead_one_way() {
    let wrong = "[dependencies]\ndelivery.workspace = true\n";
    assert_eq!(broker(wrong), [(DependencyDirection, 4)]);
    let in_tests = "[dev-dependencies]\nviz-api.workspace = true\n";
    assert_eq!(broker(in_tests), [(DependencyDirection, 4)]);
    let itself = "[dev-dependencies]\nbroker = { workspace = true, features = [\"x\"] }\n";
    assert_eq!(broker(itself), []);
    assert_eq!(rules("crates/nonesuch/Cargo.toml", LINTS), [(DependencyDirection, 1)]);
}

#[test]
fn lints_come_from_the_workspace() {
    let path = "crates/event/Cargo.toml";
    assert_eq!(rules(path, LINTS), []);
    assert_eq!(rules(path, ""), [(WorkspaceLints, 1)]);
    assert_eq!(rules(path, "[lints]\nworkspace = false\n"), [(WorkspaceLints, 1)]);
}

#[test]
fn a_broken_manifest_is_a_breach() {
    assert_eq!(rules("crates/event/Cargo.toml", "[lints"), [(Unreadable, 1)]);
}

#[test]
fn only_crates_are_checked() {
    assert_eq!(rules("Cargo.toml", "[dependencies]\nx = \"1\"\n"), []);
    assert_eq!(rules("crates/event/fuzz/Cargo.toml", ""), []);
}
