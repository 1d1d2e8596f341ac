//! The arguments of `store`.

use clap::{Args, Subcommand};

use super::ConfigArgs;

/// What can be asked of the database.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Says which database the settings mean, its version, and which migrations were applied.
    ///
    /// Changes nothing. Ends with 1 where the migrations are not those of this program, and with 69
    /// where the database can't be reached, is not there yet, or belongs to a running server.
    #[command(after_help = "Example: tidegate store status\n\
        Example: tidegate store status --json --config tidegate.toml")]
    Status(StatusArgs),
}

/// Arguments of `store status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
