//! The journal's file: one writer, every entry on disk before the next thing is done.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write},
    path::Path,
    thread,
    time::Duration,
};

use evidence::{ENTRY_BYTES_MAX, LogState, Output, Redactor, Tree};
use jiff::Timestamp;

use crate::{
    Damage, DamageKind, Entry, Event, JournalView, Refused, State, Tip, journal,
    room::{FILE_BYTES_MAX, Room, may_take_what_is_kept},
};

/// How often a lock is tried, and after how long again.
const LOCK_TRIES: u32 = 25;
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// A journal that is open for writing.
#[derive(Debug)]
pub struct Journal {
    file: File,
    tip: Tip,
    tree: Tree,
    redactor: Redactor,
    state: State,
    /// How long the file is.
    bytes: u64,
    room: Room,
    /// A write failed: nobody knows what is in the file.
    is_broken: bool,
}

/// A journal that can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file can't be made, read or written.
    #[error("the journal's file")]
    File(#[source] io::Error),
    /// Another process writes it.
    #[error("another process has the journal open")]
    Busy,
    /// It is too long, or would be: what could not be read again is not written.
    #[error("the journal has no room: it may have {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// The run would go on by it, and what room there is is kept for the way back. Nothing was written.
    #[error(
        "there is no room for it in the journal or on its disk: what is left is kept for the way back; make \
         room, or go back"
    )]
    NoRoom,
    /// What was kept on the disk for the way back is used up.
    #[error(
        "the disk of the journal is full, and what was kept on it for the way back is used up; make room, \
         and resume"
    )]
    Full(#[source] io::Error),
    /// It was changed.
    #[error("the journal was changed")]
    Damage(#[source] Damage),
    /// It holds no entry yet.
    #[error("the journal has no whole entry, so nothing was done: remove it and start anew")]
    Empty,
    /// What it says can't have happened, or must not happen.
    #[error("line {line} of the journal can't follow the ones before it")]
    Refused {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: Refused,
    },
    /// The entry is longer than a line may be.
    #[error("the entry has {0} bytes of JSON, {ENTRY_BYTES_MAX} are allowed")]
    EntryTooLong(usize),
    /// No JSON can be made of it.
    #[error("the entry can't be written as JSON")]
    Json(#[source] serde_json::Error),
    /// It is no entry, or none is left without its secrets.
    #[error("the entry is none without its secrets")]
    Entry(#[source] DamageKind),
    /// An earlier write failed.
    #[error("an earlier write failed; the journal has to be opened anew")]
    Broken,
}

impl Journal {
    /// Begins a journal in a new file.
    ///
    /// # Errors
    /// Fails where there is a file already, or it can't be made.
    pub fn start(path: &Path, redactor: Redactor, state: State) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = options.open(path).map_err(JournalError::File)?;
        lock(&file)?;
        file.sync_all().map_err(JournalError::File)?;
        // The name has to survive as well as the bytes.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = File::open(parent.unwrap_or(Path::new("."))).map_err(JournalError::File)?;
        folder.sync_all().map_err(JournalError::File)?;
        let (tip, tree, mut room) = (Tip::default(), Tree::default(), Room::default());
        if !room.leaves_enough(&file, 0).map_err(JournalError::File)? {
            return Err(JournalError::NoRoom);
        }
        Ok(Journal { file, tip, tree, redactor, state, bytes: 0, room, is_broken: false })
    }

    /// Goes on with a journal that another process left, says so in it, and leaves what has no outcome
    /// as unknown.
    ///
    /// # Errors
    /// Fails where the file was changed, is empty or is in use, or tells what can't have happened.
    pub fn resume(
        path: &Path,
        redactor: Redactor,
        mut state: State,
        at: Timestamp,
    ) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).open(path).map_err(JournalError::File)?;
        lock(&file)?;
        let mut bytes = Vec::new();
        let mut limited = (&file).take(FILE_BYTES_MAX + 1);
        limited.read_to_end(&mut bytes).map_err(JournalError::File)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(JournalError::TooLong);
        }
        let read = journal::read(&bytes).map_err(JournalError::Damage)?;
        if read.entries.is_empty() {
            return Err(JournalError::Empty);
        }
        for (line, entry) in (1..).zip(&read.entries) {
            let log = JournalView { tree: &read.tree, size: line - 1 };
            let applied = state.apply(&entry.event, log);
            applied.map_err(|source| JournalError::Refused { line, source })?;
        }
        if read.torn_bytes > 0 {
            file.set_len(read.whole_bytes).map_err(JournalError::File)?;
            file.sync_all().map_err(JournalError::File)?;
        }
        let (tip, tree, bytes) = (read.tip, read.tree, read.whole_bytes);
        let room = Room::default();
        let mut journal =
            Journal { file, tip, tree, redactor, state, bytes, room, is_broken: false };
        journal.append(at, Event::Resumed { torn_bytes: read.torn_bytes }, Vec::new())?;
        Ok(journal)
    }

    /// Lets the journal be no longer than that, as if its disk ended there, and keeps so much of it for the
    /// way back.
    #[must_use]
    pub fn with_room(mut self, most: u64, kept: u64) -> Self {
        self.room = Room::of(most, kept);
        self
    }

    /// Adds an entry with what it left behind, and returns it once it is on disk, without secrets.
    ///
    /// # Errors
    /// Fails where the entry can't follow, or can't be written; nothing follows a failed write. Where there
    /// is [no room](JournalError::NoRoom) for it, nothing was written, and the way back still can be.
    pub fn append(
        &mut self,
        at: Timestamp,
        event: Event,
        outputs: Vec<Output>,
    ) -> Result<Event, JournalError> {
        if self.is_broken {
            return Err(JournalError::Broken);
        }
        let entry = Entry { at: at.to_string(), event, outputs };
        let written = entry.to_json(self.tip.entries).map_err(JournalError::Json)?;
        let json = self.redactor.redact(&written);
        if json.len() > ENTRY_BYTES_MAX {
            return Err(JournalError::EntryTooLong(json.len()));
        }
        // What was redacted has still to be an entry, and is the one that counts.
        let kept = Entry::read(self.tip.entries, &json).map_err(JournalError::Entry)?;
        let mut state = self.state.clone();
        let line = self.tip.entries + 1;
        let applied = state.apply(&kept.event, JournalView::whole(&self.tree));
        applied.map_err(|source| JournalError::Refused { line, source })?;
        let (bytes, tip) = journal::line(self.tip, &json);
        let after = self.bytes + bytes.len() as u64;
        if !self.room.has(after) {
            return Err(JournalError::TooLong);
        }
        if !self.room.leaves_enough(&self.file, after).map_err(JournalError::File)?
            && !may_take_what_is_kept(&kept.event, self.state.phase(), state.phase())
        {
            return Err(JournalError::NoRoom);
        }
        self.is_broken = true;
        self.file.write_all(&bytes).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.is_broken = false;
        if matches!(kept.event, Event::Ended { .. }) {
            // What was kept on the disk is not needed any more.
            let _is_given_back = self.file.set_len(after);
        }
        self.tree.push(&json);
        (self.tip, self.state, self.bytes) = (tip, state, after);
        Ok(kept.event)
    }

    /// Returns whether an event may follow what is there; nothing is written.
    ///
    /// # Errors
    /// Fails with why it may not.
    pub fn may_follow(&self, event: &Event) -> Result<(), Refused> {
        self.state.clone().apply(event, JournalView::whole(&self.tree))
    }

    /// Returns what follows from all entries.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns where the journal ends.
    pub const fn tip(&self) -> Tip {
        self.tip
    }

    /// Returns the journal as decisions name it: its run, its length and its root.
    pub fn log_state(&self) -> LogState {
        let origin = self.state.run().unwrap_or_default().to_owned();
        LogState { origin, size: self.tree.len(), root: self.tree.root() }
    }
}

/// Returns the failure of a write.
fn failed(error: io::Error) -> JournalError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => JournalError::Full(error),
        _ => JournalError::File(error),
    }
}

/// Takes the lock of a file. What a process let go is held for another moment by a child of its own that
/// was forked before and is not another program yet; so it is tried again before somebody has it.
fn lock(file: &File) -> Result<(), JournalError> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => thread::park_timeout(LOCK_AGAIN),
            Err(std::fs::TryLockError::Error(error)) => return Err(JournalError::File(error)),
        }
    }
    Err(JournalError::Busy)
}

#[cfg(test)]
mod tests;
