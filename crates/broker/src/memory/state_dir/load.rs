//! Taking up what the last process saved.

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
        window_file::{self, Moment},
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
    /// The files that could not be used.
    pub set_aside: Vec<SetAside>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its old path.
    pub file: PathBuf,
    /// Where it is now; `None` where it could not be moved.
    pub moved_to: Option<PathBuf>,
    /// What is wrong with it.
    pub reason: String,
    /// The stream whose readers are told `gap: data_loss`, where the name still says it.
    pub stream: Option<StreamName>,
}

impl StateDir {
    /// Takes up every saved window as a fork, so that cursors of the last process stay good.
    ///
    /// A damaged file is set aside under another name, and its stream begins anew as one that
    /// lost its past.
    ///
    /// # Errors
    /// Fails only where the folder can't be listed or written.
    pub fn load(&self, broker: &MemoryBroker) -> io::Result<Loaded> {
        let clean = self.take_clean_marker()?;
        let mut loaded = Loaded { clean, ..Loaded::default() };
        if self.is_used && !clean {
            broker.reckon_with_lost_logs();
        }
        let mut entries: Vec<_> = fs::read_dir(&self.path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if files::is_temporary(name) {
                let _ = fs::remove_file(entry.path());
            } else if name.ends_with(files::WINDOW_SUFFIX) {
                take_up(broker, &entry.path(), name, &mut loaded);
            }
        }
        Ok(loaded)
    }

    /// Takes the marker away for good, so that it can't speak for what is appended from now on.
    fn take_clean_marker(&self) -> io::Result<bool> {
        match fs::remove_file(self.clean_marker()) {
            Ok(()) => files::sync_dir(&self.path).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn take_up(broker: &MemoryBroker, path: &Path, name: &str, loaded: &mut Loaded) {
    let stream = files::stream_of(name);
    let kind = if loaded.clean { ForkKind::Whole } else { ForkKind::Lossy };
    match read(broker, path, stream.as_ref()) {
        Ok((stream, mut log)) => {
            log.fork(broker.draw_epoch(), kind);
            loaded.streams += 1;
            loaded.events += log.window_len();
            broker.take_up(stream, log);
        }
        Err(reason) => {
            let moved_to = set_aside(broker, path);
            if let Some(stream) = &stream {
                broker.take_up_lost(stream.clone());
            }
            loaded.set_aside.push(SetAside { file: path.to_owned(), moved_to, reason, stream });
        }
    }
}

fn read(
    broker: &MemoryBroker,
    path: &Path,
    named: Option<&StreamName>,
) -> Result<(StreamName, Log), String> {
    let bytes = fs::read(path).map_err(|error| format!("it can't be read: {error}"))?;
    let now = Moment::now(broker.clock());
    let (stream, log) = window_file::decode(&bytes, now).map_err(|error| error.to_string())?;
    if named != Some(&stream) {
        return Err(format!("it is the window of `{stream}`, under another name"));
    }
    Ok((stream, log))
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
