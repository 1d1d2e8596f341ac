//! The packages that bring the code of Uniswap's contracts as it is deployed: named, or installed once
//! from npm. Nothing of them is run here; tests give it to a node.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::{npm, workspace};

/// What tests read: a folder `node_modules`.
const VARIABLE: &str = "UNISWAP_PACKAGES";

/// The packages, each in its version.
const PACKAGES: [&str; 4] = [
    "@uniswap/v2-core@1.0.1",
    "@uniswap/v2-periphery@1.1.0-beta.0",
    "@uniswap/v3-core@1.0.1",
    "@uniswap/v3-periphery@1.4.4",
];

/// Changes with the packages, so that others are installed beside.
const HOME: &str = "uniswap-1";

/// Tells a cargo command that runs tests.
///
/// # Errors
///
/// Fails where they are missing and can't be installed.
pub(crate) fn tell(command: &mut Command) -> anyhow::Result<()> {
    command.env(VARIABLE, provide()?);
    Ok(())
}

fn provide() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        let packages = PathBuf::from(named);
        ensure!(has_all(&packages), "{VARIABLE} does not name a folder with {PACKAGES:?}");
        return Ok(packages);
    }
    let home = workspace::tools()?.join(HOME);
    let packages = home.join("node_modules");
    if !has_all(&packages) {
        npm::install(&home, &PACKAGES)?;
        ensure!(has_all(&packages), "{PACKAGES:?} were installed and are not there");
    }
    Ok(packages)
}

fn has_all(packages: &Path) -> bool {
    let names = PACKAGES.iter().filter_map(|package| package.rsplit_once('@'));
    names.into_iter().all(|(name, _)| packages.join(name).join("package.json").is_file())
}
