//! Where chains are heard of, and how much of them is kept.

use std::{path::PathBuf, sync::Arc};

use chain::ChainConfig;
use feature::Registry;

use super::Secret;

/// Where chains are heard of, and how much of them is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestSettings {
    /// Where chains are heard of.
    pub mode: IngestMode,
    /// Most events of chains that can be read; the oldest go first.
    pub events_held_max: usize,
    /// Most bytes of the log on disk; beyond, what is heard of is refused until a sink has caught up.
    pub journal_bytes_max: u64,
    /// Most records that wait to be written.
    pub journal_queue_max: usize,
    /// The ClickHouse server that gets every record too; it may hold a password.
    pub clickhouse_url: Option<Secret>,
    /// What is computed of it.
    pub analysis: AnalysisSettings,
}

/// What is computed of what is heard of.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisSettings {
    /// Whether it is told what each transaction asks for.
    pub features: bool,
    /// Whether transactions that wait are simulated, on chains that are followed at nodes.
    pub simulations: bool,
    /// Whether it is looked for what could be gained from pools, on chains that are followed at nodes.
    pub opportunities: bool,
    /// Which contract is what.
    pub registry: Arc<Registry>,
}

/// Where chains are heard of.
#[derive(Clone, Debug, PartialEq)]
pub enum IngestMode {
    /// Nowhere.
    Off,
    /// At nodes, for each of these chains.
    Rpc(Vec<ChainConfig>),
    /// From a recorded feed.
    Replay(ReplaySettings),
}

impl IngestMode {
    /// Returns the word that settings and the log use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            IngestMode::Off => "off",
            IngestMode::Rpc(_) => "rpc",
            IngestMode::Replay(_) => "replay",
        }
    }
}

/// Which feed is replayed, and how fast.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplaySettings {
    /// The file; the small one that the program brings, where there is none.
    pub file: Option<PathBuf>,
    /// How fast.
    pub speed: ReplaySpeed,
}

/// How fast a feed is replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReplaySpeed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// As fast as it can be kept.
    Max,
}

impl ReplaySpeed {
    /// As it was recorded.
    pub const RECORDED: ReplaySpeed = ReplaySpeed::Times(1.0);
}
