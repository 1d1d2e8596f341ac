//! A hole in what a reader can be given, said aloud.

use std::fmt;

use crate::Position;

/// Tells a reader that a hole can't be ruled out between `after` and `resumes_at`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// Why there may be a hole.
    pub reason: GapReason,
    /// What the reader asked to go on after, as it wrote it.
    pub after: Option<String>,
    /// The place after which reading goes on; it is the gap's own cursor.
    pub resumes_at: Position,
    /// How many events are missing, where that is known.
    pub missed: Option<u64>,
}

/// Why a hole can't be ruled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapReason {
    /// The window no longer reaches back so far.
    Expired,
    /// The cursor is malformed, of another stream, or of an epoch that nobody remembers.
    UnknownCursor,
    /// The cursor names a place that this log never had.
    Diverged,
    /// The reader was too slow for the window.
    Lagged,
    /// Acknowledged events are gone.
    DataLoss,
}

impl GapReason {
    /// Every reason, for tables and metric families.
    pub const ALL: [GapReason; 5] = [
        GapReason::Expired,
        GapReason::UnknownCursor,
        GapReason::Diverged,
        GapReason::Lagged,
        GapReason::DataLoss,
    ];

    /// Returns the word that clients and metrics see.
    pub const fn as_str(self) -> &'static str {
        match self {
            GapReason::Expired => "expired",
            GapReason::UnknownCursor => "unknown_cursor",
            GapReason::Diverged => "diverged",
            GapReason::Lagged => "lagged",
            GapReason::DataLoss => "data_loss",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
