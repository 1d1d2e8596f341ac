//! Why a measurement was not made, and what to do about it.

use std::{io, path::PathBuf};

/// Why a measurement was not made.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The arguments, or the file of a custom server, make no sense.
    #[error("{0}")]
    Usage(String),
    /// A program that is to be measured is not installed.
    #[error("{server} is not installed ({missing} is missing): {advice}")]
    Missing {
        /// What was to be measured.
        server: &'static str,
        /// The file or the program that was looked for.
        missing: String,
        /// The command that installs it.
        advice: &'static str,
    },
    /// A server did not come up, or could not be reached.
    #[error("{server} {what}")]
    Unreachable {
        /// What was to be measured.
        server: String,
        /// What happened, with the end of the server's own log.
        what: String,
    },
    /// A server refused the work.
    #[error("{server} {what}")]
    Refused {
        /// What was to be measured.
        server: String,
        /// What it answered.
        what: String,
    },
    /// Something of this machine failed.
    #[error("{doing}")]
    Machine {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The run was stopped from outside.
    #[error("stopped")]
    Stopped,
}

impl BenchError {
    /// Returns the failure of something on this machine.
    pub(crate) fn machine(doing: impl Into<String>) -> impl FnOnce(io::Error) -> BenchError {
        let doing = doing.into();
        move |source| BenchError::Machine { doing, source }
    }

    /// Returns the failure to write or read a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BenchError {
        let path = path.into();
        move |source| BenchError::Machine { doing: format!("{} failed", path.display()), source }
    }
}
