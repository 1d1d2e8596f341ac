//! The room that an inbox keeps on its disk, so that people can stop a run and send it back where the disk
//! has become full.
//!
//! Owns: one file beside the requests, which is nothing but allocated. Must not know: requests.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::Path,
};

use rustix::fs::{FallocateFlags, fallocate};

/// The file's name.
const FILE: &str = "reserve";

/// How much is kept, in bytes: for some dozen words and their answers.
const BYTES: u64 = 512 << 10;

/// How much of it is given up for one word and its answer, in bytes.
const PART: u64 = 32 << 10;

/// Takes what is missing of the room, where the disk has it.
///
/// # Errors
/// Fails where the disk is full, or the file can't be written.
pub(super) fn keep(folder: &Path) -> io::Result<()> {
    let path = folder.join(FILE);
    if fs::symlink_metadata(&path).is_ok_and(|it| it.is_file() && it.len() >= BYTES) {
        return Ok(());
    }
    let file = File::options().create(true).append(true).open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, BYTES) {
        // A file system that keeps no room has none to give up.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        kept => Ok(kept?),
    }
}

/// Writes something, and gives up a part of the room where the disk has no other.
///
/// # Errors
/// Fails as the writing does, where there is nothing left to give up.
pub(super) fn with(folder: &Path, write: impl Fn() -> io::Result<()>) -> io::Result<()> {
    loop {
        match write() {
            Err(error) if is_full(&error) => give_up(folder).map_err(|_| error)?,
            written => return written,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Gives a part of the room up.
fn give_up(folder: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(folder.join(FILE))?;
    let left = file.metadata()?.len();
    if left == 0 {
        return Err(ErrorKind::StorageFull.into());
    }
    file.set_len(left.saturating_sub(PART))?;
    // Some file systems give it back only then.
    file.sync_all()
}
