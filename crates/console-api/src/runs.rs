//! The folders of runs, as they lie in one folder: found by name, read as they are at this moment.
//!
//! A run carried out has `ID/run.json`, a rehearsal `ID/run/run.json`; `ID` is the folder's name.
//! Nothing here writes but into a run's inbox.

mod certificate;
mod said;
mod shown;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use conductor::{Live, Onlooker, OnlookerError, RunFolder};

pub(crate) use self::{
    said::{Given, Speech},
    shown::{Detail, JournalPage, Listed, ReportText, SamplesPage, output},
};

/// How many runs are listed: the ones that changed last.
const LISTED_MAX: usize = 200;

/// How many folders are looked at for that.
const LOOKED_AT_MAX: usize = 10_000;

/// Where the folder of a rehearsal has its run.
const REHEARSED: &str = "run";

/// The folder in which runs are.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
}

/// Why a run can't be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("there is no such run")]
    Missing,
    #[error("there is no such output")]
    NoOutput,
    #[error("the run can't be read: {0}")]
    Unreadable(String),
}

impl RunError {
    /// Returns an error with all that caused it.
    fn of(error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let texts: Vec<String> = causes.map(ToString::to_string).collect();
        RunError::Unreadable(texts.join(": "))
    }
}

impl From<OnlookerError> for RunError {
    fn from(error: OnlookerError) -> Self {
        RunError::of(&error)
    }
}

impl From<conductor::FolderError> for RunError {
    fn from(error: conductor::FolderError) -> Self {
        RunError::of(&error)
    }
}

/// A run that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The folder's name.
    pub(crate) id: String,
    /// Where its journal is.
    pub(crate) path: PathBuf,
    changed: SystemTime,
}

impl Shelf {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Shelf { folder }
    }

    /// Lists the runs, the ones that changed last first; one that can't be read is there with why.
    ///
    /// # Errors
    /// Fails where the folder is there and can't be read.
    pub(crate) fn list(&self) -> Result<Vec<Listed>, RunError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RunError::of(&error)),
        };
        let names = entries.take(LOOKED_AT_MAX).flatten().map(|entry| entry.file_name());
        let named = names.filter_map(|name| name.into_string().ok());
        let (mut found, mut closed) = (Vec::new(), Vec::new());
        for name in named {
            match self.find(&name) {
                Some(run) => found.push(run),
                None => closed.extend(self.closed(&name)),
            }
        }
        found.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.id.cmp(&b.id)));
        found.truncate(LISTED_MAX);
        closed.truncate(LISTED_MAX);
        Ok(found.iter().map(Listed::of).chain(closed).collect())
    }

    /// Returns a folder that this process may not look into: a run's is for its own user alone.
    fn closed(&self, id: &str) -> Option<Listed> {
        let folder = self.folder.join(id);
        let error = [folder.clone(), folder.join(REHEARSED)]
            .into_iter()
            .find_map(|path| fs::read_dir(path).err())?;
        (error.kind() == std::io::ErrorKind::PermissionDenied).then(|| {
            let why = "its folder can't be read: start the server as the user of the run";
            Listed::closed(id.to_owned(), format!("{why} ({error})"))
        })
    }

    /// Returns the run in a folder of this name.
    fn find(&self, id: &str) -> Option<Found> {
        // A name, and never a way to somewhere else.
        if id.is_empty() || id.starts_with('.') || id.contains(['/', '\\', '\0']) {
            return None;
        }
        let folder = self.folder.join(id);
        let path = [folder.clone(), folder.join(REHEARSED)]
            .into_iter()
            .find(|path| RunFolder::open(path).is_ok())?;
        let changed = newest(&path);
        Some(Found { id: id.to_owned(), path, changed })
    }

    /// Reads a run.
    ///
    /// # Errors
    /// Fails where there is none, or it was changed.
    pub(crate) fn open(&self, id: &str) -> Result<(Found, Onlooker), RunError> {
        let found = self.find(id).ok_or(RunError::Missing)?;
        let run = Onlooker::open(&found.path)?;
        Ok((found, run))
    }

    /// Returns the folder of a run, of which nothing was read yet.
    ///
    /// # Errors
    /// Fails where there is none.
    pub(crate) fn folder_of(&self, id: &str) -> Result<RunFolder, RunError> {
        let found = self.find(id).ok_or(RunError::Missing)?;
        Ok(RunFolder::open(&found.path)?)
    }
}

/// Returns when a run's journal or status was written last.
fn newest(path: &Path) -> SystemTime {
    let files = ["status.json", "journal", "run.json"].map(|name| path.join(name));
    let times = files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Returns how a run stood when that was written last.
fn live(path: &Path) -> Result<Option<Live>, RunError> {
    Ok(RunFolder::open(path)?.live()?)
}
