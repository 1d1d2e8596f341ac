//! What a replica's broker is told.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use event::Clock;

use crate::{RedisOptions, memory::EpochSource};

/// How a replica's broker is set up.
#[derive(Clone)]
pub struct ReplicaOptions {
    /// Where the trunk is; the window's limits are also those of a branch.
    pub redis: RedisOptions,
    /// Whether nothing is published or read while Redis is lost.
    pub strict: bool,
    /// Whether somebody keeps elsewhere what a log that began anew is behind, and raises it to that:
    /// then a replica that comes late gives back what lies behind the log's head alone.
    pub is_kept_elsewhere: bool,
    /// The folder where branches outlive the process; without one they end with it.
    pub spool: Option<PathBuf>,
    /// Most events that wait to be merged, of all streams together; a further one is refused.
    pub spool_events_max: u64,
    /// Most bytes of JSON that wait to be merged; a further event is refused.
    pub spool_bytes_max: u64,
    /// How long the replica is without a connection before it counts as cut off.
    pub cut_off_after: Duration,
    /// How long a replica waits for others to give back what they have, after Redis began anew.
    pub heal_grace: Duration,
    /// How often branches are written to the folder, where they have changed.
    pub save_every: Duration,
    /// The process's clocks.
    pub clock: Arc<dyn Clock>,
    /// Where new epochs come from.
    pub epochs: Arc<dyn EpochSource>,
}

impl ReplicaOptions {
    /// Returns the options of a replica that is not strict.
    pub fn new(redis: RedisOptions, clock: Arc<dyn Clock>) -> Self {
        ReplicaOptions {
            redis,
            strict: false,
            is_kept_elsewhere: false,
            spool: None,
            spool_events_max: 100_000,
            spool_bytes_max: 256 << 20,
            cut_off_after: Duration::from_millis(500),
            heal_grace: Duration::from_secs(5),
            save_every: Duration::from_secs(1),
            clock,
            epochs: Arc::new(crate::memory::OsEpochs),
        }
    }
}

impl fmt::Debug for ReplicaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaOptions")
            .field("redis", &self.redis)
            .field("strict", &self.strict)
            .field("spool", &self.spool)
            .finish_non_exhaustive()
    }
}
