//! Programs: argument lists in a process group of their own, whose output is kept within bounds.
//!
//! Owns: how one is started, ended and read. Must not know: steps.

mod group;
mod noted;
mod output;

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use tokio::{
    process::{Child, Command},
    time::{Instant, timeout, timeout_at},
};

use self::{
    group::Group,
    noted::Note,
    output::{Reading, read},
};
pub(crate) use self::{noted::LeftOverError, output::Kept};
use crate::{SecretError, SecretText, Secrets, environment::CommandSettings};

/// How long a program has to end itself after it was told to.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// How long is waited for the end of its output after it has ended: what it left running may hold it.
const OUTPUT_TIME: Duration = Duration::from_secs(1);

/// Variables that programs are given from the environment of this process.
const PASSED_ON: [&str; 8] =
    ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How.
    pub(crate) how: How,
    /// What it wrote.
    pub(crate) stdout: Kept,
    /// What it wrote as errors.
    pub(crate) stderr: Kept,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By itself.
    Exit(ExitStatus),
    /// Its time was over; it ended when it was told to, or was ended.
    TimeOver {
        /// Whether it had to be killed.
        killed: bool,
    },
}

/// A program that was not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// There is none.
    #[error("there is no program to run")]
    Empty,
    /// It names a secret that can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is not there.
    #[error("`{program}` is not installed or not in PATH; install it where the conductor runs")]
    Missing {
        /// Its name.
        program: String,
    },
    /// The folder is not there.
    #[error("the folder {} in which programs are run is not there", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
    },
    /// It can't be started.
    #[error("`{program}` can't be started: {why}")]
    Start {
        /// Its name.
        program: String,
        /// Why, and what to do.
        why: String,
    },
    /// Its output can't be read.
    #[error("what `{program}` writes can't be read: {source}")]
    Output {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// Runs programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    settings: CommandSettings,
    secrets: Secrets,
}

impl Ended {
    /// Returns whether it says that all is well.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.how, How::Exit(status) if status.success())
    }

    /// Returns its exit code, where it ended by itself.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        match self.how {
            How::Exit(status) => status.code(),
            How::TimeOver { .. } => None,
        }
    }

    /// Says how it ended, with its last line where that is not well.
    pub(crate) fn sentence(&self, within: Duration) -> String {
        let how = match self.how {
            How::Exit(status) if status.success() => return "ended with exit code 0".to_owned(),
            How::Exit(status) => match (status.code(), signal(status)) {
                (Some(code), _) => format!("ended with exit code {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => "ended in an unknown way".to_owned(),
            },
            How::TimeOver { killed } => {
                let after = if killed { "and had to be killed" } else { "and was told to end" };
                format!("did not end within {} s {after}", within.as_secs())
            }
        };
        let last = self.stderr.last_line().or_else(|| self.stdout.last_line());
        last.map_or_else(|| how.clone(), |last| format!("{how}: {last}"))
    }
}

fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

impl Programs {
    pub(crate) fn new(settings: CommandSettings, secrets: Secrets) -> Self {
        Programs { settings, secrets }
    }

    /// Returns the arguments with secrets in their places.
    fn resolved(&self, argv: &[String]) -> Result<Vec<SecretText>, SecretError> {
        argv.iter().map(|word| self.secrets.resolve(word)).collect()
    }

    fn command(&self, argv: &[SecretText]) -> Result<Command, ProgramError> {
        let (program, arguments) = argv.split_first().ok_or(ProgramError::Empty)?;
        let mut command = Command::new(program.expose());
        command.args(arguments.iter().map(SecretText::expose)).env_clear();
        let passed = PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(passed);
        for (name, value) in &self.settings.variables {
            command.env(name, self.secrets.resolve(value)?.expose());
        }
        command
            .current_dir(&self.settings.folder)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    /// Runs a program to its end, or until its time is over: then its process group is told to end, and
    /// is killed where it does not.
    ///
    /// # Errors
    /// Fails where it can't be run.
    ///
    /// # Cancel safety
    /// Dropping it kills its process group.
    pub(crate) async fn run(&self, argv: &[String], until: Instant) -> Result<Ended, ProgramError> {
        let resolved = self.resolved(argv)?;
        let program = argv.first().cloned().unwrap_or_default();
        let mut note = Note::begin(self.settings.under_way.as_deref(), &program);
        let mut child = self.start(&resolved, &program, note.mark())?;
        // Dropped before the note is: one that is noted may be gone, and none runs without a note.
        let mut group = Group::of(&child);
        note.started(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut stdout = Reading::of(stdout);
        let mut stderr = Reading::of(stderr);
        let unreadable = |source| ProgramError::Output { program: program.clone(), source };
        let ended = {
            let waiting = async {
                let reading = async { tokio::join!(read(&mut stdout), read(&mut stderr)) };
                tokio::pin!(reading);
                tokio::select! {
                    (one, other) = &mut reading => {
                        one.and(other).map_err(unreadable)?;
                        child.wait().await.map_err(unreadable)
                    }
                    status = child.wait() => {
                        let _what_came = timeout(OUTPUT_TIME, reading).await;
                        status.map_err(unreadable)
                    }
                }
            };
            timeout_at(until, waiting).await
        };
        let how = match ended {
            Ok(status) => How::Exit(status?),
            Err(_) => self.end(&mut child, &group).await,
        };
        group.has_ended();
        Ok(Ended { how, stdout: stdout.into_kept(), stderr: stderr.into_kept() })
    }

    /// Ends what a process of this run that is gone left running; returns a sentence about each.
    ///
    /// # Errors
    /// Fails where something goes on that can't be ended.
    pub(crate) async fn end_left_over(&self) -> Result<Vec<String>, LeftOverError> {
        match &self.settings.under_way {
            Some(folder) => noted::end_all(folder, LEAVE_TIME).await,
            None => Ok(Vec::new()),
        }
    }

    fn start(&self, argv: &[SecretText], program: &str, mark: &str) -> Result<Child, ProgramError> {
        self.command(argv)?.env(noted::MARK, mark).spawn().map_err(|error| {
            let program = program.to_owned();
            match error.kind() {
                io::ErrorKind::NotFound if !self.settings.folder.is_dir() => {
                    ProgramError::Folder { folder: self.settings.folder.clone() }
                }
                io::ErrorKind::NotFound => ProgramError::Missing { program },
                io::ErrorKind::PermissionDenied => {
                    let why = "it may not be run; give it the run bit (chmod +x)".to_owned();
                    ProgramError::Start { program, why }
                }
                _ => ProgramError::Start { program, why: error.to_string() },
            }
        })
    }

    async fn end(&self, child: &mut Child, group: &Group) -> How {
        group.tell_to_end();
        let left = timeout(LEAVE_TIME, child.wait()).await;
        // Also what it started and left behind.
        group.kill();
        if left.is_err() {
            let _reaped = timeout(LEAVE_TIME, child.wait()).await;
        }
        How::TimeOver { killed: left.is_err() }
    }
}

#[cfg(test)]
mod tests;
