//! The exit codes of `cargo xtask`; they are those of the `tidegate` command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for was done.
    Done,
    /// A check failed.
    CheckFailed,
    /// The arguments make no sense.
    Usage,
    /// Something that the command needs is missing and could not be installed.
    Missing,
}

impl Exit {
    /// Returns the code that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::CheckFailed => 1,
            Self::Usage => 64,
            Self::Missing => 69,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
