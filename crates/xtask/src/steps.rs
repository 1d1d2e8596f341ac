//! The steps of `cargo xtask test`, in their order: add a check by adding a line.
//!
//! Cheap steps come first. Every chosen step runs, also after another has failed: one run
//! shows all that is wrong.

use crate::step::{Pace, Step};
use crate::{chaos, deny, fuzz, rehearse, sdk, tidy, websocket};

/// All steps, in the order in which they run.
pub(crate) const STEPS: &[Step] = &[
    Step::cargo("format", "fmt --all --check"),
    Step::inside("tidy", tidy::step),
    Step::cargo("clippy", "clippy --workspace --all-targets --all-features -- -D warnings"),
    Step::cargo("docs", "doc --no-deps --workspace").with_env("RUSTDOCFLAGS", "-D warnings"),
    Step::inside("deny", deny::step),
    // Apart from running them: a machine that is new builds the database here.
    Step::cargo("build", "test --workspace --no-run"),
    Step::tests("tests", "test --workspace --no-fail-fast").with_server(),
    // Faults that a test build makes on purpose, behind a feature that no release has.
    Step::tests("inject", "test -p delivery -p viz-api --features inject inject::"),
    // Two commands that the cutover runbooks name word for word.
    Step::one_test(
        "bootstrap-contract",
        "test -p viz-api binary_bootstrap_uses_runtime_builder_contract -- --exact",
    ),
    Step::one_test(
        "pure-state-contract",
        "test -p viz-api default_state_is_pure_and_does_not_spawn_ingest -- --exact",
    ),
    // The release gate of the cutover runbook: the SDK in Bun, Node and Chromium.
    Step::inside("sdk", sdk::step),
    // Every runbook in its short form, on whole stacks of this tree's server.
    Step::inside_with_server("rehearse", rehearse::step).long(),
    Step::inside("websocket", websocket::step).long(),
    Step::inside("chaos", chaos::step).long(),
    // On a machine that is new an optimised build is ten minutes without the database, and with it
    // longer than all other steps together: CI has not the time for it.
    Step::cargo("release-build", "build --release -p viz-api -p chaos --bins").by_hand(),
    Step::cargo("release-all", "build --release --workspace --bins").by_hand(),
    // What scripts/verify_phase_checks.sh runs: part of `tests`, without the database.
    Step::tests(
        "phase",
        "test -p chain -p journal -p projection -p node-runtime -p viz-api --no-fail-fast",
    )
    .with_server()
    .by_hand(),
    // Needs the nightly compiler.
    Step::inside("fuzz", fuzz::step).by_hand(),
];

/// Which of the steps a run takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Every step that is not taken by name alone.
    All,
    /// Every step that is not long.
    Fast,
    /// The named steps.
    Only(Vec<String>),
}

/// Returns the names of all steps.
pub(crate) fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Returns the chosen steps, in the order of the table.
pub(crate) fn choose(selection: &Selection) -> Vec<Step> {
    let takes = |step: &Step| match selection {
        Selection::All => step.pace != Pace::ByHand,
        Selection::Fast => step.pace == Pace::Quick,
        Selection::Only(names) => names.iter().any(|name| name == step.name),
    };
    STEPS.iter().copied().filter(takes).collect()
}

/// Returns the steps of these names, in the order of the table.
pub(crate) fn named(names: &[&str]) -> Vec<Step> {
    STEPS.iter().copied().filter(|step| names.contains(&step.name)).collect()
}

#[cfg(test)]
mod tests;
