//! Which of our crates may know which: a star around `event`, wired by thin leaves.
//!
//! A crate that is not in the table may not be there: its row is the decision where it stands.

use super::Dependency;
use crate::tidy::breach::Breach;
use crate::tidy::rule::Rule;
use crate::tidy::source::Source;

/// Each crate with those of ours that it may depend on, in tests too.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("faults", &[]),
    ("testkit", &[]),
    ("guard", &[]),
    ("chain", &["faults"]),
    ("feature", &["chain"]),
    ("search", &["chain"]),
    ("journal", &["faults"]),
    ("sim", &["chain"]),
    ("projection", &["chain"]),
    ("evidence", &[]),
    ("traffic", &["guard"]),
    ("runbook", &["guard", "evidence"]),
    ("conductor", &["runbook", "guard", "evidence"]),
    ("deployment", &["conductor", "runbook", "guard", "evidence", "traffic"]),
    ("broker", &["event", "faults"]),
    ("delivery", &["event", "broker"]),
    ("store", &["faults"]),
    (
        "node-runtime",
        &[
            "event",
            "faults",
            "evidence",
            "broker",
            "delivery",
            "chain",
            "feature",
            "journal",
            "projection",
            "search",
            "sim",
        ],
    ),
    (
        "viz-api",
        &[
            "event",
            "faults",
            "testkit",
            "evidence",
            "broker",
            "delivery",
            "chain",
            "feature",
            "projection",
            "search",
            "sim",
            "node-runtime",
        ],
    ),
    (
        "gotong-api",
        &[
            "event",
            "faults",
            "testkit",
            "evidence",
            "broker",
            "delivery",
            "store",
            "node-runtime",
            "viz-api",
        ],
    ),
    (
        "console-api",
        &["event", "evidence", "guard", "node-runtime", "runbook", "conductor", "viz-api"],
    ),
    (
        "bench",
        &[
            "event",
            "chain",
            "feature",
            "search",
            "sim",
            "guard",
            "evidence",
            "runbook",
            "conductor",
        ],
    ),
    ("chaos", &["event", "faults"]),
    (
        "rehearsal",
        &["event", "faults", "guard", "evidence", "traffic", "runbook", "conductor", "deployment"],
    ),
    (
        "tidegate",
        &[
            "event",
            "faults",
            "broker",
            "delivery",
            "node-runtime",
            "viz-api",
            "store",
            "gotong-api",
            "chain",
            "feature",
            "projection",
            "sim",
            "bench",
            "guard",
            "evidence",
            "runbook",
            "conductor",
            "console-api",
            "deployment",
            "rehearsal",
            "traffic",
        ],
    ),
    ("xtask", &[]),
];

/// Checks the dependencies of one crate on others of ours.
pub(super) fn check(source: &Source, name: &str, dependencies: &[Dependency]) -> Vec<Breach> {
    let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
        let what = format!("`{name}` is not in the table of who may know whom");
        return vec![Breach::new(Rule::DependencyDirection, source, 1, what)];
    };
    // A crate may name itself: its tests turn on a feature of it in that way.
    let is_other = |other: &str| other != name && MAY_KNOW.iter().any(|row| row.0 == other);
    dependencies
        .iter()
        .filter(|other| is_other(&other.name) && !allowed.contains(&other.name.as_str()))
        .map(|other| {
            let what = format!("`{name}` must not know `{}`", other.name);
            Breach::new(Rule::DependencyDirection, source, other.line, what)
        })
        .collect()
}

#[cfg(test)]
mod tests;
