//! Notes about programs that run, so that what a killed conductor left running is found and ended before
//! anything is begun beside it.
//!
//! A note is written before its program starts, and names a mark that the program and all that it starts
//! have in their environment; then also its process, for programs that drop their environment, as `sudo`
//! does. Owns: the folder of notes. Must not know: what the programs do.
//!
//! Processes are told apart by when they began, field 22 of `/proc/PID/stat`, see proc_pid_stat(5).

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

/// The variable that bears the mark of a program. It begins as no setting does: a program may be a server,
/// which refuses settings that it does not know.
pub(super) const MARK: &str = "RUNBOOK_PROGRAM";

/// From look to look at what is to end.
const LOOK: Duration = Duration::from_millis(20);

/// A note that stands for as long as this is held.
#[derive(Debug)]
pub(super) struct Note {
    /// Nothing where no notes are kept, or it could not be written.
    file: Option<PathBuf>,
    written: Written,
}

/// What a note says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Written {
    mark: String,
    program: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

/// A process, told apart from those that have its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    id: i32,
    /// In clock ticks since the system's start.
    began: u64,
}

/// A program that is not to be left running, and can't be ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeftOverError {
    /// It goes on.
    #[error(
        "`{program}` is still running, started by a process of this run that is gone, and can't be ended: end \
         the process {} yourself",
        list(.ids)
    )]
    Runs {
        /// Its name.
        program: String,
        /// Its processes.
        ids: Vec<i32>,
    },
    /// What is noted can't be read.
    #[error("the notes about programs in {} can't be read: {source}", folder.display())]
    Notes {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn list(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Note {
    /// Writes a note about a program that is about to start. A disk that has no room stops no program.
    pub(super) fn begin(folder: Option<&Path>, program: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let this = i32::try_from(std::process::id()).unwrap_or_default();
        let began = Stat::of(this).map_or(0, |stat| stat.began);
        let mark = format!("{this}-{began}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let written = Written { mark, program: program.to_owned(), process: None };
        let file = folder.map(|folder| folder.join(format!("{}.json", written.mark)));
        let mut note = Note { file, written };
        if let Some(folder) = folder
            && fs::create_dir_all(folder).is_err()
        {
            note.file = None;
        }
        note.write();
        note
    }

    /// Returns what the program has to have in its environment.
    pub(super) fn mark(&self) -> &str {
        &self.written.mark
    }

    /// Adds the process that the program became.
    pub(super) fn started(&mut self, id: Option<u32>) {
        let Some(id) = id.and_then(|id| i32::try_from(id).ok()) else { return };
        self.written.process = Stat::of(id).map(|stat| Process { id, began: stat.began });
        self.write();
    }

    fn write(&self) {
        let Some(file) = &self.file else { return };
        let text = serde_json::to_vec(&self.written).unwrap_or_default();
        // Beside it first: a crash amid the writing leaves the note that was there.
        let beside = file.with_extension("new");
        let _unnoted = fs::write(&beside, text).and_then(|()| fs::rename(&beside, file));
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _gone = fs::remove_file(file);
        }
    }
}

/// Ends every program of which a folder has a note: the process that wrote it is gone. Each is told to
/// end, and is killed where it has not within a time. Returns a sentence about each that ran still.
///
/// # Errors
/// Fails where one goes on all the same; its note stays.
///
/// # Cancel safety
/// What was not ended yet is ended by the next call.
pub(super) async fn end_all(folder: &Path, leave: Duration) -> Result<Vec<String>, LeftOverError> {
    let unread = |source| LeftOverError::Notes { folder: folder.to_owned(), source };
    let mut sentences = Vec::new();
    for file in notes(folder).map_err(unread)? {
        // A note that is not whole was never renamed into its place.
        let bytes = fs::read(&file).map_err(unread)?;
        if let Ok(written) = serde_json::from_slice::<Written>(&bytes)
            && end(&written, leave).await?
        {
            sentences.push(format!(
                "`{}` was still running, started by a process of this run that is gone; it was ended.",
                written.program
            ));
        }
        fs::remove_file(&file).map_err(unread)?;
    }
    Ok(sentences)
}

fn notes(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

/// Ends a program; returns whether it ran still.
async fn end(written: &Written, leave: Duration) -> Result<bool, LeftOverError> {
    if running(written).is_empty() {
        return Ok(false);
    }
    for signal in [Signal::TERM, Signal::KILL] {
        let until = Instant::now() + leave;
        while Instant::now() < until {
            let ids = running(written);
            if ids.is_empty() {
                return Ok(true);
            }
            ids.into_iter().for_each(|id| send(written, id, signal));
            sleep(LOOK).await;
        }
    }
    let (program, ids) = (written.program.clone(), running(written));
    if ids.is_empty() { Ok(true) } else { Err(LeftOverError::Runs { program, ids }) }
}

fn send(written: &Written, id: i32, signal: Signal) {
    let Some(pid) = Pid::from_raw(id) else { return };
    // One that is gone is what was wanted; what may not be ended is found by the next look.
    let _unsent = if written.process.is_some_and(|process| process.id == id) {
        kill_process_group(pid, signal)
    } else {
        kill_process(pid, signal)
    };
}

/// Returns the processes of a program that run still: its first one, and all that bear its mark.
fn running(written: &Written) -> Vec<i32> {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    let variable = format!("{MARK}={}", written.mark);
    let is_its = |id: i32| {
        let Some(stat) = Stat::of(id).filter(|stat| !stat.has_ended) else { return false };
        let is_first = written.process == Some(Process { id, began: stat.began });
        is_first || has_variable(id, variable.as_bytes())
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| *id != this && is_its(*id)).collect()
}

/// Returns whether a process was started with a variable; not where it may not be looked at.
fn has_variable(id: i32, variable: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|it| it == variable)
}

/// What the system says of a process.
struct Stat {
    /// Field 22, in clock ticks since the system's start.
    began: u64,
    /// Whether it only waits to be reaped.
    has_ended: bool,
}

impl Stat {
    fn of(id: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, field 2, stands in parentheses and may have spaces and parentheses itself.
        let mut rest = text.rsplit_once(") ")?.1.split(' ');
        let state = rest.next()?;
        let began = rest.nth(18)?.parse().ok()?;
        Some(Stat { began, has_ended: matches!(state, "Z" | "X") })
    }
}

#[cfg(test)]
mod tests;
