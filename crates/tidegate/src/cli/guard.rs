//! The arguments of `guard`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use ::guard::Share;

/// What can be done with guards.
#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Shows for a traffic how often the guard aborts good releases, and how soon it sees bad ones.
    ///
    /// Ends with 1 where a kind of good release is aborted more often than alpha promises.
    #[command(
        after_help = "Example: tidegate guard simulate --requests-per-second 20 --share 10% \
        --error-ratio 0.5%\n\
        Example: tidegate guard simulate --minutes 10 --clients 200 --svg guard.svg"
    )]
    Simulate(SimulateArgs),
}

/// Arguments of `guard simulate`.
#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// Requests a second, to both arms together.
    #[arg(long, default_value_t = 20.0)]
    pub(crate) requests_per_second: f64,
    /// The share of requests that fails when all is well.
    #[arg(long, default_value = "0.5%")]
    pub(crate) error_ratio: Share,
    /// The canary's share of the clients.
    #[arg(long, default_value = "10%")]
    pub(crate) share: Share,
    /// How long the canary is watched.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub(crate) minutes: u32,
    /// How many clients there are; some send much more than others.
    #[arg(long, default_value_t = 1000)]
    pub(crate) clients: u32,
    /// The share of good releases that the guard may abort.
    #[arg(long, default_value_t = 0.01)]
    pub(crate) alpha: f64,
    /// The time from look to look.
    #[arg(long, default_value_t = 1)]
    pub(crate) look_seconds: u32,
    /// After how long a client counts again that had an error.
    #[arg(long, default_value_t = 600)]
    pub(crate) again_after_seconds: u32,
    /// How many releases of each kind are tried.
    #[arg(long, default_value_t = 1000)]
    pub(crate) runs: u32,
    /// What all chance follows from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Draws how soon worse releases are seen.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}
