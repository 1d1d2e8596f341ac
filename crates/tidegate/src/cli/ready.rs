//! The arguments of `ready`.

use clap::Args;

use super::ConfigArgs;

/// Arguments of `ready`.
#[derive(Args, Debug)]
pub(crate) struct ReadyArgs {
    /// Asks only whether the process answers, as whoever would restart it should.
    #[arg(long)]
    pub(crate) live: bool,
    /// The server [setting: TIDEGATE_URL; default: the server of these settings].
    #[arg(long)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
