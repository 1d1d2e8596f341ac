//! How the program ends.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every reader's record holds.
    Passed,
    /// Something was lost, repeated, reordered or altered in silence, or did not heal.
    Failed,
    /// The arguments are not right.
    Usage,
    /// Something that is needed is not there.
    Unavailable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::Usage => 64,
            Exit::Unavailable => 69,
        })
    }
}
