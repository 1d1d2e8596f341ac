//! The arguments of `guards`, `evidence`, `runbooks`, `journal` and `analysis`, which measure this
//! process and no server.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Share, from_one};

/// Arguments of `guards`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct GuardsArgs {
    /// How many guards look.
    #[arg(long, default_value_t = 100, value_parser = from_one::<u32>(100_000))]
    pub(crate) guards: u32,
    /// How often each looks, one second of traffic after the other.
    #[arg(long, default_value_t = 600, value_parser = from_one::<u32>(86_400))]
    pub(crate) looks: u32,
    /// How many clients each arm has in a look.
    #[arg(long, default_value_t = 20, value_parser = from_one::<u32>(10_000))]
    pub(crate) clients: u32,
    /// How often all of it is measured; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
}

/// Arguments of `evidence`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct EvidenceArgs {
    /// How many entries the log has.
    #[arg(long, default_value_t = 10_000, value_parser = from_one::<u32>(1_000_000))]
    pub(crate) entries: u32,
    /// How many of them are signed statements.
    #[arg(long, default_value = "50%")]
    pub(crate) signed: Share,
    /// How often it is verified; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
}

/// Arguments of `runbooks`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct RunbooksArgs {
    /// How often each is checked and planned; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
}

/// Arguments of `journal`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct JournalArgs {
    /// How many entries are written.
    #[arg(long, default_value_t = 500, value_parser = from_one::<u32>(100_000))]
    pub(crate) entries: u32,
    /// A folder on the disk that is measured [default: the folder for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How often all of it is measured; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
}

/// Arguments of `analysis`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct AnalysisArgs {
    /// How many transactions are read.
    #[arg(long, default_value_t = 500_000, value_parser = from_one::<u32>(100_000_000))]
    pub(crate) transactions: u32,
    /// How many transfers are simulated in each way.
    #[arg(long, default_value_t = 100_000, value_parser = from_one::<u32>(10_000_000))]
    pub(crate) transfers: u32,
    /// How many cycles of two pools are solved.
    #[arg(long, default_value_t = 400_000, value_parser = from_one::<u32>(100_000_000))]
    pub(crate) cycles: u32,
    /// How often all of it is measured; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
}
