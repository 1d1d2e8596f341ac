//! Makes evidence: entries one after the other, outputs redacted and then under their digests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::{
    Checkpoint, Contents, Entry, EntryError, Envelope, GOES_ON, Hash, Home, Kind, LogState, Note,
    NoteError, Output, OutputFile, Redactor, Signer, Tree, is_visible,
};

/// A log that is being written.
#[derive(Debug)]
pub struct Recorder {
    origin: String,
    redactor: Redactor,
    tree: Tree,
    lines: Vec<u8>,
    outputs: BTreeMap<Hash, Vec<u8>>,
    end: End,
}

/// Whether a log has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is still to come.
    Awaited,
    /// It was written.
    Written,
    /// There is none, and the log says so.
    Never,
}

/// Something that can't be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The name of the log can't be one.
    #[error("a log's name is not empty, and has no spaces and nothing that can't be seen")]
    Origin,
    /// It can't be written as JSON.
    #[error("it can't be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
    /// A line of a log that is to go on is none.
    #[error("line {line} of the log can't be gone on from")]
    Line {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: EntryError,
    },
    /// The checkpoint can't be signed.
    #[error("the checkpoint can't be signed")]
    Note(#[from] NoteError),
}

/// Returns whether a log may be called so: with something that can be seen, and nothing that can't.
pub fn is_log_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| !c.is_whitespace() && is_visible(c))
}

impl Recorder {
    /// Begins a log with a name that no other has, as `example.com/runs/42`.
    ///
    /// # Errors
    /// Fails where [the name can't be one](is_log_name).
    pub fn new(origin: &str, redactor: Redactor) -> Result<Self, RecorderError> {
        if !is_log_name(origin) {
            return Err(RecorderError::Origin);
        }
        Ok(Recorder {
            origin: origin.to_owned(),
            redactor,
            tree: Tree::default(),
            lines: Vec::new(),
            outputs: BTreeMap::new(),
            end: End::Awaited,
        })
    }

    /// Goes on with a log of which these lines are there, each with its newline.
    ///
    /// # Errors
    /// Fails where the name can't be one, or a line is no entry.
    pub fn resume(origin: &str, redactor: Redactor, lines: &[u8]) -> Result<Self, RecorderError> {
        let mut recorder = Recorder::new(origin, redactor)?;
        for (number, line) in (1..).zip(lines.split_inclusive(|byte| *byte == b'\n')) {
            let leaf = line.strip_suffix(b"\n").unwrap_or(line);
            let read = Entry::read(leaf);
            let entry = read.map_err(|source| RecorderError::Line { line: number, source })?;
            if recorder.end == End::Written {
                return Err(RecorderError::Closed);
            }
            if entry.kind == Kind::Close {
                recorder.end = End::Written;
            }
            recorder.add_line(leaf);
        }
        Ok(recorder)
    }

    /// Says that this log has no end: its checkpoints then say so too.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.end = End::Never;
        self
    }

    /// Keeps an output, without secrets, for the entry that comes next.
    pub fn output(&mut self, name: &str, bytes: &[u8]) -> Output {
        let kept = self.redactor.redact(bytes);
        self.keep_output(name, kept)
    }

    /// Keeps an output that is without secrets already, as an entry names it.
    pub fn keep_output(&mut self, name: &str, bytes: Vec<u8>) -> Output {
        let output = Output::new(name, &bytes, Home::Outputs);
        self.outputs.insert(output.sha256, bytes);
        output
    }

    /// Records something; secrets in the data are taken out too.
    ///
    /// # Errors
    /// Fails where the data can't be JSON, or the log is closed.
    pub fn record(
        &mut self,
        at: Timestamp,
        name: &str,
        data: &impl Serialize,
        outputs: Vec<Output>,
    ) -> Result<(), RecorderError> {
        let written = serde_json::to_vec(data)?;
        let data: Box<serde_json::value::RawValue> =
            serde_json::from_slice(&self.redactor.redact(&written))?;
        let entry = self.entry(at, Kind::Record);
        self.push(&Entry { name: Some(name.to_owned()), data: Some(data), outputs, ..entry })
    }

    /// Adds what somebody signed.
    ///
    /// # Errors
    /// Fails where the log is closed.
    pub fn statement(
        &mut self,
        at: Timestamp,
        role: &str,
        envelope: Envelope,
        outputs: Vec<Output>,
    ) -> Result<(), RecorderError> {
        let entry = self.entry(at, Kind::Statement);
        let (role, envelope) = (Some(role.to_owned()), Some(envelope));
        self.push(&Entry { role, envelope, outputs, ..entry })
    }

    /// Ends the log.
    ///
    /// # Errors
    /// Fails where it has ended.
    pub fn close(&mut self, at: Timestamp) -> Result<(), RecorderError> {
        self.push(&self.entry(at, Kind::Close))?;
        self.end = End::Written;
        Ok(())
    }

    /// Returns the log as it is now, which is what a decision is taken on.
    pub fn state(&self) -> LogState {
        LogState { origin: self.origin.clone(), size: self.tree.len(), root: self.tree.root() }
    }

    /// Returns the log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the outputs that stand beside the log, each with the kind of the entry that names it.
    pub(crate) fn beside(&self) -> Result<Vec<(Kind, Output)>, RecorderError> {
        let mut beside = Vec::new();
        for (line, text) in (1..).zip(self.lines.split(|byte| *byte == b'\n')) {
            if text.is_empty() {
                continue;
            }
            let read = Entry::read(text);
            let entry = read.map_err(|source| RecorderError::Line { line, source })?;
            let outputs = entry.outputs.into_iter().filter(|output| output.home == Home::Folder);
            beside.extend(outputs.map(|output| (entry.kind, output)));
        }
        Ok(beside)
    }

    /// Returns the tree, for proofs.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the log's lines.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Returns the outputs, by their digests.
    pub const fn outputs(&self) -> &BTreeMap<Hash, Vec<u8>> {
        &self.outputs
    }

    /// Returns the checkpoint of what is there, signed.
    ///
    /// # Errors
    /// Fails where it can't be a note.
    pub fn checkpoint(&self, signer: &Signer) -> Result<String, RecorderError> {
        let LogState { origin, size, root } = self.state();
        let goes_on = self.end == End::Never;
        let extensions = if goes_on { vec![GOES_ON.to_owned()] } else { Vec::new() };
        let text = Checkpoint { origin, size, root, extensions }.to_string();
        Ok(Note::new(text)?.signed(signer).to_string())
    }

    /// Returns what the folder holds, with a signed checkpoint.
    ///
    /// # Errors
    /// Fails where the checkpoint can't be a note.
    pub fn contents(&self, signer: &Signer) -> Result<Contents, RecorderError> {
        let file = |(sha256, bytes): (&Hash, &Vec<u8>)| {
            let file = OutputFile { bytes: bytes.len() as u64, sha256: *sha256 };
            (sha256.to_string(), file)
        };
        Ok(Contents {
            entries: Some(self.lines.clone()),
            checkpoint: Some(self.checkpoint(signer)?.into_bytes()),
            outputs: self.outputs.iter().map(file).collect(),
            records: BTreeMap::new(),
            strange: Vec::new(),
        })
    }

    fn entry(&self, at: Timestamp, kind: Kind) -> Entry {
        Entry {
            n: self.tree.len(),
            at: format!("{at:.3}"),
            kind,
            name: None,
            data: None,
            role: None,
            envelope: None,
            outputs: Vec::new(),
        }
    }

    fn push(&mut self, entry: &Entry) -> Result<(), RecorderError> {
        if self.end == End::Written {
            return Err(RecorderError::Closed);
        }
        let line = to_raw_value(entry)?;
        self.add_line(line.get().as_bytes());
        Ok(())
    }

    fn add_line(&mut self, leaf: &[u8]) {
        self.tree.push(leaf);
        self.lines.extend(leaf);
        self.lines.push(b'\n');
    }
}
