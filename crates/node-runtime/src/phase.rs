//! Where the process is in its life.

/// Where the process is in its life; it only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is being put together; nothing is served.
    Starting,
    /// It serves.
    Ready,
    /// It takes nothing new and lets its readers go.
    Draining,
    /// Everything that it owned has ended.
    Stopped,
}

impl Phase {
    /// Returns the word that logs and `/ready` show.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
            Phase::Stopped => "stopped",
        }
    }
}
