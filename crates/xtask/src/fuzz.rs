//! Runs each fuzz target for a minute; what one finds becomes a test beside the code.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::process::{self, End};
use crate::step::{Outcome, STEP_TIME_MAX};
use crate::{console, workspace};

/// The pinned version of the tool.
const VERSION: &str = "0.13.1";

/// How long each target runs, in seconds.
const SECONDS: u32 = 60;

/// Every target, as `fuzz/Cargo.toml` names it.
pub(crate) const TARGETS: [&str; 7] =
    ["cursor", "evidence", "lineage", "request_body", "runbook", "websocket", "window_file"];

/// Fuzzes every target.
///
/// # Errors
///
/// Fails where the tool cannot be built or started.
pub(crate) fn step() -> anyhow::Result<Outcome> {
    let tool = provide()?;
    for target in TARGETS {
        console::say(&format!("fuzzing `{target}` for {SECONDS} s"));
        let mut fuzz = Command::new("cargo");
        fuzz.args(["+nightly", "fuzz", "run", target, "--"])
            .args([format!("-max_total_time={SECONDS}"), "-max_len=65536".to_owned()])
            .env("PATH", path_with(&tool))
            .current_dir(workspace::root().join("fuzz"));
        let end = process::run(&mut fuzz, STEP_TIME_MAX)?;
        if !matches!(end, End::Exited { success: true, .. }) {
            let what = format!("`{target}` found something: see fuzz/artifacts/{target}");
            return Ok(Outcome::Failed(what));
        }
    }
    Ok(Outcome::Passed(format!("{} targets, {SECONDS} s each", TARGETS.len())))
}

fn provide() -> anyhow::Result<PathBuf> {
    let home = workspace::tools()?.join(format!("cargo-fuzz-{VERSION}"));
    if !home.join("bin/cargo-fuzz").is_file() {
        console::say(&format!("building cargo-fuzz {VERSION}, once"));
        let mut cargo = Command::new("cargo");
        cargo
            .args(["install", "--quiet", "--locked", "--version", VERSION, "--root"])
            .arg(&home)
            .arg("cargo-fuzz")
            .env_remove("CARGO_TARGET_DIR");
        let end = process::run(&mut cargo, STEP_TIME_MAX)?;
        let built = matches!(end, End::Exited { success: true, .. });
        ensure!(built, "`cargo install cargo-fuzz --version {VERSION}` failed");
    }
    Ok(home.join("bin"))
}

fn path_with(folder: &Path) -> std::ffi::OsString {
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_manifest_is_run() {
        let manifest = workspace::root().join("fuzz/Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).expect("the fuzz crate is there");
        let names = manifest.split("[[bin]]\nname = \"").skip(1);
        let names: Vec<_> = names.map(|rest| rest.split('"').next().unwrap_or_default()).collect();
        assert_eq!(names, TARGETS);
    }
}
