//! The folder where branches outlive the process.
//!
//! One file a branch, `KIND=KEY.EPOCH.branch`, with the bytes of a saved window: the epoch is the
//! branch's oldest, and tells which part of the lineage is its own. `clean` stands there between a
//! drain that saved everything and the next start; without it the next epoch of a branch whose file
//! may lack something (`losses`) begins lossy. A file that can't be read as a branch is set aside,
//! never deleted.
//!
//! A stream may have several files, where a merged branch's could not be removed: all of them are
//! taken up, in their order.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{Clock, Epoch, ForkKind, StreamName};
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::{
    Core,
    branch::Branch,
    cell::Cell,
    losses::{FoundMarks, Marks},
};
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
    /// Held for each write until it is done, also where nobody waits for it any more.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// Files of merged branches that are still to be removed.
    left: Mutex<Vec<PathBuf>>,
    marks: Marks,
    /// Whether marks may be missing.
    is_other_boot: bool,
}

/// The right to write to the folder.
pub(super) type Writing = OwnedMutexGuard<()>;

/// A branch that was found in the folder.
pub(super) struct Found {
    pub(super) stream: StreamName,
    pub(super) branch: Branch,
    /// Whether something may be gone of it.
    lacks: bool,
}

impl Spool {
    /// Makes the folder where it is missing, and locks it.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        files::make_private_dir(folder)?;
        let lock = files::open_private(&folder.join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        files::write_whole(&folder.join("probe"), b"")?;
        fs::remove_file(folder.join("probe"))?;
        let (writing, left) = (Arc::default(), Mutex::default());
        let FoundMarks { marks, is_other_boot } = Marks::find(folder)?;
        Ok(Spool { folder: folder.to_owned(), lock, writing, left, marks, is_other_boot })
    }

    /// Returns what stands beside branches whose files lack something.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Waits until nobody writes to the folder, and keeps others from it.
    pub(super) async fn writing(&self) -> Writing {
        Arc::clone(&self.writing).lock_owned().await
    }

    /// Takes up what another process left, and the folder with it; of one stream the branches in
    /// their order.
    pub(super) fn take_up(
        &self,
        clock: &dyn Clock,
        draw: &dyn Fn() -> Epoch,
    ) -> io::Result<Vec<Found>> {
        let clean = self.folder.join("clean");
        let is_clean = clean.try_exists()?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(name) = name.strip_suffix(SUFFIX) else { continue };
            let bytes = fs::read(&path)?;
            let lacks = |stream: &StreamName, name: Epoch| {
                !is_clean && (self.is_other_boot || self.marks.is_owed(stream, name))
            };
            match read(name, &bytes, Moment::now(clock), draw(), lacks) {
                Some(branch) => found.push(branch),
                None => {
                    let aside = path.with_extension(format!("branch.damaged-{}", clock.unix().0));
                    tracing::error!(file = %path.display(), aside = %aside.display(), "a spooled branch can't be read and is set aside");
                    fs::rename(&path, &aside)?;
                }
            }
        }
        found.sort_by_key(|found| found.branch.age());
        for Found { stream, branch, lacks } in &found {
            if *lacks {
                self.marks.owe(stream, branch.saved_as());
            }
        }
        self.marks.begin();
        match fs::remove_file(&clean) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => files::sync_dir(&self.folder).map(|()| found),
        }
    }

    /// Writes a branch; returns whether it is written.
    fn write(&self, stream: &StreamName, name: Epoch, parts: &LogParts, now: Moment) -> bool {
        let path = self.path_of(stream, name);
        let written = files::write_whole(&path, &window_file::encode(stream, parts, now));
        if let Err(error) = &written {
            tracing::error!(%stream, %error, "a branch could not be saved");
        }
        written.is_ok()
    }

    /// Removes the file of a merged branch, now or when that can be done.
    pub(super) fn remove(&self, _writing: &Writing, stream: &StreamName, name: Epoch) {
        self.marks.close(stream, name);
        self.left.lock().push(self.path_of(stream, name));
        self.remove_left();
    }

    /// Removes what could not be removed before.
    fn remove_left(&self) {
        self.left.lock().retain(|path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(file = %path.display(), %error, "a merged branch's file stays");
                true
            }
            _ => false,
        });
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
fn read(
    name: &str,
    bytes: &[u8],
    now: Moment,
    epoch: Epoch,
    lacks: impl Fn(&StreamName, Epoch) -> bool,
) -> Option<Found> {
    let (stream, name) = name.rsplit_once('.')?;
    let stream: StreamName = stream.replacen('=', ":", 1).parse().ok()?;
    let (named, log) = window_file::decode(bytes, now).ok()?;
    if named != stream {
        return None;
    }
    let name = name.parse().ok()?;
    let lacks = lacks(&stream, name);
    let kind = if lacks { ForkKind::Lossy } else { ForkKind::Whole };
    let branch = Branch::take_up(log, name, epoch, kind)?;
    Some(Found { stream, branch, lacks })
}

impl Core {
    /// Writes every branch that has changed since it was last written; returns whether all are.
    pub(super) async fn save_all(&self) -> bool {
        if let Some(spool) = self.spool.as_ref().filter(|spool| !spool.left.lock().is_empty()) {
            spool.remove_left();
        }
        let mut saved = true;
        for cell in self.older().into_iter().chain(self.cells_with_branches()) {
            saved &= self.save_cell(&cell).await;
        }
        saved
    }

    /// Writes a stream's branch, where it has changed since it was last written; returns whether the
    /// folder has it.
    ///
    /// # Cancel safety
    /// It is: what is being written is written whole before anything else is.
    pub(super) async fn save_cell(&self, cell: &Arc<Cell>) -> bool {
        // Probes need not outlive the process.
        let Some(spool) = self.spool.as_ref().filter(|_| cell.stream != StreamName::Probe) else {
            return true;
        };
        let writing = spool.writing().await;
        let (changes, name, parts) = {
            let side = cell.side.lock();
            let branch = side.branch.as_ref().filter(|branch| branch.has_places());
            let (Some(changes), Some(branch)) = (side.unsaved(), branch) else { return true };
            (changes, branch.saved_as(), branch.parts())
        };
        let now = Moment::now(&*self.options.clock);
        let (spool, cell) = (Arc::clone(spool), Arc::clone(cell));
        let written = tokio::task::spawn_blocking(move || {
            let _writing = writing;
            let is_written = spool.write(&cell.stream, name, &parts, now);
            if is_written {
                let mut side = cell.side.lock();
                side.is_saved(changes);
                if side.unsaved().is_none() {
                    spool.marks.close(&cell.stream, name);
                    side.marked = None;
                }
            }
            is_written
        });
        written.await.unwrap_or(false)
    }

    /// Says that everything is saved.
    pub(super) fn mark_clean(&self) -> io::Result<()> {
        let Some(spool) = &self.spool else { return Ok(()) };
        files::write_whole(&spool.folder.join("clean"), b"")?;
        files::sync_dir(&spool.folder)
    }
}
