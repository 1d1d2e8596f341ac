//! The run's clock: microseconds since the run began, the same for publishers and readers.

use std::time::{Duration, Instant};

/// A clock that began with the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Starts it.
    pub(crate) fn start() -> Self {
        Clock(Instant::now())
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// Returns the microseconds since the start.
    pub(crate) fn now_us(&self) -> u64 {
        us(self.now())
    }
}

/// Returns whole microseconds.
pub(crate) fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
