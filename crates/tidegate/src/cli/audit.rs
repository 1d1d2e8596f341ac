//! The arguments of `audit`.

use clap::{Args, builder::RangedU64ValueParser};

use guard::Share;

use super::ConfigArgs;

fn at_least_one() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..=1_000_000)
}

/// Arguments of `audit`.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// How many readers to open.
    #[arg(long, default_value_t = 1000, value_parser = at_least_one())]
    pub(crate) readers: u64,
    /// The share of readers that close at random and resume.
    #[arg(long, default_value_t = "20%".parse().expect("a share"))]
    pub(crate) flaky: Share,
    /// The share of readers that stop reading for a while.
    #[arg(long, default_value_t = "5%".parse().expect("a share"))]
    pub(crate) slow: Share,
    /// The share of readers, of each kind, that begin over a WebSocket; the others read Server-Sent
    /// Events. Between 0% and 100% a flaky reader may also come back over the other transport, with
    /// the same cursor. What is checked is the same on both.
    #[arg(long, value_name = "SHARE", default_value_t = "50%".parse().expect("a share"))]
    pub(crate) ws: Share,
    /// How many steady readers to measure latency with; the others read in larger pieces.
    #[arg(long, default_value_t = 32, value_parser = at_least_one())]
    pub(crate) samples: u64,
    /// How long a reader that is not measured lets bytes gather, in milliseconds.
    #[arg(long, default_value_t = 20)]
    pub(crate) gather_ms: u64,
    /// Events a second, all publishers together.
    #[arg(long, default_value_t = 200, value_parser = at_least_one())]
    pub(crate) rate: u64,
    /// The size of a payload; what the check itself needs is the least.
    #[arg(long, default_value_t = 100)]
    pub(crate) payload_bytes: u32,
    /// How many publishers share the rate.
    #[arg(long, default_value_t = 4, value_parser = RangedU64ValueParser::<u64>::new().range(1..=1000))]
    pub(crate) publishers: u64,
    /// The share of publishers that publish over a WebSocket.
    #[arg(long, value_name = "SHARE", default_value_t = "0%".parse().expect("a share"))]
    pub(crate) ws_publishers: Share,
    /// How long to publish.
    #[arg(long, default_value_t = 60, value_parser = at_least_one())]
    pub(crate) seconds: u64,
    /// How long to wait for the server and for the last reader.
    #[arg(long, default_value_t = 30, value_parser = at_least_one())]
    pub(crate) settle_seconds: u64,
    /// Repeats the random choices of an earlier run.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The server. Repeated or as a comma list, several replicas of one log: publishers are spread
    /// over them, readers come back to another one at each reconnect, and the ledger is compared on
    /// each. Nobody else should publish to the stream meanwhile
    /// [setting: TIDEGATE_URL; default: the server of these settings].
    #[arg(long, value_delimiter = ',')]
    pub(crate) url: Vec<String>,
    /// A key with the scopes publish, subscribe and admin
    /// [setting: TIDEGATE_KEY; default: a key of these settings].
    #[arg(long)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
