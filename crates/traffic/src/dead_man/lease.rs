//! When a lease is over: by the router's clock, or by this machine's where that is earlier.
//!
//! A router's clock stays behind by as long as it was suspended: HAProxy sets its date forward by what its
//! own timers saw. Whoever watches may not be late by that. Pure but for the time.

use tokio::time::{Duration, Instant};

use super::DeadManSettings;
use crate::{Observation, UnixTime};

/// How much later than the router this machine may say so: both clocks tell whole seconds.
const SLACK: Duration = Duration::from_secs(2);

/// The lease as it was seen last.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// Its end, with when that is on this machine's steady clock, which nobody sets.
    last: Option<(UnixTime, Instant)>,
}

impl Lease {
    /// Returns whether the lease has been over for longer than the grace.
    pub(super) fn is_over(&mut self, seen: &Observation, settings: &DeadManSettings) -> bool {
        let over_at = match self.last {
            Some((until, over_at)) if until == seen.until => over_at,
            _ => {
                // It was renewed just now, by this machine's clock.
                let now = seen.now.max((settings.clock)());
                let left = Duration::from_secs(seen.until.since(now));
                let over_at = Instant::now() + left;
                self.last = Some((seen.until, over_at));
                over_at
            }
        };
        let grace = Duration::from_secs(settings.grace_seconds);
        let is_over_there = seen.now > seen.until.plus(settings.grace_seconds);
        is_over_there || over_at.elapsed() > grace + SLACK
    }
}

/// Says that a lease is over by this machine's clock alone.
pub(super) fn behind(seen: &Observation) -> String {
    format!(
        "the router's clock is behind: it says {}, and the lease until {} is over; it is ended",
        seen.now, seen.until
    )
}
