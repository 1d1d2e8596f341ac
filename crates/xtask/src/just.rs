//! `just`, which a test calls by the words of a runbook: named, on the path, or installed once from
//! PyPI, since not every Debian has it.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::{console, workspace};

/// The package that has it, pinned.
const PACKAGE: &str = "rust-just==1.59.0";

/// What tests read.
const VARIABLE: &str = "JUST_BIN";

/// Tells a cargo command that runs tests.
///
/// # Errors
///
/// Fails where there is none and it can't be installed.
pub(crate) fn tell(command: &mut Command) -> anyhow::Result<()> {
    command.env(VARIABLE, provide()?);
    Ok(())
}

/// Puts it on the path of a command, first.
///
/// # Errors
///
/// Fails where there is none and it can't be installed.
pub(crate) fn put_on_path(command: &mut Command) -> anyhow::Result<()> {
    let program = provide()?;
    let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(folders)?);
    }
    Ok(())
}

fn provide() -> anyhow::Result<PathBuf> {
    let named = env::var_os(VARIABLE).filter(|name| !name.is_empty());
    let named = named.unwrap_or_else(|| "just".into());
    if runs(&named) {
        return Ok(named.into());
    }
    let home = workspace::tools()?.join(PACKAGE.replace("==", "-"));
    let program = home.join("bin/just");
    if !runs(program.as_os_str()) {
        console::say(&format!("installing {PACKAGE}, once"));
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        let python = home.join("bin/python");
        succeed(Command::new(python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
        ensure!(runs(program.as_os_str()), "{PACKAGE} was installed but does not run");
    }
    Ok(program)
}

fn runs(program: &OsStr) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let status = command.stdin(Stdio::null()).status().with_context(|| shown.clone())?;
    ensure!(status.success(), "{shown} failed");
    Ok(())
}
