//! Runs the chaos program on the server of this tree: two fixed seeds as a step of the test run, and
//! whatever is asked for by hand.

use std::process::Command;

use anyhow::ensure;

use crate::exit::Exit;
use crate::process::{self, End};
use crate::step::{Outcome, STEP_TIME_MAX};
use crate::{console, workspace};

/// The runs of the test command: a seed and its mode. What a seed means changes with the kinds of
/// action; then others are chosen, which have most kinds in them.
const RUNS: &[&[&str]] = &[
    &["--seed", "199", "--seconds", "30", "--strict"],
    &["--seed", "51", "--seconds", "30", "--loose"],
];

/// Runs the fixed seeds, each to its end.
///
/// # Errors
///
/// Fails where a program cannot be built or started.
pub(crate) fn step() -> anyhow::Result<Outcome> {
    build()?;
    let mut failed = Vec::new();
    for run in RUNS {
        console::say(&format!("== chaos {}", run.join(" ")));
        if started(run)? != Exit::Done {
            failed.push(run.join(" "));
        }
    }
    Ok(match failed.is_empty() {
        true => Outcome::Passed(format!("runs: {}", RUNS.len())),
        false => Outcome::Failed(format!("failed: {}", failed.join("; "))),
    })
}

/// Runs the program with these arguments.
///
/// # Errors
///
/// Fails where a program cannot be built or started.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<Exit> {
    build()?;
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let status = command(&arguments).status()?;
    Ok(match status.code() {
        Some(0) => Exit::Done,
        Some(64) => Exit::Usage,
        Some(69) => Exit::Missing,
        _ => Exit::CheckFailed,
    })
}

fn started(arguments: &[&str]) -> anyhow::Result<Exit> {
    Ok(match process::run(&mut command(arguments), STEP_TIME_MAX)? {
        End::Exited { success: true, .. } => Exit::Done,
        End::Exited { success: false, .. } | End::TimedOut { .. } => Exit::CheckFailed,
    })
}

fn command(arguments: &[&str]) -> Command {
    let programs = workspace::target().join("debug");
    let mut command = Command::new(programs.join("chaos"));
    command.arg("--server").arg(programs.join("viz-api")).args(arguments);
    command
}

fn build() -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    // With the features below them that the tests of `viz-api` have.
    cargo.args(["build", "-p", "viz-api", "-p", "chaos", "-p", "testkit", "--bins"]);
    cargo.current_dir(workspace::root());
    let built = process::run(&mut cargo, STEP_TIME_MAX)?;
    ensure!(matches!(built, End::Exited { success: true, .. }), "{cargo:?} failed");
    Ok(())
}
