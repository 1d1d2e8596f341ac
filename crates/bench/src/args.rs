//! The arguments of `bench`.

mod chat;
mod feed;
mod pure;
mod soak;

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, Subcommand, ValueEnum, builder::RangedU64ValueParser};
use serde::Serialize;

pub use self::chat::ChatArgs;
pub(crate) use self::chat::{Database, RequestIds};
pub(crate) use self::feed::FeedArgs;
#[cfg(test)]
pub(crate) use self::soak::SOAK_SECONDS_DEFAULT;
pub use self::{
    feed::{IngestArgs, RecoverArgs, SnapshotArgs},
    pure::{AnalysisArgs, EvidenceArgs, GuardsArgs, JournalArgs, RunbooksArgs},
    soak::SoakArgs,
};
use crate::{floor::Writes, payload::PAYLOAD_BYTES_MIN};
pub(crate) use guard::Share;

/// More readers than this one process can't have ports and files for.
const READERS_MAX: u64 = 1_000_000;

fn from_one<T: TryFrom<u64> + Clone + Send + Sync>(to: u64) -> RangedU64ValueParser<T> {
    RangedU64ValueParser::new().range(1..=to)
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Publishes to many readers: deliveries per CPU-second, and their latency.
    #[command(after_help = "Example: tidegate bench fanout --server tidegate,floor --rate 200\n\
        Example: tidegate bench fanout --server tidegate,nchan,floor-coalesce --rate max --svg fanout.svg")]
    Fanout(Order<FanoutWork>),
    /// Opens many readers and publishes nothing: bytes a connection, and CPU meanwhile.
    #[command(after_help = "Example: tidegate bench idle --readers 19000 --server tidegate,floor")]
    Idle(Order<IdleWork>),
    /// Lets many readers come back for what they missed.
    #[command(
        after_help = "Example: tidegate bench replay --events 100 --server tidegate,nchan,floor"
    )]
    Replay(Order<ReplayWork>),
    /// Publishes as fast as answers come, without readers.
    #[command(after_help = "Example: tidegate bench publish --connections 64\n\
        Example: tidegate bench publish --list 500")]
    Publish(Order<PublishWork>),
    /// Opens streams and closes them again, as many as it can.
    #[command(after_help = "Example: tidegate bench churn --seconds 10")]
    Churn(Order<ChurnWork>),
    /// An hour's shape in minutes: churn, slow readers, bursts and publishes near the limits.
    #[command(after_help = "Example: tidegate bench soak --seconds 240 --svg soak.svg\n\
        Example: tidegate bench soak --readers 1000 --streams 20 --ws 20% --seed 7")]
    Soak(SoakArgs),
    /// Sends messages to chat threads, reads them live and from the past, and reads every one back.
    #[command(after_help = "Example: tidegate bench chat --threads 1000 --senders 64\n\
        Example: tidegate bench chat --database surreal --replicas 2 --readers 1000 --senders 32\n\
        Example: tidegate bench chat --senders 16 --rate 50 --readers 1000 --catch-up 100000")]
    Chat(ChatArgs),
    /// Replays a made-up feed of chains: transactions a second from the file to what readers get.
    #[command(after_help = "Example: tidegate bench ingest --dir /var/lib/tidegate\n\
        Example: tidegate bench ingest --transactions 10000000 --repeat 1")]
    Ingest(IngestArgs),
    /// Reads the dashboard's snapshot of chains during a replay: its times, and what readers cost.
    #[command(after_help = "Example: tidegate bench snapshot --readers 50 --poll-every-ms 1000\n\
        Example: tidegate bench snapshot --held 250000 --held-few 6000")]
    Snapshot(SnapshotArgs),
    /// Kills a server of chains and starts it again: how long until all of its log is readable.
    #[command(after_help = "Example: tidegate bench recover --records 1000000")]
    Recover(RecoverArgs),
    /// Lets guards look at traffic in this process: the CPU that a look costs.
    #[command(after_help = "Example: tidegate bench guards --guards 100 --looks 600")]
    Guards(GuardsArgs),
    /// Verifies the evidence of a long log in this process.
    #[command(after_help = "Example: tidegate bench evidence --entries 10000 --signed 50%")]
    Evidence(EvidenceArgs),
    /// Checks and plans known runbooks in this process.
    #[command(after_help = "Example: tidegate bench runbooks --repeat 20")]
    Runbooks(RunbooksArgs),
    /// Writes the journal of a run, beside the bare write and flush of the same bytes.
    #[command(after_help = "Example: tidegate bench journal --entries 500 --dir /var/lib/tidegate")]
    Journal(JournalArgs),
    /// Reads transactions, simulates transfers beside bare `revm`, and solves cycles of pools, in this
    /// process.
    #[command(after_help = "Example: tidegate bench analysis --repeat 5")]
    Analysis(AnalysisArgs),
    /// Runs the floor alone; measurements start it.
    #[command(
        hide = true,
        after_help = "Example: tidegate bench floor-server --address 127.0.0.1:9000"
    )]
    FloorServer(FloorArgs),
}

/// A work, and what it is done with.
#[derive(Args, Debug)]
pub struct Order<W: Args> {
    #[command(flatten)]
    pub(crate) work: W,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What all works have in common.
#[derive(Args, Clone, Debug, Serialize)]
pub(crate) struct CommonArgs {
    /// What to measure; several are measured in turn, and compared.
    #[arg(long, value_delimiter = ',', default_value = "tidegate,floor-coalesce")]
    pub(crate) server: Vec<ServerName>,
    /// Describes the server `custom`; docs/bench.md has the format.
    #[arg(long, value_name = "FILE")]
    pub(crate) custom: Option<PathBuf>,
    /// How often each is measured; figures are the medians.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(99))]
    pub(crate) repeat: u32,
    /// How readers read.
    #[arg(long, value_enum, default_value_t = Transport::Sse)]
    pub(crate) transport: Transport,
    /// The size of a payload, from which the envelope around it is made.
    #[arg(long, default_value_t = 100, value_parser = payload_bytes())]
    pub(crate) payload_bytes: u32,
    /// How many threads the readers run on [default: one a core].
    #[arg(long, value_parser = from_one::<u16>(256))]
    pub(crate) threads: Option<u16>,
    /// How many readers connect from one loopback address; each has only so many ports.
    #[arg(long, default_value_t = 20_000, value_parser = from_one::<u32>(28_000))]
    pub(crate) connections_per_address: u32,
    /// Draws the result.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) svg: Option<PathBuf>,
}

fn payload_bytes() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(PAYLOAD_BYTES_MIN as u64..=200_000)
}

/// Arguments of `fanout`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct FanoutWork {
    /// How many readers there are.
    #[arg(long, default_value_t = 1000, value_parser = from_one::<u32>(READERS_MAX))]
    pub(crate) readers: u32,
    /// How many streams they are spread over.
    #[arg(long, default_value_t = 1, value_parser = from_one::<u32>(100_000))]
    pub(crate) streams: u32,
    /// Events a second on all streams together; `max` for as many as readers follow.
    #[arg(long, default_value = "20")]
    pub(crate) rate: Rate,
    /// How long to publish.
    #[arg(long, default_value_t = 10, value_parser = from_one::<u32>(86_400))]
    pub(crate) seconds: u32,
    /// With `--rate max`: how many events of a stream the slowest reader may be behind.
    #[arg(long, default_value_t = 2000, value_parser = from_one::<u32>(100_000))]
    pub(crate) window: u32,
    /// How many events are published at one time at most; with `--rate max` always so many.
    #[arg(long, default_value_t = 100, value_parser = from_one::<u32>(10_000))]
    pub(crate) list: u32,
}

/// Arguments of `idle`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct IdleWork {
    /// How many readers there are.
    #[arg(long, default_value_t = 10_000, value_parser = from_one::<u32>(READERS_MAX))]
    pub(crate) readers: u32,
    /// How long to wait once all are there; a heartbeat comes every 15 seconds.
    #[arg(long, default_value_t = 20, value_parser = from_one::<u32>(86_400))]
    pub(crate) seconds: u32,
}

/// Arguments of `replay`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ReplayWork {
    /// How many readers come back.
    #[arg(long, default_value_t = 1000, value_parser = from_one::<u32>(READERS_MAX))]
    pub(crate) readers: u32,
    /// How many events each has missed.
    #[arg(long, default_value_t = 100, value_parser = from_one::<u32>(100_000))]
    pub(crate) events: u32,
    /// How often all of them come back in one measurement.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(10_000))]
    pub(crate) rounds: u32,
    /// How many come at one time.
    #[arg(long, default_value_t = 256, value_parser = from_one::<u32>(4000))]
    pub(crate) at_once: u32,
}

/// Arguments of `publish`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct PublishWork {
    /// How many events one request has.
    #[arg(long, default_value_t = 1, value_parser = from_one::<u32>(10_000))]
    pub(crate) list: u32,
    /// How many connections publish, each awaiting its answer [default: 64, with lists 2].
    #[arg(long, value_parser = from_one::<u32>(10_000))]
    pub(crate) connections: Option<u32>,
    /// How long to publish.
    #[arg(long, default_value_t = 10, value_parser = from_one::<u32>(86_400))]
    pub(crate) seconds: u32,
}

/// Arguments of `churn`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ChurnWork {
    /// How many streams are being opened at one time.
    #[arg(long, default_value_t = 64, value_parser = from_one::<u32>(4000))]
    pub(crate) at_once: u32,
    /// How long to go on.
    #[arg(long, default_value_t = 5, value_parser = from_one::<u32>(86_400))]
    pub(crate) seconds: u32,
}

/// Arguments of `floor-server`.
#[derive(Args, Clone, Debug)]
pub struct FloorArgs {
    /// Where it listens.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// How much is written at one time.
    #[arg(long, value_enum, default_value_t = Writes::All)]
    pub(crate) writes: Writes,
    /// How many bytes of a stream are kept for readers that come back.
    #[arg(long, default_value_t = 1 << 20)]
    pub(crate) kept_bytes: usize,
}

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ServerName {
    /// This program.
    Tidegate,
    /// This program with a Redis of the measurement's own.
    TidegateRedis,
    /// Two of them on one Redis: events are published to one, and read from the other.
    TidegateRedisTwo,
    /// Two of them on one Redis: events are published to one, and read from both.
    TidegateRedisBoth,
    /// The limit of the two: the same server-side function, called by `redis-benchmark`.
    RedisFunction,
    /// nginx with the nchan module.
    Nchan,
    /// Pushpin.
    Pushpin,
    /// The limit: ready bytes, one write for each event and reader.
    Floor,
    /// The limit under load: ready bytes, all that is there in one write.
    FloorCoalesce,
    /// Another, described by --custom.
    Custom,
}

/// How readers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    /// Server-Sent Events.
    Sse,
    /// WebSocket.
    Ws,
}

/// The works, without their arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WorkName {
    Fanout,
    Idle,
    Replay,
    Publish,
    Churn,
}

/// Events a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    /// As many as the slowest reader follows.
    Max,
    /// So many.
    PerSecond(u32),
}

/// A text that is no rate.
#[derive(Debug, thiserror::Error)]
#[error("a rate is `max` or a number from 1 to 10000000")]
pub(crate) struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text == "max" {
            return Ok(Rate::Max);
        }
        let rate = text.parse().ok().filter(|rate| (1..=10_000_000).contains(rate));
        rate.map(Rate::PerSecond).ok_or(RateError)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Max => f.write_str("max"),
            Rate::PerSecond(rate) => write!(f, "{rate}"),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
