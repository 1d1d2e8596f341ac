//! How a command ended, as the shell sees it; every command of ours uses these four codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for was done.
    Done,
    /// It ran and the answer is no: a loss was found, a request was refused.
    Failed,
    /// The arguments or the settings make no sense.
    Usage,
    /// Something that is needed can't be reached.
    Unreachable,
}

impl Exit {
    /// Returns the code that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 64,
            Exit::Unreachable => 69,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
