//! The ratchet turns one way.

use std::collections::BTreeSet;

use super::Baseline;
use crate::tidy::breach::Breach;
use crate::tidy::rule::Rule;
use crate::tidy::source::Source;

const BASELINE: &str = "[unwrap]\n\"a.rs\" = 2\n";

fn unwraps(path: &str, excess: &[usize]) -> Vec<Breach> {
    let source = Source::plain(path, "");
    let breach = |excess: &usize| Breach::new(Rule::Unwrap, &source, 7, "x").with_excess(*excess);
    excess.iter().map(breach).collect()
}

fn complaints(breaches: Vec<Breach>) -> Vec<String> {
    Baseline::parse(BASELINE).expect("a valid baseline").hold_against(breaches)
}

#[test]
fn what_the_baseline_allows_passes() {
    assert!(complaints(unwraps("a.rs", &[1, 1])).is_empty());
    assert!(complaints(unwraps("a.rs", &[2])).is_empty());
}

#[test]
fn a_new_breach_fails_with_place_advice_and_rule() {
    let both = [unwraps("a.rs", &[2]), unwraps("b.rs", &[1])].concat();
    let advice = Rule::Unwrap.advice();
    assert_eq!(complaints(both), [format!("b.rs:7: x; {advice} [unwrap]")]);
}

#[test]
fn growth_fails() {
    let grown = complaints(unwraps("a.rs", &[1, 1, 1]));
    assert_eq!(grown.len(), 3);
    assert!(grown[0].ends_with("(the baseline allows 2, found 3)"), "{}", grown[0]);
}

#[test]
fn an_entry_beyond_the_need_must_go_down() {
    let lower = complaints(unwraps("a.rs", &[1]));
    assert_eq!(lower, ["crates/xtask/tidy.toml: `a.rs`: lower `unwrap` from 2 to 1"]);
    let remove = complaints(Vec::new());
    let expected = "crates/xtask/tidy.toml: `a.rs`: no breach of `unwrap` is left; remove it";
    assert_eq!(remove, [expected]);
}

#[test]
fn a_wrong_baseline_is_refused() {
    for wrong in ["[nonesuch]\n\"a.rs\" = 1", "[unwrap]\n\"a.rs\" = 0", "unwrap = 1", "["] {
        assert!(Baseline::parse(wrong).is_err(), "{wrong}");
    }
    assert!(Baseline::parse("# nothing\n").is_ok());
}

#[test]
fn rule_names_are_unique() {
    let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
}
