//! Programs: where they are, which they are, and what it is called to be one.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use evidence::Hash;

use crate::StackError;

/// Where programs are looked for that are not on the path, as daemons often are not.
const FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// What to do where a program is no server.
const REMEDY: &str = "name the binary of a server, as `tidegate` or `viz-api`";

/// The setting that every server has, and its binary thus.
const MARK: &[u8] = b"TIDEGATE_KEYS";

/// How much of a binary is looked at at once.
const PIECE: usize = 1 << 20;

/// A server's binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerProgram {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
}

impl ServerProgram {
    /// Returns a server's binary; `tidegate` is called with `serve`, others with nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let is_command_line = path.file_stem() == Some(OsStr::new("tidegate"));
        let arguments = is_command_line.then(|| "serve".to_owned()).into_iter().collect();
        ServerProgram { path, arguments }
    }

    /// Looks whether it can be a server of ours: something that can be run, and that knows of the
    /// setting that every one has. What a script runs can't be told.
    ///
    /// # Errors
    /// Fails with what it is instead.
    pub fn check(&self) -> Result<(), StackError> {
        let missing = |error: io::Error| StackError::Missing {
            program: self.path.display().to_string(),
            why: error.to_string(),
            remedy: REMEDY,
        };
        let file = fs::metadata(&self.path).map_err(missing)?;
        let is_run = file.is_file() && file.permissions().mode() & 0o111 != 0;
        if is_run && is_of_ours(&self.path).map_err(missing)? {
            return Ok(());
        }
        let path = self.path.display();
        Err(StackError::Settings(format!("{path} is no server of Tidegate: {REMEDY}")))
    }

    /// Returns the SHA-256 of the binary.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn digest(&self) -> Result<Hash, StackError> {
        let read = File::open(&self.path).and_then(Hash::of_all);
        let (digest, _) = read.map_err(|error| StackError::Missing {
            program: self.path.display().to_string(),
            why: error.to_string(),
            remedy: REMEDY,
        })?;
        Ok(digest)
    }
}

/// Returns whether a file is a script, or has the mark of a server in it.
fn is_of_ours(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let (mut seen, mut is_first) = (Vec::with_capacity(PIECE + MARK.len()), true);
    loop {
        let read = file.by_ref().take(PIECE as u64).read_to_end(&mut seen)?;
        if (is_first && seen.starts_with(b"#!")) || memchr::memmem::find(&seen, MARK).is_some() {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        is_first = false;
        // The mark may stand across two pieces.
        seen.drain(..seen.len().saturating_sub(MARK.len()));
    }
}

/// Finds a program by its name or its path.
///
/// # Errors
/// Fails where it is not there.
pub(crate) fn find(name: &Path, remedy: &'static str) -> Result<PathBuf, StackError> {
    let missing = |why: &str| StackError::Missing {
        program: name.display().to_string(),
        why: why.to_owned(),
        remedy,
    };
    if name.components().count() > 1 {
        return if name.is_file() { Ok(name.to_owned()) } else { Err(missing("no such file")) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| missing("not on the path"))
}

/// Returns the first line of what a program says of its version; nothing where it says nothing.
pub(crate) fn version_of(program: &Path, argument: &str) -> String {
    let said = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    said.unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_server_is_known_before_it_is_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let across = [vec![b'.'; PIECE - 3], MARK.to_vec(), vec![b'.'; PIECE]].concat();
        for (text, mode, is_server) in [
            (&b"root:x:0:0"[..], 0o644, false),
            (b"root:x:0:0", 0o755, false),
            (&across, 0o755, true),
            (&across, 0o644, false),
            (b"#!/bin/sh\nexec server", 0o755, true),
            (b"", 0o755, false),
        ] {
            let path = folder.path().join("program");
            fs::write(&path, text).expect("it is written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it may be run");
            assert_eq!(ServerProgram::new(&path).check().is_ok(), is_server, "{mode:o}");
        }
        let checked = ServerProgram::new(folder.path()).check();
        assert!(matches!(checked, Err(StackError::Settings(_))), "{checked:?}");
        let checked = ServerProgram::new(folder.path().join("none")).check();
        assert!(matches!(checked, Err(StackError::Missing { .. })), "{checked:?}");
    }
}
