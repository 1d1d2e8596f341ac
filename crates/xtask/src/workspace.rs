//! Where the tree and the caches of the house lie.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Returns the root of the workspace, the folder of the top `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the manifest lies in crates/xtask, two folders below the root")
}

/// Returns the folder in which tools are kept between runs.
///
/// # Errors
///
/// Fails where the user has no home folder.
pub(crate) fn tools() -> anyhow::Result<PathBuf> {
    let home = env::home_dir().context("no home folder to keep tools in: set HOME")?;
    Ok(home.join(".cache/tidegate/tools"))
}
