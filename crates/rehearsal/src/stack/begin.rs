//! What every part of a stack begins with, and the files that it begins with.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use evidence::Hash;

use crate::{ServerProgram, StackError, http::Http, log_file::LogFile, processes::Processes};

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

    /// Keeps a binary under its digest, so that what is started later is what was named, whatever is
    /// built in the meantime; returns the kept one.
    ///
    /// # Errors
    /// Fails where it can't be read, or changes while it is kept.
    pub(super) fn keep(
        &self,
        program: &ServerProgram,
    ) -> Result<(ServerProgram, Hash), StackError> {
        let digest = program.digest()?;
        let folder = self.folder.join("binaries").join(digest.to_string());
        fs::create_dir_all(&folder).map_err(StackError::file(&folder, "made"))?;
        let path = folder.join(program.path.file_name().unwrap_or_default());
        let kept = ServerProgram { path, arguments: program.arguments.clone() };
        if !kept.path.exists() {
            let linked = fs::hard_link(&program.path, &kept.path);
            let copied = linked.or_else(|_| fs::copy(&program.path, &kept.path).map(|_| ()));
            copied.map_err(StackError::file(&kept.path, "written"))?;
        }
        if kept.digest()? == digest {
            return Ok((kept, digest));
        }
        let _replaced_next_time = fs::remove_file(&kept.path);
        let path = program.path.display();
        Err(StackError::Settings(format!("{path} is being built; wait, and try again")))
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
