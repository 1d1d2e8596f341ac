//! The arguments of `ingest`, `snapshot` and `recover`, which measure the feed of chains.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::from_one;

/// More transactions than this one disk is likely to hold.
const TRANSACTIONS_MAX: u64 = 100_000_000;

/// More events than the server's setting allows to be held.
const EVENTS_HELD_MAX: u64 = 10_000_000;

/// What the measurements of the feed have in common.
#[derive(Args, Clone, Debug, Serialize)]
pub(crate) struct FeedArgs {
    /// The server: a `viz-api` or a `tidegate` [default: this program].
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// A folder on the disk that is measured [default: the folder for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How often each is measured; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
}

/// Arguments of `ingest`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct IngestArgs {
    /// How many transactions the made-up feed has.
    #[arg(long, default_value_t = 500_000, value_parser = from_one::<u64>(TRANSACTIONS_MAX))]
    pub(crate) transactions: u64,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) feed: FeedArgs,
}

/// Arguments of `snapshot`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct SnapshotArgs {
    /// How many transactions the made-up feed has.
    #[arg(long, default_value_t = 500_000, value_parser = from_one::<u64>(TRANSACTIONS_MAX))]
    pub(crate) transactions: u64,
    /// How many events are held where there are many.
    #[arg(long, default_value_t = 250_000, value_parser = from_one::<u64>(EVENTS_HELD_MAX))]
    pub(crate) held: u64,
    /// How many events are held where there are few.
    #[arg(long, default_value_t = 6_000, value_parser = from_one::<u64>(EVENTS_HELD_MAX))]
    pub(crate) held_few: u64,
    /// How many readers poll.
    #[arg(long, default_value_t = 50, value_parser = from_one::<u32>(1_000))]
    pub(crate) readers: u32,
    /// How often each of them polls.
    #[arg(long, default_value_t = 1_000, value_parser = from_one::<u32>(60_000))]
    pub(crate) poll_every_ms: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) feed: FeedArgs,
}

/// Arguments of `recover`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct RecoverArgs {
    /// How many records the log has at least.
    #[arg(long, default_value_t = 1_000_000, value_parser = from_one::<u64>(EVENTS_HELD_MAX))]
    pub(crate) records: u64,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) feed: FeedArgs,
}
