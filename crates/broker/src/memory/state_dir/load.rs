//! Reading what the last process saved; nothing in the folder changes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use event::{ForkKind, StreamName};

use super::{StateDir, files};
use crate::{
    MemoryBroker,
    memory::{
        log::Log,
        window_file::{self, Moment, WindowFileError},
    },
};

/// What was found in the folder.
#[derive(Debug, Default)]
pub struct Loaded {
    /// How many streams go on.
    pub streams: usize,
    /// How many events their windows have.
    pub events: usize,
    /// Whether the last process saved everything before it ended.
    pub clean: bool,
    /// The files that can't be used.
    pub set_aside: Vec<SetAside>,
}

/// A file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its old path.
    pub file: PathBuf,
    /// Where it is once the folder was taken over; `None` where it could not be moved.
    pub moved_to: Option<PathBuf>,
    /// What is wrong with it.
    pub reason: String,
    /// The stream whose readers are told `gap: data_loss`, where the name still says it.
    pub stream: Option<StreamName>,
}

/// Why the windows can't be taken up. What a file holds may be whole, so nobody decides but the
/// operator, and the folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder can't be listed.
    #[error("the state folder {} can't be listed", folder.display())]
    List {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file can't be read.
    #[error(
        "{} can't be read: make it readable for this user, or move it away to go on without it",
        file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer program wrote a file.
    #[error(
        "{} has format version {version}, which a newer program wrote: start that one, or move \
         the file away to go on without it",
        file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u8,
    },
}

/// A saved window, or what is wrong with its file.
type Found = (PathBuf, Option<StreamName>, Result<(StreamName, Log), String>);

impl StateDir {
    /// Takes up every saved window as a fork, so that cursors of the last process stay good.
    ///
    /// The stream of a damaged file begins anew as one that lost its past. Nothing may be appended
    /// before the folder was taken over ([`StateDir::take_over`]).
    ///
    /// # Errors
    /// Fails where something can't be read, or a newer program wrote it; the backend is as it was.
    pub fn load(&self, broker: &MemoryBroker) -> Result<Loaded, LoadError> {
        let marker = self.clean_marker();
        let clean =
            marker.try_exists().map_err(|source| LoadError::Unreadable { file: marker, source })?;
        let found = self.find(broker)?;
        let mut loaded = Loaded { clean, ..Loaded::default() };
        if self.is_used && !clean {
            broker.reckon_with_lost_logs();
        }
        for found in found {
            take_up(broker, found, &mut loaded);
        }
        Ok(loaded)
    }

    /// Reads all windows before any is taken up.
    fn find(&self, broker: &MemoryBroker) -> Result<Vec<Found>, LoadError> {
        let names = self.names();
        let names =
            names.map_err(|source| LoadError::List { folder: self.path.clone(), source })?;
        let windows = names.into_iter().filter(|name| name.ends_with(files::WINDOW_SUFFIX));
        let read = |name: String| {
            let (file, stream) = (self.path.join(&name), files::stream_of(&name));
            let window = read(broker, &file, stream.as_ref())?;
            Ok((file, stream, window))
        };
        windows.map(read).collect()
    }
}

fn take_up(broker: &MemoryBroker, found: Found, loaded: &mut Loaded) {
    let kind = if loaded.clean { ForkKind::Whole } else { ForkKind::Lossy };
    match found {
        (_, _, Ok((stream, mut log))) => {
            log.fork(broker.draw_epoch(), kind);
            loaded.streams += 1;
            loaded.events += log.window_len();
            broker.take_up(stream, log);
        }
        (file, stream, Err(reason)) => {
            if let Some(stream) = &stream {
                broker.take_up_lost(stream.clone());
            }
            loaded.set_aside.push(SetAside { file, moved_to: None, reason, stream });
        }
    }
}

/// Tells a file that is damaged, the inner error, from one that is not ours to judge.
fn read(
    broker: &MemoryBroker,
    file: &Path,
    named: Option<&StreamName>,
) -> Result<Result<(StreamName, Log), String>, LoadError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Ok(Err("it is a folder".to_owned()));
        }
        Err(source) => return Err(LoadError::Unreadable { file: file.to_owned(), source }),
    };
    match window_file::decode(&bytes, Moment::now(broker.clock())) {
        Err(WindowFileError::Version(version)) if version > window_file::VERSION => {
            Err(LoadError::Newer { file: file.to_owned(), version })
        }
        Err(error) => Ok(Err(error.to_string())),
        Ok((stream, _)) if named != Some(&stream) => {
            Ok(Err(format!("it is the window of `{stream}`, under another name")))
        }
        Ok(window) => Ok(Ok(window)),
    }
}
