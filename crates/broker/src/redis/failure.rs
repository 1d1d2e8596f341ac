//! What can go wrong between us and Redis, and what it says about the command that was sent.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::{AppendError, ReadError};

/// The oldest server that has all that we use (`XTRIM MINID`, RESP3).
pub(super) const OLDEST: Version = Version(6, 2);

/// A server's version, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Failure {
    /// What is wrong, for the log; never an address.
    pub(crate) reason: String,
    /// Whether a command that writes may have taken effect all the same.
    pub(crate) maybe: bool,
    /// Where a cluster says that the command belongs.
    pub(super) redirect: Option<Redirect>,
    /// Whether it is what stands under one log's keys, so that other logs are not concerned.
    pub(crate) is_of_log: bool,
}

/// What a node of a cluster answers to a command for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot is there now, as `HOST:PORT`.
    Moved(String),
    /// This key is there already, as `HOST:PORT`; the slot is on its way.
    Ask(String),
    /// Some of the keys are there and some not; the slot is on its way.
    TryAgain,
}

impl Failure {
    /// Returns the failure of a command that was refused or never sent.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Failure { reason: reason.into(), maybe: false, redirect: None, is_of_log: false }
    }

    /// Returns the failure of a command that met what is not ours under a log's keys.
    pub(super) fn of_log(reason: impl Into<String>) -> Self {
        Failure { is_of_log: true, ..Failure::refused(reason) }
    }

    /// Returns the failure of a command whose answer did not come.
    pub(crate) fn unanswered(reason: impl Into<String>) -> Self {
        Failure { maybe: true, ..Failure::refused(reason) }
    }

    /// Judges an error of the client: one that the server answered with means that nothing was
    /// stored, since our functions are refused before their first write or not at all.
    pub(super) fn from_redis(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension if is_wrong_type(error) => {
                Failure::of_log("a key of ours holds another program's data")
            }
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Failure { redirect: redirect(error), ..Failure::refused(in_words(error)) }
            }
            ErrorKind::RESP3NotSupported => Failure::refused(too_old()),
            ErrorKind::AuthenticationFailed => {
                Failure::refused(format!("Redis refuses us: {error}"))
            }
            _ if error.to_string().contains("invalid peer certificate") => {
                Failure::refused(format!(
                    "the certificate of Redis is not trusted, by the CA file or system: {error}"
                ))
            }
            _ => Failure::unanswered(format!("the connection to Redis broke: {error}")),
        }
    }
}

fn too_old() -> String {
    format!("Redis is too old (it does not know HELLO 3): {OLDEST} or newer is needed")
}

fn redirect(error: &RedisError) -> Option<Redirect> {
    let node = || error.redirect_node().map(|(node, _)| node.to_owned());
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved) => node().map(Redirect::Moved),
        ErrorKind::Server(ServerErrorKind::Ask) => node().map(Redirect::Ask),
        ErrorKind::Server(ServerErrorKind::TryAgain) => Some(Redirect::TryAgain),
        _ => None,
    }
}

fn is_wrong_type(error: &RedisError) -> bool {
    let told = error.detail().is_some_and(|detail| detail.contains("WRONGTYPE"));
    told || error.code() == Some("WRONGTYPE")
}

fn in_words(error: &RedisError) -> String {
    let detail = error.detail().unwrap_or_default();
    if is_unknown_command(error) && detail.to_ascii_uppercase().contains("HELLO") {
        return too_old();
    }
    match (error.kind(), error.code()) {
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            "Redis is a read-only replica".to_owned()
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
    fn from(Failure { reason, maybe, .. }: Failure) -> Self {
        AppendError::Unavailable { reason, maybe }
    }
}

impl From<Failure> for ReadError {
    fn from(Failure { reason, .. }: Failure) -> Self {
        ReadError::Unavailable { reason }
    }
}
