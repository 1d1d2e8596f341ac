//! Where records go: files of their own, and where there is a key, the signed log over them.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::evidence::{
    KeyError, Signer,
    folder::{StandingError, StandingLog, write_whole},
};
use jiff::Timestamp;

use super::Record;

/// The longest file of a key, in bytes.
const KEY_BYTES_MAX: u64 = 4096;

/// The folder of records, used by one task.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    signer: Option<Arc<Signer>>,
    /// The signed log, while it is open.
    log: Option<StandingLog>,
}

/// Records that can't be put down.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShelfError {
    #[error("the folder can't be written")]
    File(#[from] io::Error),
    #[error("records can't be signed")]
    Log(#[from] StandingError),
    #[error("the time of a record is none")]
    Time(#[from] jiff::Error),
}

/// A folder whose log is not as it was signed, and where it is now.
#[derive(Debug)]
pub(super) struct SetAside {
    pub(super) reason: String,
    pub(super) moved_to: PathBuf,
}

impl Shelf {
    pub(super) fn new(folder: PathBuf, signer: Option<Arc<Signer>>) -> Self {
        Shelf { folder, signer, log: None }
    }

    /// Opens the log, where there is a key. One that was changed is set aside with its folder, and
    /// never signed again; a new one is begun.
    pub(super) fn open(&mut self, at: Timestamp) -> Result<Option<SetAside>, ShelfError> {
        let Some(signer) = self.signer.as_ref().filter(|_| self.log.is_none()) else {
            return Ok(None);
        };
        let reason = match StandingLog::open(&self.folder, Arc::clone(signer), at) {
            Ok(log) => {
                if log.left() > 0 {
                    tracing::warn!(records = log.left(), "records were found that nobody signed");
                }
                self.log = Some(log);
                return Ok(None);
            }
            Err(StandingError::Changed(reason)) => reason,
            Err(error) => return Err(error.into()),
        };
        let time = at.strftime("%Y%m%dT%H%M%SZ");
        let moved_to = PathBuf::from(format!("{}.set-aside-{time}", self.folder.display()));
        fs::rename(&self.folder, &moved_to)?;
        self.log = Some(StandingLog::open(&self.folder, Arc::clone(signer), at)?);
        Ok(Some(SetAside { reason, moved_to }))
    }

    /// Returns whether there is something that a crash may have left to be mended.
    pub(super) fn has_past(&self) -> bool {
        self.signer.is_some() && self.folder.is_dir()
    }

    /// Puts a record down, signed where the log is open; returns once it is on disk.
    pub(super) fn put(&mut self, record: &Record) -> Result<(), ShelfError> {
        let Some(log) = &mut self.log else {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            return Ok(write_whole(&self.folder.join(&record.name), &record.bytes)?);
        };
        let kept = log.keep(time(record)?, (&record.name, &record.bytes), &record.statement);
        if kept.is_err() {
            // Nobody knows what is on disk: it is looked at when the log is opened again.
            self.log = None;
        }
        Ok(kept?)
    }
}

fn time(record: &Record) -> Result<Timestamp, jiff::Error> {
    Timestamp::from_millisecond(i64::try_from(record.at.0).unwrap_or(i64::MAX))
}

/// Reads a private key as `tidegate keys new --sign` writes it.
pub(crate) fn read_key(file: &Path) -> Result<Signer, KeyFileError> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(KEY_BYTES_MAX).read_to_string(&mut text));
    let file = || file.to_owned();
    read.map_err(|source| KeyFileError::Unreadable { file: file(), source })?;
    text.trim().parse().map_err(|source| KeyFileError::NoKey { file: file(), source })
}

/// A file that was named for the private key and holds none.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It can't be read.
    #[error("TIDEGATE_EVIDENCE_KEY: {} can't be read", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("TIDEGATE_EVIDENCE_KEY: {} holds no private key", .file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
}
