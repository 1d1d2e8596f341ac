//! Runs steps one after the other and reports on them.

use std::time::Instant;

use crate::exit::Exit;
use crate::step::Step;
use crate::steps::STEPS;
use crate::summary::{Row, Summary};
use crate::surreal::{self, Server};
use crate::{console, needs, room};

/// Provides what the machine lacks, runs the steps, and prints the summary.
///
/// # Errors
///
/// Fails where the set-up itself breaks; a step that breaks is a row of the summary.
pub(crate) fn run(steps: &[Step]) -> anyhow::Result<Exit> {
    run_with(steps, Without::Nothing)
}

/// What a run may do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// Everything must be there.
    Nothing,
    /// The tests that start a SurrealDB server are left out.
    SurrealServer,
}

/// As [`run`], without something.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn run_with(steps: &[Step], without: Without) -> anyhow::Result<Exit> {
    let provided = needs::provide()?;
    if provided != Exit::Done {
        return Ok(provided);
    }
    room::make()?;
    let server = match without {
        Without::Nothing if steps.iter().any(Step::needs_server) => match surreal::provide() {
            Ok(program) => Server::At(program),
            Err(error) => {
                console::complain(&format!("MISSING: {error:#}"));
                return Ok(Exit::Missing);
            }
        },
        Without::Nothing | Without::SurrealServer => Server::LeftOut,
    };
    let summary = Summary(steps.iter().map(|step| timed(step, &server)).collect());
    console::say(&format!("\n== summary\n{summary}"));
    Ok(if summary.failed() == 0 { Exit::Done } else { Exit::CheckFailed })
}

/// Prints the steps and what each runs.
pub(crate) fn list() -> Exit {
    for step in STEPS {
        console::say(&format!("{:<22}{:<9}{}", step.name, step.pace.shown(), step.shown()));
    }
    Exit::Done
}

fn timed(step: &Step, server: &Server) -> Row {
    console::say(&format!("\n== {}: {}", step.name, step.shown()));
    let start = Instant::now();
    let outcome = step.run(server);
    let row = Row { name: step.name, outcome, took: start.elapsed() };
    console::say(&format!("== {row}"));
    row
}
