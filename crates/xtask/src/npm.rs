//! Packages of npm that bring programs for tests, each once into a folder of its own.
//!
//! Runs no scripts of a package. What is in a package, and whether it runs, is its caller's to know.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::console;

/// Installs packages, each named with its version.
///
/// # Errors
///
/// Fails where npm is missing, or does not get it.
pub(crate) fn install(home: &Path, packages: &[impl AsRef<OsStr>]) -> anyhow::Result<()> {
    let named: Vec<_> = packages.iter().map(|package| package.as_ref().to_string_lossy()).collect();
    console::say(&format!("installing {}, once", named.join(" ")));
    fs::create_dir_all(home)?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
        "--prefix",
    ])
    .arg(home)
    .args(packages)
    .stdin(Stdio::null());
    let status = npm.status().context("`npm` does not run; install the package `npm`")?;
    ensure!(status.success(), "{npm:?} failed");
    Ok(())
}
