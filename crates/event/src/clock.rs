//! Time as data: two kinds of instant that can't be mixed up, and the trait that supplies them.
//!
//! Durations and ages come from the monotonic instant alone, so that a wall clock that jumps
//! neither empties a window nor keeps it for ever.

use std::time::Duration;

/// Milliseconds since an arbitrary start of this process; never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoMs(pub u64);

impl MonoMs {
    /// Returns the time from `earlier` to `self`, zero where `earlier` is later.
    pub fn since(self, earlier: MonoMs) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant `by` later.
    pub fn plus(self, by: Duration) -> MonoMs {
        MonoMs(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the instant `by` earlier, the start of the process at the earliest.
    pub fn minus(self, by: Duration) -> MonoMs {
        MonoMs(self.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z by the wall clock; may jump either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub u64);

/// Supplies both kinds of instant; a simulation supplies its own.
pub trait Clock: Send + Sync + 'static {
    /// Returns the monotonic instant.
    fn mono(&self) -> MonoMs;

    /// Returns the wall clock's instant.
    fn unix(&self) -> UnixMs;
}
