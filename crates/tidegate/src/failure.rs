//! Why a command did not do what it was asked for, with the exit code that says so.

use std::{error::Error, fmt};

use crate::exit::Exit;

type Source = Box<dyn Error + Send + Sync>;

/// Why a command gave up.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code to end with.
    pub(crate) exit: Exit,
    message: String,
    source: Option<Source>,
}

impl Failure {
    /// Returns the failure of arguments or settings that make no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Usage, message: message.into(), source: None }
    }

    /// Returns the failure of something that ran and did not succeed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Failed, message: message.into(), source: None }
    }

    /// Returns the failure of something that can't be reached.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Unreachable, message: message.into(), source: None }
    }

    /// Adds what lies behind it.
    pub(crate) fn because(self, source: impl Into<Source>) -> Self {
        Failure { source: Some(source.into()), ..self }
    }

    /// Returns the message and everything behind it on one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut next = self.source();
        while let Some(error) = next {
            text.push_str(&format!(": {error}"));
            next = error.source();
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
