//! How other processes speak to a run: a file each, in the run's folder, taken in by the process that
//! carries it out.
//!
//! Owns: the form of those files and their answers. Whether what is said counts, the journal's rules say.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use evidence::folder::write_whole;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Event, entry};

/// The longest of such files.
const BYTES_MAX: u64 = 1 << 20;

/// How many are taken in at one time; the others wait for the next.
const AT_ONCE_MAX: usize = 64;

const ASKED: &str = "json";
const ANSWERED: &str = "answer";

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
}

/// A request by its file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestName(String);

impl RequestName {
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
        Inbox { folder }
    }

    /// Puts a request there, and returns its name, under which the answer comes.
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
        write_whole(&self.folder.join(format!("{name}.{ASKED}")), &bytes)?;
        Ok(RequestName(name))
    }

    /// Returns what became of a request; nothing as long as nobody has taken it.
    ///
    /// # Errors
    /// Fails where the answer can't be read.
    pub fn answer(&self, name: &RequestName) -> io::Result<Option<Answer>> {
        let file = self.folder.join(format!("{}.{ANSWERED}", name.0));
        match fs::read(&file) {
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
        names.sort();
        names.truncate(AT_ONCE_MAX);
        let read = |name: RequestName| {
            let request = read(&self.folder.join(format!("{}.{ASKED}", name.0)));
            (name, request)
        };
        Ok(names.into_iter().map(read).collect())
    }

    /// Answers a request, which no longer waits then.
    ///
    /// # Errors
    /// Fails where the answer can't be written.
    pub(crate) fn settle(&self, name: &RequestName, answer: &Answer) -> io::Result<()> {
        let bytes = serde_json::to_vec(answer)?;
        write_whole(&self.folder.join(format!("{}.{ANSWERED}", name.0)), &bytes)?;
        fs::remove_file(self.folder.join(format!("{}.{ASKED}", name.0)))
    }
}

fn read(file: &Path) -> Result<Request, String> {
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|error| error.to_string())?;
    opened.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    match serde_json::from_slice(&bytes).map_err(|error| error.to_string())? {
        Written::Said(said) => Ok(Request::Said(Box::new(said.into()))),
        Written::Again { step } => Ok(Request::Again { step }),
    }
}

#[cfg(test)]
mod tests;
