//! Licences, bans, sources and advisories of the dependencies, through cargo-deny.
//!
//! The rules are in `deny.toml`. The tool is built once a version into the tools cache, without
//! optimisation: it runs for two seconds and would take minutes longer to build otherwise.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::process::{self, End};
use crate::step::{Outcome, STEP_TIME_MAX};
use crate::{console, workspace};

/// The pinned version; a new one can bring new errors, so it comes by a change of this line.
const VERSION: &str = "0.20.2";

/// How long the advisory database may take to arrive.
const FETCH_TIME_MAX: Duration = Duration::from_secs(120);

/// Checks the dependencies against `deny.toml`.
///
/// # Errors
///
/// Fails where the tool cannot be built or started.
pub(crate) fn step() -> anyhow::Result<Outcome> {
    let tool = provide()?;
    let rules = run(&tool, "--locked check bans licenses sources", STEP_TIME_MAX)?;
    if !rules {
        return Ok(Outcome::Failed("bans, licences or sources".into()));
    }
    advisories(&tool)
}

/// Fetches the database first, on its own: so that "not reachable" and "vulnerable" differ.
fn advisories(tool: &Path) -> anyhow::Result<Outcome> {
    if !run(tool, "fetch db", FETCH_TIME_MAX)? {
        let what = "ADVISORIES WERE LEFT OUT, the advisory database could not be fetched";
        return Ok(Outcome::LeftOut(what.into()));
    }
    Ok(if run(tool, "--locked check advisories", STEP_TIME_MAX)? {
        Outcome::Passed("with advisories".into())
    } else {
        Outcome::Failed("advisories".into())
    })
}

fn run(tool: &Path, arguments: &str, limit: Duration) -> anyhow::Result<bool> {
    let mut command = Command::new(tool);
    command.args(arguments.split_whitespace()).current_dir(workspace::root());
    let end = process::run(&mut command, limit)?;
    Ok(matches!(end, End::Exited { success: true, .. }))
}

/// Returns the tool, built if need be.
fn provide() -> anyhow::Result<PathBuf> {
    let home = workspace::tools()?.join(format!("cargo-deny-{VERSION}"));
    let tool = home.join("bin/cargo-deny");
    if !is_right(&tool) {
        install(&home)?;
        ensure!(is_right(&tool), "cargo-deny {VERSION} was installed but does not run");
    }
    Ok(tool)
}

fn is_right(tool: &Path) -> bool {
    let version = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|output| says_version(&String::from_utf8_lossy(&output.stdout)))
}

fn says_version(output: &str) -> bool {
    output.trim() == format!("cargo-deny {VERSION}")
}

fn install(home: &Path) -> anyhow::Result<()> {
    console::say(&format!("building cargo-deny {VERSION}, once; this takes a minute or two"));
    let mut cargo = Command::new("cargo");
    cargo
        .args(["install", "--quiet", "--locked", "--debug", "--force", "--version", VERSION])
        .arg("--root")
        .arg(home)
        .arg("cargo-deny")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        // Else its hundreds of crates would stay in the target folder of the workspace.
        .env_remove("CARGO_TARGET_DIR");
    let end = process::run(&mut cargo, STEP_TIME_MAX).context("cannot build cargo-deny")?;
    ensure!(
        matches!(end, End::Exited { success: true, .. }),
        "`cargo install cargo-deny --version {VERSION}` failed"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
