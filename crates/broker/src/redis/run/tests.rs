//! Runs and what they clear, as tables.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use event::{
    ForkKind::{Lossy, Whole},
    StreamName,
};

use super::{FleetRun, Guard, HEALING, On, Refusal, unless_elsewhere};
use crate::redis::{address::Host, healing::Who};

fn nodes(runs: &[(u16, &str)]) -> FleetRun {
    let host = |port| Host { name: "127.0.0.1".to_owned(), port };
    let nodes = runs.iter().map(|&(port, run)| (host(port), Arc::from(run)));
    FleetRun::of_nodes(nodes.collect::<BTreeMap<_, _>>())
}

fn runs(names: &[&str]) -> HashSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn any_node_that_is_another_makes_another_run() {
    let run = nodes(&[(1, "a"), (2, "b"), (3, "c")]);
    assert_eq!(run, nodes(&[(3, "c"), (1, "a"), (2, "b")]));
    for (other, is_covered) in [
        (nodes(&[(1, "a"), (2, "x"), (3, "c")]), false),
        (nodes(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")]), false),
        (nodes(&[(1, "a"), (2, "b")]), true),
    ] {
        assert_ne!(run.name(), other.name());
        assert_eq!(run.covers(&other), is_covered, "{other:?}");
    }
}

#[test]
fn a_log_is_used_once_its_server_is_cleared() {
    let guard = Guard::default();
    assert_eq!(guard.check("w", "a", None), Ok(Whole), "nobody heals");
    guard.close();
    assert_eq!(guard.check("w", "a", None).unwrap_err().reason, HEALING);
    guard.clear(&nodes(&[(1, "a"), (2, "b")]), Who::Everybody, runs(&["a", "b", "old"]));
    assert_eq!(guard.check("w", "a", Some("old")), Ok(Whole));
    guard.clear(&nodes(&[(1, "a"), (2, "x")]), Who::Everybody, runs(&["a", "x", "new"]));
    assert_eq!(guard.check("w", "b", None).unwrap_err().reason, HEALING);
    for (server, last, kind) in [
        ("a", Some("old"), Whole),
        ("a", Some("older"), Lossy),
        ("x", Some("new"), Whole),
        ("x", Some("old"), Lossy),
        ("x", Some("b"), Lossy),
        // Its slot moved from a node that goes on.
        ("x", Some("a"), Whole),
        ("a", Some("x"), Whole),
    ] {
        assert_eq!(guard.check("w", server, last), Ok(kind), "{server} {last:?}");
    }
}

#[test]
fn one_log_can_be_refused_alone() {
    let guard = Guard::default();
    guard.close();
    guard.clear(&nodes(&[(1, "a")]), Who::Everybody, HashSet::new());
    let stream = StreamName::Ops;
    let refusal = Refusal { stream: stream.clone(), reason: "why".to_owned() };
    guard.refuse("w", refusal.clone());
    assert_eq!(guard.check("w", "a", None).unwrap_err().reason, "why");
    assert_eq!(guard.check("v", "a", None), Ok(Whole));
    guard.lift_all_but(&HashSet::from([stream]));
    assert_eq!(guard.refused(), [refusal], "it was met again");
    guard.lift_all_but(&HashSet::new());
    assert_eq!(guard.refused(), []);
    assert_eq!(guard.check("w", "a", None), Ok(Whole));
}

#[test]
fn a_call_goes_only_to_the_server_it_is_meant_for() {
    let fleet = nodes(&[(1, "a"), (2, "b")]);
    for (on, run, may) in [
        (On::Any, "x", true),
        (On::Server("a"), "a", true),
        (On::Server("a"), "b", false),
        (On::Fleet(&fleet), "b", true),
        (On::Fleet(&fleet), "x", false),
    ] {
        assert_eq!(unless_elsewhere(on.check(run)), Ok(may.then_some(())), "{on:?} {run}");
    }
}
