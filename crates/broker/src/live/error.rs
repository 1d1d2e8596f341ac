//! Why a switch was refused, or did not go on.

use super::plan::NotSwitched;
use crate::{ReadError, redis::failure::Failure};

/// Why a switch was refused, or did not go on. What it had done stands; asked again, it goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// A switch is under way in this process.
    #[error("a switch is under way here already")]
    Underway,
    /// A switch is under way on another replica.
    #[error("a switch is under way on replica {0}; one at a time")]
    Elsewhere(String),
    /// A newer switch has taken over.
    #[error("another replica's switch has taken over (token {0})")]
    Overtaken(u64),
    /// It was undone before its end.
    #[error("the switch was undone before its end")]
    Undone,
    /// Nothing was switched yet.
    #[error("there is nothing to finalise: not all streams have changed hands yet")]
    NotSwitched,
    /// The process ends.
    #[error("the server is draining")]
    Draining,
    /// No Redis is configured.
    #[error("no Redis is configured")]
    NoRedis,
    /// Redis can't be reached, or does not serve yet.
    #[error("Redis can't be reached: {0}")]
    Unreachable(String),
    /// Redis is out of memory.
    #[error("Redis is full: {0}")]
    Full(String),
    /// Redis does not take writes.
    #[error("Redis is read-only: {0}")]
    ReadOnly(String),
    /// Redis is too old for our functions.
    #[error("Redis is too old: {0}")]
    TooOld(String),
    /// Redis refused for another reason, as for a key of another program.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// A copy is not the same as its log.
    #[error("the copy of `{0}` is not the same")]
    Differs(String),
    /// What was to be moved changed as often as it was looked at.
    #[error("{0}")]
    Restless(String),
    /// Appends to a stream did not come to an end in time.
    #[error("an append to `{0}` takes too long")]
    Busy(String),
    /// What has to outlive the process could not be written.
    #[error("the state folder can't be written: {0}")]
    Disk(String),
    /// There are too many streams.
    #[error("too many streams")]
    StreamsFull,
}

impl From<Failure> for SwitchError {
    fn from(Failure { reason, maybe, .. }: Failure) -> Self {
        let has = |part: &str| reason.contains(part);
        if has("(maxmemory)") {
            SwitchError::Full(reason)
        } else if has("read-only") || has("READONLY") {
            SwitchError::ReadOnly(reason)
        } else if has("too old") {
            SwitchError::TooOld(reason)
        } else if has("holds what this log did not write") || has("another program's data") {
            SwitchError::Refused(reason)
        } else if maybe || has("onnect") || has("answer in time") || has("began anew") {
            SwitchError::Unreachable(reason)
        } else {
            SwitchError::Refused(reason)
        }
    }
}

impl From<ReadError> for SwitchError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::StreamsFull => SwitchError::StreamsFull,
            ReadError::Unavailable { reason } => Failure::refused(reason).into(),
        }
    }
}

impl From<NotSwitched> for SwitchError {
    fn from(NotSwitched: NotSwitched) -> Self {
        SwitchError::NotSwitched
    }
}
