//! Programs: where they are, which they are, and what it is called to be one.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use evidence::Hash;
use sha2::{Digest, Sha256};

use crate::StackError;

/// Where programs are looked for that are not on the path, as daemons often are not.
const FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

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

    /// Returns the SHA-256 of the binary.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn digest(&self) -> Result<Hash, StackError> {
        let remedy = "name the binary of a server, as `tidegate` or `viz-api`";
        digest_of(&self.path).map_err(|error| StackError::Missing {
            program: self.path.display().to_string(),
            why: error.to_string(),
            remedy,
        })
    }
}

/// Returns the SHA-256 of a file, read piece by piece.
pub(crate) fn digest_of(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Hash(hasher.finalize().into())),
            count => hasher.update(&piece[..count]),
        }
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
