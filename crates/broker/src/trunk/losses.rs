//! Whether a branch's file lacks what was acknowledged when its process was killed, and who is told.
//!
//! A file is written a moment after what it takes up was acknowledged. From the first event that it
//! lacks until it is written a *mark* stands beside it, `KIND=KEY.EPOCH.open`: one that is found at a
//! start means that events may be gone. Then the branch goes on lossy, for its own readers, and the
//! mark stays until the trunk has a lossy epoch behind the merge: the events would have come to every
//! reader of the trunk as well. There may be a mark and no file yet.
//!
//! Marks outlive a process and not a loss of power, since nobody waits for the disk: where the machine
//! was started anew meanwhile (`boot` has which start it was) each branch counts as marked.

use std::{
    collections::{BTreeSet, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use event::{Epoch, StreamName};
use parking_lot::Mutex;

use super::{
    Core,
    cell::{Cell, Side},
};
use crate::{memory::state_dir::files, redis::failure::Failure};

const SUFFIX: &str = ".open";

/// Which start of the machine the folder was last used under.
const BOOT: &str = "boot";

/// What the system calls this start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The marks of one folder.
#[derive(Debug)]
pub(super) struct Marks {
    folder: PathBuf,
    standing: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    /// Those of branches whose file lacks something now.
    open: HashSet<(StreamName, Epoch)>,
    /// Those that were found, of which the trunk's readers are not told yet.
    owed: BTreeSet<(StreamName, Epoch)>,
}

/// What a start finds.
pub(super) struct FoundMarks {
    pub(super) marks: Marks,
    /// Whether the machine was started anew, so that marks may be missing.
    pub(super) is_other_boot: bool,
}

impl Marks {
    /// Finds the marks of a folder.
    pub(super) fn find(folder: &Path) -> io::Result<FoundMarks> {
        let mut owed = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            owed.extend(name.to_str().and_then(mark_of));
        }
        let before = fs::read(folder.join(BOOT)).ok();
        let is_other_boot = before.is_none() || before != fs::read(BOOT_ID).ok();
        let standing = Mutex::new(Standing { open: HashSet::new(), owed });
        Ok(FoundMarks { marks: Marks { folder: folder.to_owned(), standing }, is_other_boot })
    }

    /// Says that from now on marks are to be believed; to be called once all that was found is marked.
    pub(super) fn begin(&self) {
        let boot = fs::read(BOOT_ID);
        let written = boot.and_then(|boot| files::write_whole(&self.folder.join(BOOT), &boot));
        if let Err(error) = written {
            tracing::warn!(%error, "a kill of this process will count as a loss");
        }
    }

    /// Returns whether what was found of this branch lacks something.
    pub(super) fn is_owed(&self, stream: &StreamName, name: Epoch) -> bool {
        self.standing.lock().owed.contains(&(stream.clone(), name))
    }

    /// Says that a branch that was found lacks something.
    pub(super) fn owe(&self, stream: &StreamName, name: Epoch) {
        if self.standing.lock().owed.insert((stream.clone(), name)) {
            self.write(stream, name);
        }
    }

    /// Says that a branch's file lacks something.
    fn open(&self, stream: &StreamName, name: Epoch) {
        let mut standing = self.standing.lock();
        let mark = (stream.clone(), name);
        if !standing.owed.contains(&mark) && standing.open.insert(mark) {
            self.write(stream, name);
        }
    }

    /// Says that a branch's file has all, or is not needed any more.
    pub(super) fn close(&self, stream: &StreamName, name: Epoch) {
        if self.standing.lock().open.remove(&(stream.clone(), name)) {
            self.remove(stream, name);
        }
    }

    /// Returns the streams whose readers are to be told.
    fn owed(&self) -> BTreeSet<StreamName> {
        self.standing.lock().owed.iter().map(|(stream, _)| stream.clone()).collect()
    }

    /// Says that a stream's readers are told.
    fn told(&self, stream: &StreamName) {
        let mut standing = self.standing.lock();
        for (stream, name) in standing.owed.extract_if(.., |(of, _)| of == stream) {
            self.remove(&stream, name);
        }
    }

    fn write(&self, stream: &StreamName, name: Epoch) {
        if let Err(error) = files::open_private(&self.path_of(stream, name)) {
            // Without marks that are to be believed, each branch counts as marked.
            tracing::error!(%stream, %error, "a kill of this process will count as a loss");
            let _ = fs::remove_file(self.folder.join(BOOT));
        }
    }

    fn remove(&self, stream: &StreamName, name: Epoch) {
        match fs::remove_file(self.path_of(stream, name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%stream, %error, "readers will be told of a loss once more");
            }
            _ => {}
        }
    }

    fn path_of(&self, stream: &StreamName, name: Epoch) -> PathBuf {
        let stream = stream.to_string().replacen(':', "=", 1);
        self.folder.join(format!("{stream}.{name}{SUFFIX}"))
    }
}

fn mark_of(file_name: &str) -> Option<(StreamName, Epoch)> {
    let (stream, name) = file_name.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    Some((stream.replacen('=', ":", 1).parse().ok()?, name.parse().ok()?))
}

impl Core {
    /// Takes in that a branch differs from what the folder has; to be called before anybody is told
    /// that what it took is kept.
    pub(super) fn branch_changed(&self, cell: &Cell, side: &mut Side) {
        side.has_changed();
        let Some(branch) = &side.branch else { return };
        let name = branch.saved_as();
        // Probes need not outlive the process.
        if side.marked != Some(name) && cell.stream != StreamName::Probe {
            if let Some(spool) = &self.spool {
                spool.marks().open(&cell.stream, name);
            }
            side.marked = Some(name);
        }
    }

    /// Tells the trunk's readers of what branches lacked that are merged now.
    pub(super) async fn tell_losses(&self) -> Result<(), Failure> {
        let Some(spool) = &self.spool else { return Ok(()) };
        for stream in spool.marks().owed() {
            let is_branched = self.older().iter().any(|older| older.stream == stream)
                || self.cells_with_branches().iter().any(|cell| cell.stream == stream);
            if is_branched {
                // It is refused; what it has comes first.
                continue;
            }
            match self.trunk.fork_after_loss(&stream).await {
                Ok(()) => spool.marks().told(&stream),
                Err(failure) if failure.is_of_log => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }
}
