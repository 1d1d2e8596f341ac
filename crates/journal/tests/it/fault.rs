//! A disk that fails when it is told to, and forgets what was not synced.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use journal::{Disk, DiskFile, RealDisk};
use parking_lot::Mutex;

#[derive(Default)]
struct Faults {
    full: AtomicBool,
    short_write: AtomicBool,
    fail_syncs: AtomicU64,
    fail_truncate: AtomicBool,
    lying: AtomicBool,
    /// What each file held when it was synced last.
    synced: Mutex<HashMap<PathBuf, Vec<u8>>>,
}

/// The real disk with faults.
#[derive(Default)]
pub(crate) struct FaultyDisk(Arc<Faults>);

impl FaultyDisk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Nothing more fits.
    pub(crate) fn full(&self, full: bool) {
        self.0.full.store(full, SeqCst);
    }

    /// The next write stops half way.
    pub(crate) fn short_write(&self) {
        self.0.short_write.store(true, SeqCst);
    }

    /// The next syncs fail; so do cuts, until the last of them.
    pub(crate) fn fail_syncs(&self, times: u64, truncate_too: bool) {
        self.0.fail_truncate.store(truncate_too, SeqCst);
        self.0.fail_syncs.store(times, SeqCst);
    }

    /// Syncs do nothing from now on.
    pub(crate) fn lie(&self) {
        self.0.lying.store(true, SeqCst);
    }

    /// The power fails: what was not synced is gone.
    pub(crate) fn crash(&self) {
        for (path, bytes) in self.0.synced.lock().iter() {
            std::fs::write(path, bytes).unwrap();
        }
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { file, path: path.to_owned(), faults: Arc::clone(&self.0) })
    }
}

struct FaultyFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    faults: Arc<Faults>,
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(into, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let full = self.faults.full.load(SeqCst);
        if full || self.faults.short_write.swap(false, SeqCst) {
            self.file.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_at(bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        if self.faults.fail_truncate.swap(false, SeqCst) {
            return Err(io::Error::other("the cut failed"));
        }
        self.file.truncate(len)
    }

    fn sync(&self) -> io::Result<()> {
        let failing =
            self.faults.fail_syncs.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        if failing.is_ok() {
            return Err(io::Error::other("the sync failed"));
        }
        if self.faults.lying.load(SeqCst) {
            return Ok(());
        }
        let bytes = std::fs::read(&self.path)?;
        self.faults.synced.lock().insert(self.path.clone(), bytes);
        Ok(())
    }
}

impl Disk for FaultyDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.create_folder(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, RealDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, RealDisk.open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.synced.lock().remove(path);
        RealDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        RealDisk.lock(path)
    }
}
