//! Arguments of `cutover`.

use clap::{ArgGroup, Args, ValueEnum};

use super::ClientArgs;

/// Arguments of `cutover`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["status", "undo", "finalise"]))]
pub(crate) struct CutoverArgs {
    /// The backend that is to own every stream.
    #[arg(long, value_name = "BACKEND", required_unless_present = "what")]
    pub(crate) to: Option<BackendArg>,
    /// Says how far the switch is, and changes nothing.
    #[arg(long)]
    pub(crate) status: bool,
    /// Makes everything as it was before the switch, in whatever state it is.
    #[arg(long)]
    pub(crate) undo: bool,
    /// Ends a switch whose streams have all changed hands; going back is another switch then.
    #[arg(long)]
    pub(crate) finalise: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// A backend as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendArg {
    /// The server's own memory.
    Memory,
    /// Redis.
    Redis,
}

impl BackendArg {
    /// Returns the word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            BackendArg::Memory => "memory",
            BackendArg::Redis => "redis",
        }
    }
}
