//! How an open stream ended, on whatever transport.

use std::io;

use super::Refusal;

/// How a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The server ended it; its cursor resumes.
    #[error("the stream ended")]
    Closed,
    /// The server closed a reader that was too slow; its cursor resumes.
    #[error("the server closed the stream, since this reader fell too far behind")]
    Lagged,
    /// The connection broke; its cursor resumes.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The server refuses to go on.
    #[error("{}", .0.chain())]
    Refused(Refusal),
    /// What came is nothing that our server sends.
    #[error("{0}")]
    Garbled(String),
}

impl Ended {
    /// Returns the refusal of a request whose connection ended before the answer.
    pub(super) fn into_refusal(self, url: &str) -> Refusal {
        match self {
            Ended::Broken(error) => Refusal::unreachable(url, error),
            Ended::Refused(refusal) => refusal,
            Ended::Garbled(what) => Refusal::garbled(url, what),
            ended @ (Ended::Closed | Ended::Lagged) => Refusal::unreachable(url, ended),
        }
    }
}
