//! The nodes of chains that tests start, anvil and Hardhat's: named, or installed once from npm.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::{npm, workspace};

/// The package that brings the program of this platform.
const PACKAGE: &str = "@foundry-rs/anvil";

/// The version that the tests are written for.
const VERSION: &str = "1.7.1";

/// What tests read.
const VARIABLE: &str = "ANVIL_BIN";

/// A node of another make, of the last line that runs on the Node.js of Debian.
const HARDHAT: (&str, &str) = ("hardhat", "2.26.3");

/// What tests read for that one.
const HARDHAT_VARIABLE: &str = "HARDHAT_BIN";

/// Tells a cargo command that runs tests.
///
/// # Errors
///
/// Fails where one is missing and can't be installed.
pub(crate) fn tell(command: &mut Command) -> anyhow::Result<()> {
    tell_anvil(command)?;
    command.env(HARDHAT_VARIABLE, provide_hardhat()?);
    Ok(())
}

/// Tells a command that starts anvil alone.
///
/// # Errors
///
/// Fails where it is missing and can't be installed.
pub(crate) fn tell_anvil(command: &mut Command) -> anyhow::Result<()> {
    command.env(VARIABLE, provide()?);
    Ok(())
}

fn provide() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        ensure!(is_right(&named), "{VARIABLE} does not name anvil {VERSION}");
        return Ok(named.into());
    }
    if is_right(OsStr::new("anvil")) {
        return Ok("anvil".into());
    }
    let home = workspace::tools()?.join(format!("anvil-{VERSION}"));
    if let Some(program) = installed(&home) {
        return Ok(program);
    }
    npm::install(&home, &[format!("{PACKAGE}@{VERSION}")])?;
    installed(&home).with_context(|| {
        format!("{PACKAGE} {VERSION} has no program for this platform: name one in {VARIABLE}")
    })
}

fn provide_hardhat() -> anyhow::Result<PathBuf> {
    let (package, version) = HARDHAT;
    let is_right = |program: &Path| {
        let said = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim() == version)
    };
    if let Some(named) = env::var_os(HARDHAT_VARIABLE).filter(|name| !name.is_empty()) {
        ensure!(is_right(Path::new(&named)), "{HARDHAT_VARIABLE} does not name {version}");
        return Ok(named.into());
    }
    let home = workspace::tools()?.join(format!("{package}-{version}"));
    let program = home.join("node_modules/.bin").join(package);
    if !is_right(&program) {
        npm::install(&home, &[format!("{package}@{version}")])?;
        ensure!(is_right(&program), "{package} {version} was installed but does not run");
    }
    Ok(program)
}

/// Returns the program that a platform's package brought.
fn installed(home: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(home.join("node_modules/@foundry-rs")).ok()?;
    let programs = packages.flatten().map(|package| package.path().join("bin/anvil"));
    programs.into_iter().find(|program| is_right(program.as_os_str()))
}

fn is_right(program: &OsStr) -> bool {
    let version = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|output| says_version(&String::from_utf8_lossy(&output.stdout)))
}

fn says_version(output: &str) -> bool {
    let line = output.lines().find_map(|line| line.strip_prefix("anvil Version: "));
    line.is_some_and(|version| version.split(['-', '+']).next() == Some(VERSION))
}

#[cfg(test)]
mod tests;
