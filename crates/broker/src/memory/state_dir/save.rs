//! Saving what has changed.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use event::StreamName;

use super::{StateDir, files};
use crate::{
    MemoryBroker,
    memory::{
        Cell,
        window_file::{self, Moment},
    },
};

/// What a pass of saving did.
#[derive(Debug, Default)]
pub struct Saved {
    /// How many streams were written.
    pub streams: usize,
    /// How many bytes they took.
    pub bytes: usize,
    /// The first stream that could not be written, and how many in all.
    pub failed: Option<(SaveFailure, usize)>,
}

/// A window that could not be written; the file from before still stands.
#[derive(Debug, thiserror::Error)]
#[error("the window of `{stream}` could not be saved to {}", file.display())]
pub struct SaveFailure {
    /// Whose window it is.
    pub stream: StreamName,
    /// The file.
    pub file: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl StateDir {
    /// Writes every log that has changed since it was last written.
    ///
    /// Appends go on meanwhile: a log is copied under its lock and written outside it. One pass at
    /// a time: a second one waits. Blocks on the disk.
    pub fn save(&self, broker: &MemoryBroker) -> Saved {
        let _pass = self.pass.lock();
        let mut saved = Saved::default();
        for (stream, cell) in broker.cells() {
            if stream == StreamName::Probe || !cell.dirty.swap(false, Ordering::AcqRel) {
                continue;
            }
            match self.save_one(broker, &stream, &cell) {
                Ok(bytes) => {
                    saved.streams += 1;
                    saved.bytes += bytes;
                }
                Err(failure) => {
                    cell.dirty.store(true, Ordering::Release);
                    saved.add_failure(failure);
                }
            }
        }
        if saved.streams > 0 {
            // A rename that a power cut undoes leaves the older window, which forks as lossy.
            let _ = files::sync_dir(&self.path);
        }
        saved
    }

    /// Says that everything was saved; only to be called when no append can follow.
    ///
    /// # Errors
    /// Fails where a log is not saved, or the marker can't be written; the next start then reckons
    /// with a loss.
    pub fn mark_clean(&self, broker: &MemoryBroker) -> io::Result<()> {
        let _pass = self.pass.lock();
        let is_unsaved = |(stream, cell): &(StreamName, Arc<Cell>)| {
            *stream != StreamName::Probe && cell.dirty.load(Ordering::Acquire)
        };
        if broker.cells().iter().any(is_unsaved) {
            return Err(io::Error::other("a window is not saved"));
        }
        files::write_whole(&self.clean_marker(), b"")?;
        files::sync_dir(&self.path)
    }

    fn save_one(
        &self,
        broker: &MemoryBroker,
        stream: &StreamName,
        cell: &Cell,
    ) -> Result<usize, SaveFailure> {
        let parts = cell.log.lock().parts();
        let bytes = window_file::encode(stream, &parts, Moment::now(broker.clock()));
        let file = self.path.join(files::window_file_name(stream));
        match files::write_whole(&file, &bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(source) => Err(SaveFailure { stream: stream.clone(), file, source }),
        }
    }
}

impl Saved {
    fn add_failure(&mut self, failure: SaveFailure) {
        match &mut self.failed {
            Some((_, count)) => *count += 1,
            None => self.failed = Some((failure, 1)),
        }
    }
}
