//! What can go wrong between us and Redis, and what it says about the command that was sent.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::{AppendError, ReadError};

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Failure {
    /// What is wrong, for the log; never an address.
    pub(crate) reason: String,
    /// Whether a command that writes may have taken effect all the same.
    pub(crate) maybe: bool,
}

impl Failure {
    /// Returns the failure of a command that was refused or never sent.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Failure { reason: reason.into(), maybe: false }
    }

    /// Returns the failure of a command whose answer did not come.
    pub(super) fn unanswered(reason: impl Into<String>) -> Self {
        Failure { reason: reason.into(), maybe: true }
    }

    /// Judges an error of the client: one that the server answered with means that nothing was
    /// stored, since our functions are refused before their first write or not at all.
    pub(super) fn from_redis(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => Failure::refused(in_words(error)),
            _ => Failure::unanswered(format!("the connection to Redis broke: {error}")),
        }
    }
}

fn in_words(error: &RedisError) -> String {
    let detail = error.detail().unwrap_or_default();
    if detail.contains("WRONGTYPE") || error.code() == Some("WRONGTYPE") {
        return format!("a key of ours holds another program's data: {error}");
    }
    match (error.kind(), error.code()) {
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            format!("Redis is a read-only replica: {error}")
        }
        (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => {
            "Redis is loading its data".to_owned()
        }
        (_, Some("OOM")) => format!("Redis is out of memory (maxmemory): {error}"),
        (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => format!("Redis refuses us: {error}"),
        _ => format!("Redis refused the command: {error}"),
    }
}

/// Returns whether the server lacks the text of our functions.
pub(super) fn is_missing_text(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
        || error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

/// Returns whether the server does not know a command.
pub(super) fn is_unknown_command(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("unknown command"))
}

impl From<Failure> for AppendError {
    fn from(Failure { reason, maybe }: Failure) -> Self {
        AppendError::Unavailable { reason, maybe }
    }
}

impl From<Failure> for ReadError {
    fn from(Failure { reason, .. }: Failure) -> Self {
        ReadError::Unavailable { reason }
    }
}
