//! The arguments of `soak`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{ServerName, Share, from_one};

/// The least that all phases fit into, and the most for which what will be published fits into memory.
const SECONDS: std::ops::RangeInclusive<i64> = 4..=7200;

/// How long a soak takes where nothing is said.
pub(crate) const SOAK_SECONDS_DEFAULT: u32 = 180;

/// What the stamp and the names around it take is the least; readers of ordinary events get no more.
const PAYLOAD_BYTES: std::ops::RangeInclusive<i64> = 100..=10_000;

/// Arguments of `soak`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct SoakArgs {
    /// What to load; only Tidegate, whose cursors and limits it knows.
    #[arg(long, value_enum, default_value_t = ServerName::Tidegate)]
    pub(crate) server: ServerName,
    /// How many readers there are.
    #[arg(long, default_value_t = 10_000, value_parser = from_one::<u32>(200_000))]
    pub(crate) readers: u32,
    /// How many streams they are spread over: a few big, many small.
    #[arg(long, default_value_t = 100, value_parser = from_one::<u32>(10_000))]
    pub(crate) streams: u32,
    /// The share of connections that are WebSockets; the others are Server-Sent Events. A reader
    /// draws again whenever it comes back, with the same cursor.
    #[arg(long, value_name = "SHARE", default_value_t = "50%".parse().expect("a share"))]
    pub(crate) ws: Share,
    /// The share of readers that stop reading for a while, most of them on the loudest streams.
    #[arg(long, value_name = "SHARE", default_value_t = "5%".parse().expect("a share"))]
    pub(crate) slow: Share,
    /// Events a second on all streams together, outside of bursts.
    #[arg(long, default_value_t = 100, value_parser = from_one::<u32>(100_000))]
    pub(crate) rate: u32,
    /// By how much the rate is multiplied in a burst: one second in four.
    #[arg(long, default_value_t = 10, value_parser = from_one::<u32>(1000))]
    pub(crate) burst: u32,
    /// The size of an ordinary payload.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(PAYLOAD_BYTES))]
    pub(crate) payload_bytes: u32,
    /// How long it takes; the phases are shares of it.
    #[arg(long, default_value_t = SOAK_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(SECONDS))]
    pub(crate) seconds: u32,
    /// Repeats the choices of an earlier run.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many threads the readers run on [default: one a core].
    #[arg(long, value_parser = from_one::<u16>(256))]
    pub(crate) threads: Option<u16>,
    /// How many readers connect from one loopback address; a port is not free again for a minute
    /// after its reader has left.
    #[arg(long, default_value_t = 2500, value_parser = from_one::<u32>(28_000))]
    pub(crate) connections_per_address: u32,
    /// Draws what was measured over time.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) svg: Option<PathBuf>,
}
