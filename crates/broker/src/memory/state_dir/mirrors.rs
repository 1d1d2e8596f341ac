//! Which of the saved windows are mirrors: what a process with Redis knew of logs that are Redis's.
//!
//! Whoever finds such a window has not all of its log, as the process has that owned it; what it has
//! is what that process knew. The file `mirrors` goes when a process with the memory backend owns
//! the logs. A line of it is `replica NAME`, or `STREAM EPOCH`.

use std::{
    collections::HashMap,
    fs,
    io::{self, ErrorKind},
    path::PathBuf,
};

use event::{Epoch, StreamName};

use super::{LoadError, StateDir, files};

/// What a process with Redis left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// The streams whose windows are mirrors, with the last epoch that was Redis's, or a branch's.
    pub streams: HashMap<StreamName, Epoch>,
    /// What the process and those before it were called, that could not say to Redis that they end.
    pub replicas: Vec<String>,
}

impl Mirrors {
    fn text(&self) -> String {
        let replicas = self.replicas.iter().map(|name| format!("replica {name}\n"));
        let streams = self.streams.iter().map(|(stream, epoch)| format!("{stream} {epoch}\n"));
        let mut lines: Vec<_> = replicas.chain(streams).collect();
        lines.sort();
        lines.concat()
    }

    fn read(text: &str) -> Self {
        let mut mirrors = Mirrors::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("replica", name)) => mirrors.replicas.push(name.to_owned()),
                Some((stream, epoch)) => {
                    if let (Ok(stream), Ok(epoch)) = (stream.parse(), epoch.parse()) {
                        mirrors.streams.insert(stream, epoch);
                    }
                }
                None => {}
            }
        }
        mirrors
    }
}

impl StateDir {
    /// Says which windows are mirrors.
    ///
    /// # Errors
    /// Fails where that can't be written.
    pub fn mark_mirrors(&self, mirrors: &Mirrors) -> io::Result<()> {
        files::write_whole(&self.mirrors_file(), mirrors.text().as_bytes())?;
        files::sync_dir(self.path())
    }

    /// Returns which windows are mirrors.
    ///
    /// # Errors
    /// Fails where that can't be read.
    pub fn mirrors(&self) -> Result<Mirrors, LoadError> {
        let file = self.mirrors_file();
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Mirrors::read(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Mirrors::default()),
            Err(source) => Err(LoadError::Unreadable { file, source }),
        }
    }

    /// Says that every window is that of its log's owner from now on; who has all that processes with
    /// Redis knew still speaks for those.
    ///
    /// # Errors
    /// Fails where that can't be read or written.
    pub fn own_mirrors(&self, has_all: bool) -> io::Result<()> {
        let known = self.mirrors().map_err(io::Error::other)?;
        match known {
            Mirrors { replicas, .. } if has_all && !replicas.is_empty() => {
                self.mark_mirrors(&Mirrors { replicas, ..Mirrors::default() })
            }
            _ => self.forget_mirrors(),
        }
    }

    /// Says that there are no windows.
    ///
    /// # Errors
    /// Fails where that can't be written.
    pub fn forget_mirrors(&self) -> io::Result<()> {
        match fs::remove_file(self.mirrors_file()) {
            Ok(()) => files::sync_dir(self.path()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn mirrors_file(&self) -> PathBuf {
        self.path().join("mirrors")
    }
}

#[cfg(test)]
mod tests {
    use event::{Epoch, StreamName};

    use super::Mirrors;

    #[test]
    fn what_is_written_is_read() {
        let stream = StreamName::thread("one").expect("it keeps the grammar");
        let mirrors = Mirrors {
            streams: [(stream, Epoch::from_bits(7)), (StreamName::Ops, Epoch::from_bits(8))].into(),
            replicas: vec!["one".to_owned(), "two".to_owned()],
        };
        assert_eq!(Mirrors::read(&mirrors.text()), mirrors);
        assert_eq!(Mirrors::read("nonsense\n\nx y\n"), Mirrors::default());
    }
}
