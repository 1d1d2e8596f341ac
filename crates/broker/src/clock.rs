//! The machine's own clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::{Clock, MonoMs, UnixMs};

/// What the monotonic clock shows at the start of the process: ages from before it fit below.
const MONO_AT_START: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads the machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Returns a clock whose monotonic time shows 30 days now.
    pub fn new() -> Self {
        SystemClock { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn mono(&self) -> MonoMs {
        MonoMs::default().plus(MONO_AT_START).plus(self.start.elapsed())
    }

    fn unix(&self) -> UnixMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
