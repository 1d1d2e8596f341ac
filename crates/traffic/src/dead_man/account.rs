//! What a dead man did, line by line in a file beside the run, for whoever comes back to it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{DeadManEnd, DeadManNote};

/// The file's name in the folder of a run.
const FILE: &str = "dead-man.jsonl";

/// The longest file; what happens beyond it is not written down.
const BYTES_MAX: u64 = 4 << 20;

/// A line: when, by which process, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLine {
    /// Milliseconds since 1970, by the clock of the machine on which it runs.
    pub at_ms: u64,
    /// The dead man's process.
    pub pid: u32,
    /// What happened.
    #[serde(flatten)]
    pub said: DeadManSaid,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeadManSaid {
    /// Something on the way.
    Note(DeadManNote),
    /// How it ended.
    End(DeadManEnd),
    /// Why it could not do what it is for.
    Failed {
        /// In one sentence.
        failed: String,
    },
}

/// What dead men of a run wrote down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadManAccount {
    /// The file's bytes; nothing where there is none.
    pub bytes: Vec<u8>,
    /// The lines that could be read, in their order.
    pub lines: Vec<AccountLine>,
}

impl DeadManAccount {
    /// Reads the account in the folder of a run. A line that was not written to its end is none.
    ///
    /// # Errors
    /// Fails where a file is there and can't be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let bytes = match fs::read(folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(DeadManAccount::default());
            }
            Err(error) => return Err(error),
        };
        Ok(DeadManAccount::of(&bytes))
    }

    /// Reads lines of an account.
    pub fn of(bytes: &[u8]) -> Self {
        let lines = bytes.split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        DeadManAccount { bytes: bytes.to_vec(), lines }
    }

    /// Returns whether the last thing that was said is one of taking the canary out.
    pub(super) fn is_amid(&self) -> bool {
        let last = self.lines.iter().rev().map(|line| &line.said).find(|said| {
            !matches!(said, DeadManSaid::Note(DeadManNote::Silent { .. } | DeadManNote::Heard))
        });
        let Some(DeadManSaid::Note(note)) = last else { return false };
        !matches!(note, DeadManNote::Watching { .. } | DeadManNote::Renewed)
    }

    /// Returns the file's name.
    pub const fn file_name() -> &'static str {
        FILE
    }

    /// Returns the ends and failures that a person has to know of: the canary was taken out, or could
    /// not be.
    pub fn deeds(&self) -> impl Iterator<Item = String> {
        self.lines.iter().filter_map(|line| match &line.said {
            DeadManSaid::Note(_) => None,
            DeadManSaid::End(end) => withdrawal(end),
            DeadManSaid::Failed { failed } => Some(failed.clone()),
        })
    }
}

/// Returns a withdrawal in one sentence; nothing where there was none to be done.
fn withdrawal(end: &DeadManEnd) -> Option<String> {
    match end {
        DeadManEnd::Released | DeadManEnd::TakenBy { .. } => None,
        DeadManEnd::Withdrew { until, gone, new_traffic_ms, residual_ms, evicted, .. } => {
            Some(format!(
                "nobody renewed the lease, which ended at {until}; the canary was taken out: no new \
                 traffic after {new_traffic_ms} ms, nothing left after {residual_ms} ms, {evicted} \
                 streams closed, all gone at {gone}"
            ))
        }
    }
}

/// Writes lines.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    bytes: u64,
}

impl Writer {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(folder.join(FILE))?;
        let bytes = file.metadata()?.len();
        Ok(Writer { file, bytes })
    }

    /// Writes a line, and has it on disk. What can't be written must not keep anybody from acting.
    pub(super) fn say(&mut self, said: DeadManSaid) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let line = AccountLine { at_ms, pid: std::process::id(), said };
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        if self.bytes + text.len() as u64 > BYTES_MAX {
            return;
        }
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        if written.is_ok() {
            self.bytes += text.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_is_told_in_times_that_a_person_reads() {
        let lines = concat!(
            r#"{"at_ms":1,"pid":2,"what":"heard"}"#,
            "\n",
            r#"{"at_ms":1,"pid":2,"end":"withdrew","until":1795363794,"acted":1795363795,"#,
            r#""gone":1795363796,"new_traffic_ms":12,"residual_ms":640,"evicted":3}"#,
            "\n",
            r#"{"at_ms":1,"pid":2,"failed":"nothing was heard"}"#,
            "\nnot written to its e",
        );
        let account = DeadManAccount::of(lines.as_bytes());
        assert_eq!(
            account.deeds().collect::<Vec<_>>(),
            [
                "nobody renewed the lease, which ended at 2026-11-22T16:09:54Z; the canary was taken \
                 out: no new traffic after 12 ms, nothing left after 640 ms, 3 streams closed, all \
                 gone at 2026-11-22T16:09:56Z",
                "nothing was heard",
            ]
        );
    }
}
