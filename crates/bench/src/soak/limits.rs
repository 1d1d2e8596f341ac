//! The limits of Tidegate that a soak comes near: its defaults, and two that are scaled to the run.

use std::time::Duration;

use serde::Serialize;

/// `TIDEGATE_PAYLOAD_BYTES_MAX`.
pub(super) const PAYLOAD_BYTES_MAX: u32 = 262_144;

/// `TIDEGATE_BATCH_EVENTS_MAX`.
pub(super) const BATCH_EVENTS_MAX: u32 = 500;

/// `TIDEGATE_ORG_EVENTS_PER_SECOND`.
pub(super) const ORG_EVENTS_PER_SECOND: u32 = 1000;

/// `REALTIME_REPLAY_MAX_EVENTS`.
pub(super) const WINDOW_EVENTS: u32 = 1000;

/// `REALTIME_REPLAY_WINDOW_SECONDS`: the least that there is, a tenth of the default, so that windows
/// turn over within the run as they do within an hour.
pub(super) const WINDOW_SECONDS: u32 = 60;

/// `TIDEGATE_LAG_SECONDS_MAX` is so small a part of the run, up to its default.
const LAG_PART: u32 = 24;
const LAG_SECONDS_DEFAULT: u32 = 30;

/// The server's limits in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Limits {
    pub(crate) payload_bytes_max: u32,
    pub(crate) batch_events_max: u32,
    pub(crate) org_events_per_second: u32,
    pub(crate) window_events: u32,
    pub(crate) window_seconds: u32,
    pub(crate) lag_seconds_max: u32,
}

impl Limits {
    /// Returns the limits for a run of this length.
    pub(super) fn of(seconds: u32) -> Self {
        Limits {
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            batch_events_max: BATCH_EVENTS_MAX,
            org_events_per_second: ORG_EVENTS_PER_SECOND,
            window_events: WINDOW_EVENTS,
            window_seconds: WINDOW_SECONDS,
            lag_seconds_max: (seconds / LAG_PART).clamp(1, LAG_SECONDS_DEFAULT),
        }
    }

    /// Returns how far a reader may fall behind in time.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_secs(self.lag_seconds_max.into())
    }

    /// Returns how long an event is kept.
    pub(super) fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds.into())
    }
}
