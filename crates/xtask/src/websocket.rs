//! Runs the Autobahn cases against the WebSocket half, over the echo route of a test build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::process::{self, End};
use crate::step::{Outcome, STEP_TIME_MAX};
use crate::{console, workspace};

/// The suite that drives Autobahn's own case files, pinned.
const SUITE: &str = "kosoku==0.1.0";

/// Builds the server with its echo route and runs the suite against it.
///
/// # Errors
///
/// Fails where the suite cannot be installed, or the server cannot be built.
pub(crate) fn step() -> anyhow::Result<Outcome> {
    let python = provide()?;
    let server = build()?;
    let mut suite = Command::new(python);
    suite.arg("scripts/websocket_conformance.py").arg(server).current_dir(workspace::root());
    Ok(match process::run(&mut suite, STEP_TIME_MAX)? {
        End::Exited { success: true, .. } => Outcome::Passed(String::new()),
        End::Exited { success: false, .. } => Outcome::Failed("see the cases above".into()),
        End::TimedOut { .. } => Outcome::Failed("it did not end".into()),
    })
}

/// Returns a Python that has the suite, installed once a version into the tools cache.
fn provide() -> anyhow::Result<PathBuf> {
    let home = workspace::tools()?.join(SUITE.replace("==", "-"));
    let python = home.join("bin/python");
    if !has_suite(&python) {
        console::say(&format!("installing {SUITE}, once"));
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", SUITE]))?;
        ensure!(has_suite(&python), "{SUITE} was installed but does not load");
    }
    Ok(python)
}

fn has_suite(python: &Path) -> bool {
    let mut load = Command::new(python);
    load.args(["-c", "import kosoku"]).stdin(Stdio::null()).stderr(Stdio::null());
    load.status().is_ok_and(|status| status.success())
}

/// Builds the server with the echo route; returns where it lies.
fn build() -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo
        // With the features below it that the tests of `viz-api` have.
        .args(["build", "-p", "viz-api", "-p", "testkit", "--bin", "websocket-echo"])
        .args(["--features", "websocket-echo"])
        .current_dir(workspace::root());
    succeed(&mut cargo)?;
    Ok(workspace::target().join("debug/websocket-echo"))
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let end = process::run(command, STEP_TIME_MAX).with_context(|| shown.clone())?;
    ensure!(matches!(end, End::Exited { success: true, .. }), "{shown} failed");
    Ok(())
}
