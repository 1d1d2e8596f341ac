//! What the writer, its callers and the readers share.
//!
//! Owns no logic: each part has its own lock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::disk::Disk;
use crate::health::State;
use crate::metrics::{Counters, Dropped};
use crate::observer::Observer;
use crate::queue::Queue;
use crate::recent::Recent;
use crate::segments::Segments;
use crate::seq::Seq;
use crate::sink::Positions;

pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) queue: Queue,
    pub(crate) recent: Recent,
    pub(crate) segments: Segments,
    pub(crate) positions: Positions,
    pub(crate) counters: Counters,
    pub(crate) state: Mutex<State>,
    /// Records dropped before the log was opened this time.
    pub(crate) dropped_before: Dropped,
}

impl Shared {
    /// Records dropped since the log began.
    pub(crate) fn dropped_ever(&self) -> Dropped {
        let now = self.counters.dropped();
        Dropped(std::array::from_fn(|at| self.dropped_before.0[at].saturating_add(now.0[at])))
    }

    /// The first record that is kept; the next one's number where none is.
    pub(crate) fn first_seq(&self) -> Seq {
        self.segments.first().unwrap_or_else(|| self.recent.end().next)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
