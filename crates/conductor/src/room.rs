//! The room that a journal has: what it may grow to, and what of that is kept for the way back, also on a
//! disk that is full by then.
//!
//! Knows no entry's meaning but whether the run goes forward by it.

use std::{fs::File, io};

use rustix::fs::{FallocateFlags, fallocate};

use crate::{Event, Phase};

/// The longest journal that is read and written, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 256 << 20;

/// What is kept of that for the way back, the end, and for going on with it, in bytes.
pub(crate) const RESERVE_BYTES: u64 = 16 << 20;

/// What is kept on the disk behind the journal for the same, in bytes: some thousand entries.
pub(crate) const DISK_BYTES: u64 = 1 << 20;

/// The room of a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// How long it may be.
    most: u64,
    /// What is kept of that.
    kept: u64,
    /// Up to where the disk has room for it; nothing where the file system keeps none.
    on_disk: Option<u64>,
}

impl Default for Room {
    fn default() -> Self {
        Room { most: FILE_BYTES_MAX, kept: RESERVE_BYTES, on_disk: Some(0) }
    }
}

impl Room {
    /// Returns the room of a journal that may be so long, of which so much is kept.
    pub(crate) fn of(most: u64, kept: u64) -> Self {
        Room { most, kept, on_disk: Some(0) }
    }

    /// Returns whether a journal may be so long.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        bytes <= self.most
    }

    /// Returns whether a journal may be so long and leaves what is kept, on the disk too, where more of it
    /// is taken for that.
    ///
    /// # Errors
    /// Fails where the disk can't be asked.
    pub(crate) fn leaves_enough(&mut self, file: &File, bytes: u64) -> io::Result<bool> {
        let fits = bytes.saturating_add(self.kept) <= self.most;
        Ok(fits && self.keeps(file, bytes)?)
    }

    /// Takes room on the disk behind so many bytes; returns whether it is there.
    fn keeps(&mut self, file: &File, bytes: u64) -> io::Result<bool> {
        let needed = bytes.saturating_add(DISK_BYTES);
        let Some(on_disk) = self.on_disk else { return Ok(true) };
        if on_disk >= needed {
            return Ok(true);
        }
        // Some more at a time, where that is there.
        for to in [needed.saturating_add(DISK_BYTES), needed] {
            match fallocate(file, FallocateFlags::KEEP_SIZE, 0, to) {
                Ok(()) => {
                    self.on_disk = Some(to);
                    return Ok(true);
                }
                Err(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) => {}
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                    tracing::warn!("the file system keeps no room for the journal's way back");
                    self.on_disk = None;
                    return Ok(true);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

/// Returns whether an event may take what is kept: the way back, what stops a run, and the end of what was
/// begun; nothing by which a run goes on, and nothing that could come again and again.
pub(crate) fn may_take_what_is_kept(event: &Event, before: Phase, after: Phase) -> bool {
    match after {
        Phase::RollingBack
        | Phase::Kept
        | Phase::RolledBack
        | Phase::RollbackFailed
        | Phase::Aborted => true,
        Phase::Hold if before != Phase::Hold => true,
        _ => {
            matches!(event, Event::Resumed { .. } | Event::Outcome { .. } | Event::ReadBack { .. })
        }
    }
}
