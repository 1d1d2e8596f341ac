//! Plays the rehearsal of every runbook in its short form, and verifies the evidence of each.
//!
//! A runbook may have more than one: for each environment, and for its ways back. A script that is not
//! played here is found by a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::process::{self, End};
use crate::step::{Outcome, STEP_TIME_MAX};
use crate::surreal::{self, Server};
use crate::{anvil, console, just, workspace};

/// How long one rehearsal may take, with all that it starts and ends.
const PLAY_TIME_MAX: Duration = Duration::from_secs(16 * 60);

/// Where scripts and runbooks are.
const RUNBOOKS: &str = "runbooks";

/// A runbook, and how it is played.
#[derive(Clone, Copy, Debug)]
struct Rehearsal {
    runbook: &'static str,
    /// What stands between the runbook's name and `rehearsal.toml`; nothing for the script that is taken
    /// where none is named.
    variant: &'static str,
    /// Whether there is a new version in it, or settings of the one that is there alone.
    has_candidate: bool,
    /// Whether it has chat, on a SurrealDB server.
    needs_server: bool,
    /// Whether its replicas follow a chain.
    needs_chain: bool,
}

const fn of(runbook: &'static str, variant: &'static str) -> Rehearsal {
    Rehearsal { runbook, variant, has_candidate: true, needs_server: false, needs_chain: false }
}

const fn of_settings(runbook: &'static str, variant: &'static str) -> Rehearsal {
    Rehearsal { has_candidate: false, ..of(runbook, variant) }
}

/// All rehearsals, the short ones first.
const REHEARSALS: &[Rehearsal] = &[
    of_settings("ws3-redis-cutover", ""),
    of_settings("ws3-redis-cutover", "production"),
    of_settings("ws3-redis-cutover", "back"),
    of("ws3-sse-broker", ""),
    of("ws3-sse-broker", "back"),
    of("step22-production-cutover", ""),
    of("step22-production-cutover", "back"),
    of("step22-production-cutover", "fallback"),
    Rehearsal { needs_chain: true, ..of("runtime-cutover", "") },
    Rehearsal { needs_server: true, ..of("rollback-rehearsal", "") },
];

impl Rehearsal {
    fn name(self) -> String {
        match self.variant {
            "" => self.runbook.to_owned(),
            variant => format!("{}.{variant}", self.runbook),
        }
    }

    fn script(self) -> PathBuf {
        Path::new(RUNBOOKS).join(format!("{}.rehearsal.toml", self.name()))
    }
}

/// Plays all of them, each to its end.
///
/// # Errors
///
/// Fails where a program cannot be built or started.
pub(crate) fn step(server: &Server) -> anyhow::Result<Outcome> {
    build()?;
    let folder = workspace::target().join("rehearsals");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("what the last run left can't be removed")?;
    }
    let (mut passed, mut failed, mut left_out) = (0, Vec::new(), Vec::new());
    for rehearsal in REHEARSALS {
        let name = rehearsal.name();
        if rehearsal.needs_server && *server == Server::LeftOut {
            left_out.push(name);
            continue;
        }
        console::say(&format!("== rehearse {name}"));
        match play(*rehearsal, &folder.join(&name), server)? {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{name} {why}")),
        }
    }
    Ok(outcome(passed, &failed, &left_out))
}

fn outcome(passed: usize, failed: &[String], left_out: &[String]) -> Outcome {
    let shown = format!("rehearsals: {passed}");
    match (failed, left_out) {
        ([], []) => Outcome::Passed(shown),
        ([], left_out) => {
            let names = left_out.join(", ");
            Outcome::LeftOut(format!("{shown}; LEFT OUT, {}: {names}", surreal::NAME))
        }
        (failed, _) => Outcome::Failed(failed.join("; ")),
    }
}

/// Plays one; says why it is not well.
fn play(
    rehearsal: Rehearsal,
    dir: &Path,
    server: &Server,
) -> anyhow::Result<Result<(), &'static str>> {
    let mut command = tidegate();
    let runbook = format!("{RUNBOOKS}/{}.run.md", rehearsal.runbook);
    command.arg("rehearse").arg(runbook).arg("--script").arg(rehearsal.script());
    command.arg("--dir").arg(dir).args(["--drain", "2"]);
    if rehearsal.has_candidate {
        // Another program with the same service: what is promoted, and taken back, is seen by its digest.
        command.arg("--candidate").arg(workspace::target().join("debug/gotong-api"));
    }
    // Tests that a runbook names are built where those of the test command were.
    let target = workspace::target();
    command.arg("--variable").arg(format!("CARGO_TARGET_DIR={}", target.display()));
    if let Server::At(program) = server {
        command.env("SURREAL_BIN", program);
    }
    if rehearsal.needs_chain {
        anvil::tell_anvil(&mut command)?;
    }
    just::put_on_path(&mut command)?;
    if !succeeds(&mut command)? {
        return Ok(Err("did not pass"));
    }
    let mut verify = tidegate();
    verify.args(["evidence", "verify"]).arg(dir.join("evidence"));
    verify.arg("--keys").arg(dir.join("evidence.keys"));
    Ok(if succeeds(&mut verify)? { Ok(()) } else { Err("has evidence that is not sound") })
}

fn tidegate() -> Command {
    let mut command = Command::new(workspace::target().join("debug/tidegate"));
    command.current_dir(workspace::root());
    command
}

fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    Ok(matches!(process::run(command, PLAY_TIME_MAX)?, End::Exited { success: true, .. }))
}

fn build() -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    // As the tests are built, so that nothing is built twice.
    cargo.args(["build", "--workspace", "--bins"]).current_dir(workspace::root());
    let built = process::run(&mut cargo, STEP_TIME_MAX)?;
    ensure!(matches!(built, End::Exited { success: true, .. }), "{cargo:?} failed");
    Ok(())
}

#[cfg(test)]
mod tests;
