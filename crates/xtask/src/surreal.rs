//! The SurrealDB server that tests of the store start: found, unpacked, or left out by name.
//!
//! Its maker gives it away as a program of its own, so no installer here has it. Where it is missing
//! the test command fails; with `--without surreal-server` it runs the rest and says what it left out.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::step::Outcome;
use crate::test_count::TestCount;
use crate::{console, workspace};

/// What `--without` takes.
pub(crate) const NAME: &str = "surreal-server";

/// The version that the store is written for.
const VERSION: &str = "3.0.0";

/// The module that holds every test which needs the server.
const CASES: &str = "surreal_server::";

/// The packed server that a machine of ours may have beside the workspace.
const ARCHIVE: &str = "../shared/bin/surreal-3.0.0-linux-x86_64.xz";

/// Whether the tests that need the server run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// They start this program.
    At(PathBuf),
    /// They are left out.
    LeftOut,
}

impl Server {
    /// Tells a cargo command that runs tests.
    pub(crate) fn tell(&self, command: &mut Command) {
        match self {
            Self::At(program) => command.env("SURREAL_BIN", program),
            Self::LeftOut => command.args(["--", "--skip", CASES]),
        };
    }

    /// Says of tests that passed what was not among them.
    ///
    /// # Errors
    ///
    /// Fails where cargo cannot list them.
    pub(crate) fn account(&self, line: &str, tests: TestCount) -> anyhow::Result<Outcome> {
        Ok(match self {
            Self::At(_) => Outcome::Passed(tests.shown()),
            Self::LeftOut => Outcome::LeftOut(left_out(&cases(line)?, tests)),
        })
    }
}

fn left_out(cases: &[String], tests: TestCount) -> String {
    let count = cases.len();
    format!("{}; {count} CASES WERE LEFT OUT, {NAME}: {}", tests.shown(), cases.join(", "))
}

/// Returns the names of the tests that a cargo command leaves out.
fn cases(line: &str) -> anyhow::Result<Vec<String>> {
    let mut cargo = Command::new("cargo");
    cargo.args(line.split_whitespace()).args(["--", "--list", CASES]);
    let output = cargo.current_dir(workspace::root()).stderr(Stdio::null()).output()?;
    ensure!(output.status.success(), "{cargo:?} failed");
    Ok(named(&String::from_utf8_lossy(&output.stdout)))
}

fn named(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// Returns the server: the one that `SURREAL_BIN` names, that of the path, or the one unpacked from
/// the archive.
///
/// # Errors
///
/// Fails where there is none, saying how to get one.
pub(crate) fn provide() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("SURREAL_BIN").filter(|name| !name.is_empty()) {
        ensure!(is_right(&named), "SURREAL_BIN does not name SurrealDB {VERSION}: {}", advice());
        return Ok(named.into());
    }
    if is_right(OsStr::new("surreal")) {
        return Ok("surreal".into());
    }
    let kept = workspace::tools()?.join(format!("surreal-{VERSION}/surreal"));
    let archive = workspace::root().join(ARCHIVE);
    if !is_right(kept.as_os_str()) && archive.exists() {
        unpack(&archive, &kept)?;
    }
    ensure!(is_right(kept.as_os_str()), "there is no SurrealDB {VERSION} here: {}", advice());
    Ok(kept)
}

fn advice() -> String {
    format!(
        "put the server of that version on the path as `surreal`, or name it in SURREAL_BIN; \
         `--without {NAME}` leaves out what needs it"
    )
}

fn is_right(program: &OsStr) -> bool {
    let version = Command::new(program).arg("version").stdin(Stdio::null()).output();
    version.is_ok_and(|output| says_version(&String::from_utf8_lossy(&output.stdout)))
}

fn says_version(output: &str) -> bool {
    output.split_whitespace().next() == Some(VERSION)
}

fn unpack(archive: &Path, to: &Path) -> anyhow::Result<()> {
    console::say(&format!("unpacking the SurrealDB server {VERSION}, once"));
    let folder = to.parent().context("it lies in a folder")?;
    fs::create_dir_all(folder)?;
    // Another run may unpack at the same time; whoever ends last wins, with the same content.
    let fresh = folder.join(format!("surreal.{}", std::process::id()));
    let file = fs::File::create(&fresh)?;
    let unpacked = Command::new("xz").arg("-dc").arg(archive).stdout(file).status();
    ensure!(
        unpacked.context("`xz` does not run; install the package `xz-utils`")?.success(),
        "the archive is damaged"
    );
    make_executable(&fresh)?;
    fs::rename(&fresh, to).context("the unpacked server cannot be put in its place")
}

fn make_executable(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o755))?)
}

#[cfg(test)]
mod tests;
