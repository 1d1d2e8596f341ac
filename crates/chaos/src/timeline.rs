//! What was done when, as it happens: a line for a person, and one of JSON for the artefact.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use parking_lot::Mutex;
use serde::Serialize;

use crate::{act::Act, console::Console};

/// What was done when.
pub(crate) struct Timeline {
    file: Mutex<File>,
    console: Console,
}

#[derive(Serialize)]
struct Entry<'a> {
    at_ms: u64,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Act>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

impl Timeline {
    /// Begins a timeline in a folder.
    ///
    /// # Errors
    /// Fails where the folder can't be written.
    pub(crate) fn begin(folder: &Path, console: Console) -> io::Result<Self> {
        let file = Mutex::new(File::create(folder.join("timeline.jsonl"))?);
        Ok(Timeline { file, console })
    }

    /// Notes what was done with an action.
    pub(crate) fn act(&self, at_ms: u64, what: &str, act: &Act, note: &str) {
        self.write(&Entry { at_ms, what, act: Some(act), note });
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        self.console.line(&format!("{:>7.1} s  {what:<5} {}{note}", secs(at_ms), act.shown()));
    }

    /// Notes something else.
    pub(crate) fn note(&self, at_ms: u64, what: &str) {
        self.write(&Entry { at_ms, what, act: None, note: "" });
        self.console.line(&format!("{:>7.1} s  {what}", secs(at_ms)));
    }

    /// Shows how far the run is.
    pub(crate) fn progress(&self, at_ms: u64, phase: &'static str, state: &str) {
        self.console.progress(at_ms / 1000, phase, state);
    }

    /// Takes away what shows how far the run is.
    pub(crate) fn finish(&self) {
        self.console.finish();
    }

    fn write(&self, entry: &Entry<'_>) {
        // A full disk must not end the run: its lines are still printed.
        let text = serde_json::to_string(entry).unwrap_or_default();
        let _unwritten = writeln!(self.file.lock(), "{text}");
    }
}

fn secs(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
