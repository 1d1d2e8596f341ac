//! The arguments of `chat`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};
use serde::Serialize;

use super::{Rate, Transport, from_one};

/// Beside a message's stamp, what its text is filled up to; more than this is no message.
const BODY_CHARS: std::ops::RangeInclusive<u64> = 40..=2000;

fn from_none<T: TryFrom<u64> + Clone + Send + Sync>(to: u64) -> RangedU64ValueParser<T> {
    RangedU64ValueParser::new().range(0..=to)
}

/// Arguments of `chat`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ChatArgs {
    /// Where messages are kept.
    #[arg(long, value_enum, default_value_t = Database::Embedded)]
    pub(crate) database: Database,
    /// The SurrealDB 3.0.0 server that `--database surreal` starts [default: SURREAL_BIN, else
    /// `surreal` on the path].
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) surreal: Option<PathBuf>,
    /// How many processes serve chat: two have a Redis of the run's own, and need `--database
    /// surreal`.
    #[arg(long, default_value_t = 1, value_parser = from_one::<u8>(2))]
    pub(crate) replicas: u8,
    /// How many chat threads messages are sent to.
    #[arg(long, default_value_t = 1, value_parser = from_one::<u32>(100_000))]
    pub(crate) threads: u32,
    /// How many connections send, spread over the replicas, each awaiting its answer.
    #[arg(long, default_value_t = 32, value_parser = from_none::<u32>(10_000))]
    pub(crate) senders: u32,
    /// How many readers the first thread has, spread over the replicas.
    #[arg(long, default_value_t = 0, value_parser = from_none::<u32>(200_000))]
    pub(crate) readers: u32,
    /// How readers read.
    #[arg(long, value_enum, default_value_t = Transport::Sse)]
    pub(crate) transport: Transport,
    /// Messages a second of all senders together; `max` for as many as are answered.
    #[arg(long, default_value = "max")]
    pub(crate) rate: Rate,
    /// How long is measured.
    #[arg(long, default_value_t = 10, value_parser = from_one::<u32>(86_400))]
    pub(crate) seconds: u32,
    /// Fills a thread of its own with so many messages before anything is measured; meanwhile 200 of
    /// them are read from random places.
    #[arg(long, value_name = "MESSAGES", value_parser = RangedU64ValueParser::<u32>::new().range(200..=10_000_000))]
    pub(crate) catch_up: Option<u32>,
    /// How many such reads there are, spread over the time.
    #[arg(long, default_value_t = 200, value_parser = from_one::<u32>(1_000_000))]
    pub(crate) reads: u32,
    /// Whether each message has a request's id, which makes another attempt harmless.
    #[arg(long, value_enum, default_value_t = RequestIds::Each)]
    pub(crate) request_ids: RequestIds,
    /// How many characters a message has.
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<u32>::new().range(BODY_CHARS))]
    pub(crate) body_chars: u32,
    /// How often all of it is measured, each time with fresh servers; figures are the medians.
    #[arg(long, default_value_t = 1, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
    /// A folder on the disk that messages are kept on [default: the folder for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How many of the generator's threads readers run on [default: one a core].
    #[arg(long, value_parser = from_one::<u16>(256))]
    pub(crate) reader_threads: Option<u16>,
    /// How many readers connect from one loopback address; each has only so many ports.
    #[arg(long, default_value_t = 20_000, value_parser = from_one::<u32>(28_000))]
    pub(crate) connections_per_address: u32,
    /// Draws how the times are distributed.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) svg: Option<PathBuf>,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Database {
    /// In a folder of the process, each commit on disk before it is acknowledged.
    Embedded,
    /// In the memory of the process.
    Memory,
    /// On a SurrealDB server of the run's own, in a folder.
    Surreal,
}

/// Which messages have a request's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RequestIds {
    /// Every one, as clients are told to send them.
    Each,
    /// None.
    None,
}
