//! Where the tree and the caches of the house lie.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Context;

/// Returns the root of the workspace, the folder of the top `Cargo.toml`.
///
/// Cargo says where that is when it runs the program: with one target folder for several clones the
/// program may have been built in another one.
pub(crate) fn root() -> &'static Path {
    static MANIFEST: LazyLock<PathBuf> = LazyLock::new(|| {
        let told = env::var_os("CARGO_MANIFEST_DIR");
        told.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
    });
    MANIFEST
        .ancestors()
        .nth(2)
        .expect("the manifest lies in crates/xtask, two folders below the root")
}

/// Returns the folder in which cargo builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
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
