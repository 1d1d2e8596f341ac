//! Why there is no stack, or a part of it does not do what it is told.

use std::{io, path::PathBuf, time::Duration};

/// A part of the stack that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A program that is not there.
    #[error("`{program}` is not there ({why}); {remedy}")]
    Missing {
        /// The program.
        program: String,
        /// What was tried.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A file or a folder that can't be used.
    #[error("{} can't be {what}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// Why it can't.
        source: io::Error,
    },
    /// Another stack is in the folder.
    #[error(
        "another rehearsal runs in {}; wait for its end, or name another folder", folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A list of processes that can't be read.
    #[error(
        "{} is damaged ({why}); look for processes that a rehearsal left, end them, and remove the file",
        path.display()
    )]
    Leftovers {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No port is free.
    #[error("loopback has no free port")]
    NoPort(#[source] io::Error),
    /// A process ended while it was waited for.
    #[error("{name} does not start: it ended with {status}\n{log}")]
    Ended {
        /// Its name.
        name: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A process did not become ready.
    #[error("{name} is not ready within {within:?}: {why}\n{log}")]
    NotReady {
        /// Its name.
        name: String,
        /// How long was waited.
        within: Duration,
        /// What it said last.
        why: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A router that is told something and does not do it.
    #[error("the router did not take `{command}`: {answer}")]
    Router {
        /// What it was told.
        command: String,
        /// What came back.
        answer: String,
    },
    /// A configuration that could not be made.
    #[error("there is no configuration for the router: {0}")]
    Config(String),
    /// A part that this stack does not have.
    #[error("this stack has no {0}")]
    NoSuch(String),
    /// Settings that make no stack.
    #[error("{0}")]
    Settings(String),
}

impl StackError {
    /// Returns what makes an error of a file.
    pub(crate) fn file(
        path: impl Into<PathBuf>,
        what: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| StackError::File { path, what, source }
    }

    /// Returns whether something is missing here that has to be installed or freed.
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            StackError::Missing { .. } | StackError::NoPort(_) | StackError::InUse { .. }
        )
    }
}
