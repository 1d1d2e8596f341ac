//! How other processes speak to a run: a file each, in the run's folder, taken in by the process that
//! carries it out.
//!
//! Owns: the form of those files and their answers. Whether what is said counts, the journal's rules say.

mod reserve;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use evidence::folder::write_whole;
use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::{Event, entry};

/// The longest of such files.
const BYTES_MAX: u64 = 1 << 20;

/// How many are taken in at one time; the others wait for the next.
const AT_ONCE_MAX: usize = 64;

const ASKED: &str = "json";
const ANSWERED: &str = "answer";
const SETTLED: &str = "settled";

/// How many requests that can't be moved away are remembered; with more of them nothing is taken in.
const STUCK_MAX: usize = 1024;

/// Something that somebody says to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// An approval or a decision, as the journal has it.
    Said(Box<Event>),
    /// A gate or a step is to be carried out again that did not pass.
    Again {
        /// Which.
        step: String,
    },
}

/// Where requests are put.
#[derive(Clone, Debug)]
pub struct Inbox {
    folder: PathBuf,
    /// Requests that were answered and could not be moved away.
    stuck: BTreeSet<RequestName>,
}

/// A request by its file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestName(String);

impl RequestName {
    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns when it was put there, by the clock of whoever did; the earliest time there is for a name
    /// that does not say.
    pub(crate) fn put_at(&self) -> Timestamp {
        let nanos = self.0.split('-').next().and_then(|nanos| nanos.parse().ok());
        nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok()).unwrap_or(Timestamp::MIN)
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is in the journal, or will be carried out.
    Taken,
    /// It does not count.
    Refused(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Written {
    Said(entry::Said),
    Again { step: String },
}

impl Inbox {
    /// Returns the inbox in a folder that is there.
    pub fn new(folder: PathBuf) -> Self {
        Inbox { folder, stuck: BTreeSet::new() }
    }

    /// Keeps room on the disk for what people will say, as far as there is any.
    ///
    /// # Errors
    /// Fails where the disk has no room for it.
    pub(crate) fn keep_room(&self) -> io::Result<()> {
        reserve::keep(&self.folder)
    }

    /// Puts a request there, and returns its name, under which the answer comes. On a disk that is full it
    /// takes of the room that was kept.
    ///
    /// # Errors
    /// Fails where it can't be written.
    pub fn put(&self, request: &Request) -> io::Result<RequestName> {
        let written = match request {
            Request::Said(event) => {
                let said = entry::Said::of(event).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidInput, "people don't say such a thing")
                })?;
                Written::Said(said)
            }
            Request::Again { step } => Written::Again { step: step.clone() },
        };
        let bytes = serde_json::to_vec(&written)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("{:020}-{}", since.as_nanos(), std::process::id());
        let file = self.folder.join(format!("{name}.{ASKED}"));
        reserve::with(&self.folder, || write_whole(&file, &bytes))?;
        Ok(RequestName(name))
    }

    /// Returns what became of a request; nothing as long as nobody has taken it.
    ///
    /// # Errors
    /// Fails where the answer can't be read.
    pub fn answer(&self, name: &RequestName) -> io::Result<Option<Answer>> {
        let file = self.folder.join(format!("{}.{ANSWERED}", name.0));
        match bytes(&file) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the requests that wait, the oldest first; one that is none has why instead.
    ///
    /// # Errors
    /// Fails where the folder can't be read.
    pub(crate) fn waiting(&self) -> io::Result<Vec<(RequestName, Result<Request, String>)>> {
        let mut names = Vec::new();
        for found in fs::read_dir(&self.folder)? {
            let path = found?.path();
            if path.extension().is_some_and(|extension| extension == ASKED)
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.push(RequestName(name.to_owned()));
            }
        }
        if self.stuck.len() >= STUCK_MAX {
            return Err(io::Error::other("too many requests can't be moved away; make that right"));
        }
        names.retain(|name| !self.stuck.contains(name));
        names.sort();
        names.truncate(AT_ONCE_MAX);
        let read = |name: RequestName| {
            let request = read(&self.folder.join(format!("{}.{ASKED}", name.0)));
            (name, request)
        };
        Ok(names.into_iter().map(read).collect())
    }

    /// Answers a request and moves it away. It no longer waits then, also where one of them fails.
    ///
    /// # Errors
    /// Fails where the answer can't be written, or the request can't be moved away.
    pub(crate) fn settle(&mut self, name: &RequestName, answer: &Answer) -> io::Result<()> {
        let file = |kind: &str| self.folder.join(format!("{}.{kind}", name.0));
        let answered = serde_json::to_vec(answer)
            .map_err(io::Error::from)
            .and_then(|bytes| reserve::with(&self.folder, || write_whole(&file(ANSWERED), &bytes)));
        // What can't be removed, as a folder, is moved away.
        let moved =
            fs::remove_file(file(ASKED)).or_else(|_| fs::rename(file(ASKED), file(SETTLED)));
        if moved.is_err() {
            self.stuck.insert(name.clone());
        }
        answered.and(moved)
    }
}

/// Opens a file, and nothing else: a pipe or a device would keep who reads it waiting for good.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let opened = File::options().read(true).custom_flags(flags).open(path)?;
    if opened.metadata()?.is_file() {
        return Ok(opened);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"))
}

/// Reads a file that is not too long.
fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(file)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn read(file: &Path) -> Result<Request, String> {
    let bytes = bytes(file).map_err(|error| error.to_string())?;
    match serde_json::from_slice(&bytes).map_err(|error| error.to_string())? {
        Written::Said(said) => Ok(Request::Said(Box::new(said.into()))),
        Written::Again { step } => Ok(Request::Again { step }),
    }
}

#[cfg(test)]
mod tests;
