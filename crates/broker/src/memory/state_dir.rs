//! The folder where windows and keys outlive the process.
//!
//! One file a stream, `KIND=KEY.window`, written under another name and renamed, so that a file is
//! whole or absent. `lock` keeps a second process out, and is empty until a process had the folder.
//! `clean` stands there only between a shutdown that saved everything and the next process that
//! takes the folder over: without it the windows may lack acknowledged events, and the fork at
//! start says so. A damaged file is set aside, never deleted; one that can't be read, or that a
//! newer program wrote, refuses the start.

pub(crate) mod files;
mod load;
mod mirrors;
mod save;
mod take_over;

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

pub use self::{
    load::{LoadError, Loaded, SetAside},
    mirrors::Mirrors,
    save::{SaveFailure, Saved},
};

/// The folder, locked for this process until it is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    lock: File,
    /// Held for a whole pass of saving.
    pass: Mutex<()>,
    /// Whether another process had the folder before.
    is_used: bool,
}

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// It can't be made, or nothing can be written in it.
    #[error("the state folder {} is not writable", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it.
    #[error("the state folder {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

impl StateDir {
    /// Makes the folder where it is missing, and locks it.
    ///
    /// # Errors
    /// Fails where it can't be written, or another process has it.
    pub fn open(path: &Path) -> Result<Self, StateDirError> {
        let unwritable = |source| StateDirError::Unwritable { path: path.to_owned(), source };
        files::make_private_dir(path).map_err(unwritable)?;
        let lock = files::open_private(&path.join("lock")).map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateDirError::InUse { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        files::write_whole(&path.join("probe"), b"").map_err(unwritable)?;
        std::fs::remove_file(path.join("probe")).map_err(unwritable)?;
        let is_used = lock.metadata().map_err(unwritable)?.len() > 0;
        Ok(StateDir { path: path.to_owned(), lock, pass: Mutex::new(()), is_used })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names of what is in the folder, in order.
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.path)?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        // A name that is not UTF-8 is none of ours.
        let mut names: Vec<_> =
            names.filter_map(io::Result::transpose).collect::<Result<_, _>>()?;
        names.sort();
        Ok(names)
    }

    /// Removes the saved windows, which another backend has by now; returns how many there were.
    ///
    /// # Errors
    /// Fails where one can't be removed.
    pub fn forget_windows(&self) -> io::Result<usize> {
        let _one_at_a_time = self.pass.lock();
        let names = self.names()?;
        let windows: Vec<_> =
            names.iter().filter(|name| files::stream_of(name).is_some()).collect();
        for name in &windows {
            std::fs::remove_file(self.path.join(name))?;
        }
        files::sync_dir(&self.path)?;
        self.forget_mirrors()?;
        Ok(windows.len())
    }

    fn clean_marker(&self) -> PathBuf {
        self.path.join("clean")
    }
}

impl Drop for StateDir {
    /// Unlocks by name: a child that is just being started has the file open as well, and closing
    /// it here would leave the folder locked until that child has become another program.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}
