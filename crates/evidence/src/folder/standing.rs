//! A log that goes on for as long as a server is there: one process after the other adds to it.
//!
//! Its outputs stand beside it under their own names. Each is written before the entry that names it,
//! and the entry before the checkpoint that counts it: so a crash leaves at most one record without an
//! entry and one entry without a checkpoint, and the next process mends both. It signs nothing that it
//! did not write: a record that it finds is named as one that was left, and no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::json;

use super::{FolderError, TEMPORARY_SUFFIX, io_error, list, put, read};
use crate::{
    CHECKPOINT_FILE, Checkpoint, Contents, ENTRIES_FILE, Hash, Home, Keyring, Kind, LOG_ROLE, Note,
    Output, Predicate, RECORD_SUFFIX, Recorder, RecorderError, Redactor, Request, Resource, Role,
    Signer, verify,
};

/// What records are called in the log that a process found beside it.
const LEFT: &str = "left-unsigned";

/// A log in a folder, open for one process.
#[derive(Debug)]
pub struct StandingLog {
    folder: PathBuf,
    /// Locked for as long as it is open.
    entries: File,
    recorder: Recorder,
    signer: Arc<Signer>,
    /// Records that were signed, with their digests.
    signed: BTreeMap<String, Hash>,
    /// How many records it found when it was opened that no entry named.
    left: usize,
    /// A write failed: nobody knows what is in the folder.
    is_broken: bool,
}

/// A standing log that can't be opened or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The folder can't be read or written.
    #[error("the evidence folder")]
    Folder(#[from] FolderError),
    /// Another process adds to it.
    #[error("another process writes to the evidence folder")]
    Busy,
    /// It is not as it was signed, or another key signed it.
    #[error("the evidence is not as this key signed it: {0}")]
    Changed(String),
    /// The evidence can't be made.
    #[error("the evidence can't be made")]
    Recorder(#[from] RecorderError),
    /// A record can't have such a name.
    #[error("{0:?} is no name of a record, or another record's")]
    Name(String),
    /// An earlier write failed.
    #[error("an earlier write failed; the log has to be opened anew")]
    Broken,
}

fn json_error(error: serde_json::Error) -> StandingError {
    StandingError::Recorder(RecorderError::Json(error))
}

fn changed(why: impl Into<String>) -> StandingError {
    StandingError::Changed(why.into())
}

impl StandingLog {
    /// Opens the log of a folder, or begins one; it is called as the key is. What a crash left is
    /// mended, and records that no entry names are named as such.
    ///
    /// # Errors
    /// Fails where the folder can't be used, another process has it open, or it was changed.
    pub fn open(folder: &Path, signer: Arc<Signer>, at: Timestamp) -> Result<Self, StandingError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_error(folder))?;
        let path = folder.join(ENTRIES_FILE);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let entries = options.open(&path).map_err(io_error(&path))?;
        lock(&entries, &path)?;
        clear_temporaries(folder)?;
        let contents = read(folder)?;
        let lines = contents.entries.as_deref().unwrap_or_default();
        let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let origin = signer.verifier().name().as_str();
        let recorder = Recorder::resume(origin, Redactor::default(), &lines[..whole])
            .map_err(|error| changed(error.to_string()))?
            .without_end();
        let begins = lines.is_empty() && contents.checkpoint.is_none();
        if !begins {
            check_signed(&contents, &lines[..whole], &recorder, &signer)?;
        }
        let is_torn = whole < lines.len();
        let beside = recorder.beside()?;
        let signed = beside.iter().filter(|(kind, _)| *kind == Kind::Statement);
        let signed = signed.map(|(_, output)| (output.name.clone(), output.sha256)).collect();
        let folder = folder.to_owned();
        let (left, is_broken) = (0, false);
        let mut log = StandingLog { folder, entries, recorder, signer, signed, left, is_broken };
        let mended = log.name_left(&contents, &beside, at)?;
        log.check(contents)?;
        if is_torn {
            log.entries.set_len(whole as u64).map_err(io_error(&path))?;
        }
        // A checkpoint is there before the first entry: one that is missing later was taken away.
        if begins {
            let empty = Recorder::new(log.recorder.origin(), Redactor::default())?.without_end();
            put(&log.folder.join(CHECKPOINT_FILE), empty.checkpoint(&log.signer)?.as_bytes())?;
        }
        log.append(mended)?;
        Ok(log)
    }

    /// Returns how many records no entry named when it was opened: nobody signed them.
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Keeps a record under its name, with what is said of it, signed; returns once both are on disk.
    /// One that is there already stays as it is, so that whoever does not know may try again.
    ///
    /// # Errors
    /// Fails where the name can't be one or is another record's, or something can't be written; the log
    /// has to be opened anew then.
    pub fn keep(
        &mut self,
        at: Timestamp,
        (name, bytes): (&str, &[u8]),
        said: &Predicate,
    ) -> Result<(), StandingError> {
        if self.is_broken {
            return Err(StandingError::Broken);
        }
        if !name.ends_with(RECORD_SUFFIX) || name.contains(['/', '\0']) {
            return Err(StandingError::Name(name.to_owned()));
        }
        let output = Output::new(name, bytes, Home::Folder);
        match self.signed.get(name) {
            Some(before) if *before == output.sha256 => return Ok(()),
            Some(_) => return Err(StandingError::Name(name.to_owned())),
            None => {}
        }
        let (kept, sha256) = (name.to_owned(), output.sha256);
        let statement =
            said.about(vec![Resource::of_sha256(name, output.sha256)]).map_err(json_error)?;
        let envelope = statement.signed(&self.signer).map_err(json_error)?;
        self.is_broken = true;
        put(&self.folder.join(name), bytes)?;
        let before = self.recorder.lines().len();
        self.recorder.statement(at, LOG_ROLE, envelope, vec![output])?;
        self.append(before)?;
        self.signed.insert(kept, sha256);
        self.is_broken = false;
        Ok(())
    }

    /// Writes the lines behind so many bytes, then the checkpoint over all.
    fn append(&mut self, before: usize) -> Result<(), StandingError> {
        let path = self.folder.join(ENTRIES_FILE);
        let lines = &self.recorder.lines()[before..];
        let written = self.entries.write_all(lines).and_then(|()| self.entries.sync_data());
        written.map_err(io_error(&path))?;
        let checkpoint = self.recorder.checkpoint(&self.signer)?;
        Ok(put(&self.folder.join(CHECKPOINT_FILE), checkpoint.as_bytes())?)
    }

    /// Names records that no entry names; returns how many bytes of lines there were before.
    fn name_left(
        &mut self,
        contents: &Contents,
        beside: &[(Kind, Output)],
        at: Timestamp,
    ) -> Result<usize, StandingError> {
        let before = self.recorder.lines().len();
        let named: BTreeSet<&str> = beside.iter().map(|(_, output)| output.name.as_str()).collect();
        let left = contents.records.iter().filter(|(name, _)| !named.contains(name.as_str()));
        for (name, file) in left {
            let (sha256, bytes) = (file.sha256, file.bytes);
            let output = Output { name: name.clone(), sha256, bytes, home: Home::Folder };
            self.recorder.record(at, LEFT, &json!({}), vec![output])?;
            self.left += 1;
        }
        Ok(before)
    }

    /// Verifies the folder as it will be. What does not belong there harms nothing that is signed, and
    /// is for others to find.
    fn check(&self, contents: Contents) -> Result<(), StandingError> {
        let contents = Contents {
            entries: Some(self.recorder.lines().to_vec()),
            checkpoint: Some(self.recorder.checkpoint(&self.signer)?.into_bytes()),
            records: contents.records,
            ..Contents::default()
        };
        let keyring = own(&self.signer);
        let request = Request {
            contents: &contents,
            keyring: Some(&keyring),
            seen: None,
            may_be_open: false,
        };
        match verify(&request).findings.first() {
            None => Ok(()),
            Some(finding) => Err(changed(finding.to_string())),
        }
    }
}

/// Returns the keyring of whoever has this key alone.
fn own(signer: &Signer) -> Keyring {
    let role: Role = LOG_ROLE.parse().expect("the log's role is one");
    Keyring::default().with(vec![role], signer.verifier().clone())
}

/// Checks that the log is what the checkpoint counts, and at most what one crash leaves behind it.
fn check_signed(
    contents: &Contents,
    lines: &[u8],
    recorder: &Recorder,
    signer: &Signer,
) -> Result<(), StandingError> {
    let none = || changed("it has no checkpoint that can be read");
    let text = contents.checkpoint.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let note: Note = text.and_then(|text| text.parse().ok()).ok_or_else(none)?;
    note.open(&[signer.verifier()]).map_err(|error| changed(format!("its checkpoint: {error}")))?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|_| none())?;
    if recorder.tree().root_at(checkpoint.size) != Some(checkpoint.root) {
        return Err(changed("its entries are not those of the checkpoint"));
    }
    let behind = lines.split(|byte| *byte == b'\n').skip(checkpoint.size as usize);
    let (mut statements, mut others) = (0, 0);
    for entry in behind.filter_map(|line| crate::Entry::read(line).ok()) {
        match entry.kind {
            Kind::Statement => statements += 1,
            Kind::Record if entry.name.as_deref() == Some(LEFT) => {}
            Kind::Record | Kind::Close => others += 1,
        }
    }
    // Only a crash between an entry and its checkpoint leaves one that is not counted.
    if statements > 1 || others > 0 {
        return Err(changed("it has more entries than its checkpoint counts"));
    }
    Ok(())
}

fn lock(entries: &File, path: &Path) -> Result<(), StandingError> {
    match entries.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => Err(StandingError::Busy),
        Err(fs::TryLockError::Error(error)) => Err(io_error(path)(error).into()),
    }
}

/// Removes what a crash left of files that were being written.
fn clear_temporaries(folder: &Path) -> Result<(), StandingError> {
    for (name, path, kind) in list(folder)? {
        let of = name.to_str().and_then(|name| name.strip_suffix(TEMPORARY_SUFFIX));
        let is_ours = of.is_some_and(|of| of.ends_with(RECORD_SUFFIX) || of == CHECKPOINT_FILE);
        if kind.is_file() && is_ours {
            fs::remove_file(&path).map_err(io_error(&path))?;
        }
    }
    Ok(())
}
