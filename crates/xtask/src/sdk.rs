//! The TypeScript SDK and the console: built, and tested in Bun, Node and Chromium against this tree's server.
//!
//! What it runs is what a release gate runs by hand; which tests there are, the SDK knows.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::process::{self, End};
use crate::step::{Outcome, STEP_TIME_MAX};
use crate::{npm, workspace};

/// The package that brings the program of this platform.
const PACKAGE: &str = "bun";

/// The version that the lock file was written by.
const VERSION: &str = "1.4.5";

/// Names the program, where it is not to be installed.
const VARIABLE: &str = "BUN_BIN";

/// Names the server, where it is not to be built.
const SERVER_VARIABLE: &str = "TIDEGATE_BIN";

/// What is run, in this order; the last three are the release gate.
const COMMANDS: &[&[&str]] =
    &[&["install", "--frozen-lockfile"], &["run", "build"], &["test"], &["run", "test"]];

/// Builds the SDK and runs all its tests.
///
/// # Errors
///
/// Fails where Bun can't be installed, or the server can't be built.
pub(crate) fn step() -> anyhow::Result<Outcome> {
    let bun = provide()?;
    let server = server()?;
    let path = path_with(bun.parent())?;
    for arguments in COMMANDS {
        let mut command = Command::new(&bun);
        command.args(*arguments).current_dir(workspace::root());
        command.env("PATH", &path).env(SERVER_VARIABLE, &server);
        if !succeeds(&mut command)? {
            return Ok(Outcome::Failed(format!("`bun {}` failed", arguments.join(" "))));
        }
    }
    Ok(Outcome::Passed(String::new()))
}

/// Returns the server of this tree, built as the tests are, so that nothing is built twice.
fn server() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os(SERVER_VARIABLE).filter(|name| !name.is_empty()) {
        return Ok(named.into());
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--workspace", "--bins"]).current_dir(workspace::root());
    ensure!(succeeds(&mut cargo)?, "{cargo:?} failed");
    Ok(workspace::target().join("debug/tidegate"))
}

/// Returns the path of programs with a folder before it: scripts of a package call `bun` too.
fn path_with(folder: Option<&Path>) -> anyhow::Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    let own = folder.filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_path_buf);
    Ok(env::join_paths(own.into_iter().chain(env::split_paths(&rest)))?)
}

fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let end = process::run(command, STEP_TIME_MAX)?;
    Ok(matches!(end, End::Exited { success: true, .. }))
}

/// Returns Bun: the one that is named, that of the path, or the one installed from npm.
fn provide() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        ensure!(is_right(&named), "{VARIABLE} does not name bun {VERSION}");
        return Ok(named.into());
    }
    if is_right(OsStr::new(PACKAGE)) {
        return Ok(PACKAGE.into());
    }
    let home = workspace::tools()?.join(format!("{PACKAGE}-{VERSION}"));
    if let Some(program) = installed(&home) {
        return Ok(program);
    }
    npm::install(&home, &[format!("{PACKAGE}@{VERSION}")])?;
    installed(&home).with_context(|| {
        format!("{PACKAGE} {VERSION} has no program for this platform: name one in {VARIABLE}")
    })
}

/// Returns the program that a platform's package brought.
fn installed(home: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(home.join("node_modules/@oven")).ok()?;
    let programs = packages.flatten().map(|package| package.path().join("bin/bun"));
    programs.into_iter().find(|program| is_right(program.as_os_str()))
}

fn is_right(program: &OsStr) -> bool {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim() == VERSION)
}

#[cfg(test)]
mod tests;
