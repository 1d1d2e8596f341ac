//! Room on the disk: a full one fails whatever test comes along, and none of them says why.
//!
//! Each change leaves the artifacts that cargo built before it. They go where the disk gets short;
//! those of the dependencies stay, since they take longest to build.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::{console, workspace};

/// Bytes in a gigabyte.
const GB: u64 = 1_000_000_000;

/// How much is free before a run, in bytes: about what the crates of this workspace take in both
/// profiles, and the tests' own files.
const FREE_MIN: u64 = 20 * GB;

/// With less than this, in bytes, a run is likely to fail.
const FREE_LOW: u64 = 8 * GB;

/// What is done about the room that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    GoOn,
    MakeRoom,
}

/// Removes old artifacts of this workspace where the disk is short, and says so.
///
/// # Errors
///
/// Fails where nobody can say how much room there is, or cargo can't remove what it built.
pub(crate) fn make() -> anyhow::Result<()> {
    let target = workspace::target();
    fs::create_dir_all(&target).with_context(|| format!("{} can't be made", target.display()))?;
    let before = free(&target)?;
    if plan(before) == Plan::GoOn {
        return Ok(());
    }
    let shown = target.display();
    console::say(&format!(
        "only {} are free: what was built of this workspace in {shown} goes, the dependencies stay",
        in_gb(before)
    ));
    for profile in ["dev", "release"] {
        let mut cargo = Command::new("cargo");
        cargo.args(["clean", "--quiet", "--workspace", "--profile", profile]);
        let status = cargo.current_dir(workspace::root()).status().context("cargo does not run")?;
        ensure!(status.success(), "{cargo:?} failed");
    }
    let after = free(&target)?;
    if after < FREE_LOW {
        console::complain(&format!(
            "{} are free for {shown}: tests may fail for want of room; make some, or name another \
             folder in CARGO_TARGET_DIR",
            in_gb(after)
        ));
    }
    Ok(())
}

fn plan(free: u64) -> Plan {
    if free < FREE_MIN { Plan::MakeRoom } else { Plan::GoOn }
}

fn in_gb(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / GB as f64)
}

/// Returns how many bytes are free where a folder lies.
fn free(folder: &Path) -> anyhow::Result<u64> {
    let said = Command::new("df").arg("-Pk").arg(folder).env("LC_ALL", "C").output();
    let said = said.context("`df` does not run")?;
    let said = String::from_utf8_lossy(&said.stdout);
    free_in(&said).with_context(|| format!("`df -Pk {}` said: {said}", folder.display()))
}

/// Reads the portable format of POSIX's `df -P -k`: of each file system a line, with its free
/// blocks of 1,024 bytes in the fourth place.
fn free_in(said: &str) -> Option<u64> {
    let blocks = said.lines().nth(1)?.split_whitespace().nth(3)?;
    blocks.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests;
