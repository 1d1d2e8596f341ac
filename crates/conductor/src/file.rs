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

use crate::{Damage, DamageKind, Entry, Event, JournalView, Phase, Refused, State, Tip, journal};

/// The longest journal that is read and written, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What is kept of that for the way back, the end, and for going on with it, in bytes.
const RESERVE_BYTES: u64 = 16 << 20;

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
    #[error("the journal has no room: {FILE_BYTES_MAX} bytes, some of them for the way back")]
    TooLong,
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
        let (tip, tree) = (Tip::default(), Tree::default());
        Ok(Journal { file, tip, tree, redactor, state, bytes: 0, is_broken: false })
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
        let mut journal = Journal { file, tip, tree, redactor, state, bytes, is_broken: false };
        journal.append(at, Event::Resumed { torn_bytes: read.torn_bytes }, Vec::new())?;
        Ok(journal)
    }

    /// Adds an entry with what it left behind, and returns once it is on disk.
    ///
    /// # Errors
    /// Fails where the entry can't follow, or can't be written; nothing follows a failed write.
    pub fn append(
        &mut self,
        at: Timestamp,
        event: Event,
        outputs: Vec<Output>,
    ) -> Result<(), JournalError> {
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
        if after > room(&kept.event, state.phase()) {
            return Err(JournalError::TooLong);
        }
        self.is_broken = true;
        self.file.write_all(&bytes).map_err(JournalError::File)?;
        self.file.sync_data().map_err(JournalError::File)?;
        self.is_broken = false;
        self.tree.push(&json);
        (self.tip, self.state, self.bytes) = (tip, state, after);
        Ok(())
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

/// Returns how long the journal may be after an event, with the phase that it leads to.
fn room(event: &Event, phase: Phase) -> u64 {
    match (event, phase) {
        (Event::Resumed { .. } | Event::Ended { .. }, _) | (_, Phase::RollingBack) => {
            FILE_BYTES_MAX
        }
        _ => FILE_BYTES_MAX - RESERVE_BYTES,
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
