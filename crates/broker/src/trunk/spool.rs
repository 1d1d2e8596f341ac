//! The folder where branches outlive the process.
//!
//! One file a branch, `KIND=KEY.EPOCH.branch`, with the bytes of a saved window: the epoch is the
//! branch's oldest, and tells which part of the lineage is its own. `clean` stands there between a
//! drain that saved everything and the next start; without it the branch's next epoch begins
//! lossy. A file that can't be read as a branch is set aside, never deleted.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use event::{Clock, Epoch, ForkKind, StreamName};
use tokio::sync::Mutex;

use super::{Core, branch::Branch, cell::Cell};
use crate::memory::{
    log::LogParts,
    state_dir::files,
    window_file::{self, Moment},
};

const SUFFIX: &str = ".branch";

/// The folder, locked for this process until it is dropped.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    lock: File,
    /// Held for each write.
    writing: Mutex<()>,
}

/// A branch that was found in the folder.
pub(super) struct Found {
    pub(super) stream: StreamName,
    pub(super) branch: Branch,
}

impl Spool {
    /// Makes the folder where it is missing, and locks it.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        files::make_private_dir(folder)?;
        let lock = files::open_private(&folder.join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        files::write_whole(&folder.join("probe"), b"")?;
        fs::remove_file(folder.join("probe"))?;
        Ok(Spool { folder: folder.to_owned(), lock, writing: Mutex::new(()) })
    }

    /// Takes up what another process left, and the folder with it.
    pub(super) fn take_up(
        &self,
        clock: &dyn Clock,
        draw: &dyn Fn() -> Epoch,
    ) -> io::Result<Vec<Found>> {
        let clean = self.folder.join("clean");
        let kind = if clean.try_exists()? { ForkKind::Whole } else { ForkKind::Lossy };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(name) = name.strip_suffix(SUFFIX) else { continue };
            let bytes = fs::read(&path)?;
            match read(name, &bytes, Moment::now(clock), draw(), kind) {
                Some(branch) => found.push(branch),
                None => {
                    let aside = path.with_extension(format!("branch.damaged-{}", clock.unix().0));
                    tracing::error!(file = %path.display(), aside = %aside.display(), "a spooled branch can't be read and is set aside");
                    fs::rename(&path, &aside)?;
                }
            }
        }
        match fs::remove_file(&clean) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => files::sync_dir(&self.folder).map(|()| found),
        }
    }

    fn path_of(&self, stream: &StreamName, name: Epoch) -> PathBuf {
        let stream = stream.to_string().replacen(':', "=", 1);
        self.folder.join(format!("{stream}.{name}{SUFFIX}"))
    }
}

impl Drop for Spool {
    /// Unlocks by name: a child that is just being started has the file open as well.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// Returns how many branches a folder has.
pub(super) fn branches_in(folder: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    let is_branch = |name: &&std::ffi::OsString| name.to_string_lossy().ends_with(SUFFIX);
    Ok(names.iter().filter(is_branch).count())
}

/// Reads a branch from a file of this name.
fn read(name: &str, bytes: &[u8], now: Moment, epoch: Epoch, kind: ForkKind) -> Option<Found> {
    let (stream, name) = name.rsplit_once('.')?;
    let stream: StreamName = stream.replacen('=', ":", 1).parse().ok()?;
    let (named, log) = window_file::decode(bytes, now).ok()?;
    if named != stream {
        return None;
    }
    let branch = Branch::take_up(log, name.parse().ok()?, epoch, kind)?;
    Some(Found { stream, branch })
}

impl Core {
    /// Writes every branch that has changed since it was last written; returns whether all are.
    pub(super) async fn save_all(&self) -> bool {
        let mut saved = true;
        for cell in self.cells_with_branches() {
            saved &= self.save_cell(&cell).await;
        }
        saved
    }

    /// Writes a stream's branch, where it has changed since it was last written.
    pub(super) async fn save_cell(&self, cell: &Cell) -> bool {
        // Probes need not outlive the process.
        let Some(spool) = self.spool.as_ref().filter(|_| cell.stream != StreamName::Probe) else {
            return true;
        };
        let _writing = spool.writing.lock().await;
        let parts: Option<(Epoch, LogParts)> = {
            let mut side = cell.side.lock();
            let is_dirty = std::mem::take(&mut side.is_dirty);
            let branch = side.branch.as_ref().filter(|branch| is_dirty && branch.has_places());
            branch.map(|branch| (branch.saved_as(), branch.parts()))
        };
        let Some((name, parts)) = parts else { return true };
        let (path, stream) = (spool.path_of(&cell.stream, name), cell.stream.clone());
        let now = Moment::now(&*self.options.clock);
        let written = tokio::task::spawn_blocking(move || {
            files::write_whole(&path, &window_file::encode(&stream, &parts, now))
        });
        match written.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => true,
            Err(error) => {
                cell.side.lock().is_dirty = true;
                tracing::error!(stream = %cell.stream, %error, "a branch could not be saved");
                false
            }
        }
    }

    /// Removes the file of a branch that is merged and was taken from its cell.
    pub(super) async fn forget_saved(&self, stream: &StreamName, branch: &Branch) {
        if let Some(spool) = &self.spool {
            // A file that is being written would stand again, and its events come a second time.
            let _writing = spool.writing.lock().await;
            let _ = fs::remove_file(spool.path_of(stream, branch.saved_as()));
        }
    }

    /// Says that everything is saved.
    pub(super) fn mark_clean(&self) -> io::Result<()> {
        let Some(spool) = &self.spool else { return Ok(()) };
        files::write_whole(&spool.folder.join("clean"), b"")?;
        files::sync_dir(&spool.folder)
    }
}
