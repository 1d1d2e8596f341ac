//! Whether the server's memory stayed flat. Pure.
//!
//! Compared are two moments with the same readers and the same rate: the end of the steady phase,
//! before anything troublesome, and the end of the calm one, after all of it. The windows may hold
//! more at the end than at the beginning, and what they hold is known: the bytes of every event
//! that count and age still keep. The server keeps an event's envelope, and the frames of
//! the latest ones beside it; and an allocator rounds each up to one of its sizes.

#[cfg(test)]
mod tests;

use serde::Serialize;

/// An event's envelope, and what its frames may come to: few events of a window still have any.
const COPIES: f64 = 2.0;

/// By how much an allocator rounds up at the most: its sizes are a quarter of a power of two apart.
const ROUNDING: f64 = 1.25;

/// What an allocator may hold beyond what is used: a part of all, and at least so much.
const SLACK_PART: f64 = 0.15;
const SLACK_BYTES_MIN: f64 = 16e6;

/// What was measured in one of the two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Moment {
    pub(super) rss_bytes: f64,
    pub(super) pss_bytes: f64,
    pub(super) readers: f64,
    /// What the windows hold, each event once.
    pub(super) windows_bytes: f64,
}

/// What the two moments say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Flatness {
    pub(super) steady: Moment,
    pub(super) calm: Moment,
    /// The resident set in the calm as a multiple of that in the steady phase.
    pub(super) ratio: f64,
    /// The most that the ratio may be.
    pub(super) bound: f64,
    pub(super) is_flat: bool,
}

impl Flatness {
    /// Judges.
    pub(super) fn of(steady: Moment, calm: Moment) -> Self {
        let base = steady.rss_bytes.max(1.0);
        let slack = (base * SLACK_PART).max(SLACK_BYTES_MIN);
        let windows = (calm.windows_bytes - steady.windows_bytes).max(0.0);
        let bound = (base + slack + COPIES * ROUNDING * windows) / base;
        let ratio = calm.rss_bytes / base;
        Flatness { steady, calm, ratio, bound, is_flat: ratio <= bound }
    }
}
