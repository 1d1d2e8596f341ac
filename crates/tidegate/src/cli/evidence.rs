//! The arguments of `evidence`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be done with evidence.
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Checks an evidence folder with public keys alone, and says who vouches for what.
    ///
    /// Ends with 1 where something is wrong, or where keys are given and nothing is signed by one of them.
    /// Without keys, 0 says only that all parts fit each other. Nothing is asked over the network.
    #[command(after_help = "Example: tidegate evidence verify evidence --keys run.keys\n\
        Example: tidegate evidence verify tidegate-data/evidence --keys server.keys\n\
        Example: tidegate evidence verify evidence --keys run.keys --seen checkpoint.yesterday")]
    Verify(VerifyArgs),
}

/// Arguments of `evidence verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The folder.
    pub(crate) dir: PathBuf,
    /// The keys that are trusted, with their roles; not from the folder itself. Without it no signature
    /// is checked, and it is said so.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// A checkpoint that was kept earlier: the log has to go on from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) seen: Option<PathBuf>,
    /// The log may still be going on.
    #[arg(long)]
    pub(crate) open: bool,
    /// Shows everything that is only asserted or derived too, not its number alone.
    #[arg(long)]
    pub(crate) all: bool,
}
