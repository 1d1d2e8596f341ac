//! The moment from which the folder speaks of this process and no longer of the last one.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Loaded, StateDir, files};
use crate::MemoryBroker;

/// What the lock file holds once a process had the folder.
const USED: &[u8] = b"used\n";

impl StateDir {
    /// Makes the folder this process's own: the marker `clean` is taken away, so that it can't
    /// speak for what is appended from now on, and damaged files are set aside.
    ///
    /// Whatever else of a start may fail comes before it: until here, the next start finds the
    /// folder as the last process left it.
    ///
    /// # Errors
    /// Fails where the folder can't be written.
    pub fn take_over(&self, broker: &MemoryBroker, loaded: &mut Loaded) -> io::Result<()> {
        if !self.is_used {
            (&self.lock).write_all(USED)?;
            self.lock.sync_data()?;
        }
        match fs::remove_file(self.clean_marker()) {
            Ok(()) => files::sync_dir(&self.path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for file in &mut loaded.set_aside {
            file.moved_to = set_aside(broker, &file.file);
        }
        for name in self.names()?.iter().filter(|name| files::is_temporary(name)) {
            let _ = fs::remove_file(self.path.join(name));
        }
        Ok(())
    }
}

fn set_aside(broker: &MemoryBroker, path: &Path) -> Option<PathBuf> {
    let free = |moved_to: &PathBuf| fs::symlink_metadata(moved_to).is_err();
    let moved_to = (broker.clock().unix().0..).map(|at| damaged(path, at)).find(free)?;
    fs::rename(path, &moved_to).ok().map(|()| moved_to)
}

fn damaged(path: &Path, at_ms: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{at_ms}"));
    PathBuf::from(name)
}
