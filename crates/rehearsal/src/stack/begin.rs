//! What every part of a stack begins with, and the files that it begins with.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use crate::{StackError, http::Http, log_file::LogFile, processes::Processes};

/// What parts of a stack begin with.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    pub(super) folder: PathBuf,
    /// Whether another stack was in the folder before, whose files may go.
    pub(super) was_used: bool,
    pub(super) http: Http,
    pub(super) processes: Arc<Processes>,
    pub(super) drain: Duration,
    pub(super) start_max: Duration,
}

impl Begin {
    /// Returns an empty folder. What is there is removed where another stack made it.
    ///
    /// # Errors
    /// Fails where something else is there, and where it can't be made.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, StackError> {
        let folder = self.folder.join(name);
        if self.was_used {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StackError::file(folder, "removed")(error));
                }
                _ => {}
            }
        }
        match fs::create_dir(&folder) {
            Ok(()) => Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StackError::Settings(format!(
                    "{} is there, and no rehearsal made it; name an empty folder",
                    folder.display()
                )))
            }
            Err(error) => Err(StackError::file(folder, "made")(error)),
        }
    }

    /// Returns a log without what another stack wrote.
    pub(super) fn log(&self, name: &str) -> LogFile {
        let path = self.folder.join(format!("{name}.log"));
        if self.was_used {
            let _not_there = fs::remove_file(&path);
        }
        LogFile::new(path)
    }
}
