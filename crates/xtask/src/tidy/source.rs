//! The files that are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// A text file of the tree.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The path from the root, with `/`.
    pub(super) path: String,
    /// The whole text.
    pub(super) text: String,
    /// Whether its run bit is set.
    pub(super) executable: bool,
}

impl Source {
    /// Returns the name without its folder.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns the folder, empty for the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split('\n'))
    }

    /// Tells whether its bytes are what a test compares, or what a package client wrote.
    pub(super) fn is_as_given(&self) -> bool {
        let lock = self.path.ends_with(".lock") || self.name() == "package-lock.json";
        lock || self.path.split('/').any(|part| part == "golden" || part == "snapshots")
    }

    #[cfg(test)]
    pub(super) fn plain(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), executable: false }
    }
}

/// All files that git knows or would add.
#[derive(Debug, Default)]
pub(super) struct Tree {
    sources: BTreeMap<String, Source>,
    paths: BTreeSet<String>,
}

impl Tree {
    /// Reads the tree.
    ///
    /// # Errors
    ///
    /// Fails where git or a file cannot be read. Binary files and links are in the tree, but
    /// are no sources.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        for path in list(root)? {
            let full = root.join(&path);
            // Git also lists what was deleted and not committed so.
            let Some(metadata) = found(fs::symlink_metadata(&full))? else { continue };
            tree.add_path(&path);
            if metadata.is_file()
                && let Some(bytes) = found(fs::read(&full))?
                && let Ok(text) = String::from_utf8(bytes)
            {
                let executable = metadata.permissions().mode() & 0o111 != 0;
                tree.sources.insert(path.clone(), Source { path, text, executable });
            }
        }
        Ok(tree)
    }

    fn add_path(&mut self, path: &str) {
        let folders = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        self.paths.extend(folders);
        self.paths.insert(path.to_owned());
    }

    /// Returns all text files.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// Returns the text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.sources.get(path).map(|source| source.text.as_str())
    }

    /// Tells whether a file or a folder is there; the root is the empty path.
    pub(super) fn contains(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }
}

fn list(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`git ls-files` failed: {complaint}");
    let paths = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
    Ok(paths.split_terminator('\0').map(ToOwned::to_owned).collect())
}

/// A file may vanish between the listing and the reading.
fn found<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
