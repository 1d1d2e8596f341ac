//! The name of a log, as it is written in state files, metrics of one run and other backends' keys.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{OrgId, limits::STREAM_KEY_BYTES_MAX};

/// Names one log.
///
/// The text is `org:ID`, `thread:ID`, `chain:KEY`, `ops` or `probe`; it round-trips through
/// [`FromStr`] and [`fmt::Display`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamName {
    /// An organisation's own events.
    Org(OrgId),
    /// A chat thread.
    Thread(Arc<str>),
    /// A chain's feed.
    Chain(Arc<str>),
    /// What operators watch: health changes, cutovers, spools, gaps.
    Ops,
    /// The server's own delivery probe; no client can read it.
    Probe,
}

/// The text is not a stream name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a stream is org:ID, thread:ID, chain:KEY, ops or probe; an ID or KEY is 1 to \
     {STREAM_KEY_BYTES_MAX} of A-Z a-z 0-9 _ . -"
)]
pub struct StreamNameError;

impl StreamName {
    /// Returns the stream of a chat thread.
    ///
    /// # Errors
    /// Fails where the id is not 1 to 128 of `A-Z a-z 0-9 _ . -`.
    pub fn thread(id: &str) -> Result<Self, StreamNameError> {
        checked_key(id).map(StreamName::Thread)
    }

    /// Returns the stream of a chain's feed.
    ///
    /// # Errors
    /// Fails where the key is not 1 to 128 of `A-Z a-z 0-9 _ . -`.
    pub fn chain(key: &str) -> Result<Self, StreamNameError> {
        checked_key(key).map(StreamName::Chain)
    }
}

fn checked_key(key: &str) -> Result<Arc<str>, StreamNameError> {
    let well_formed = (1..=STREAM_KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if well_formed { Ok(key.into()) } else { Err(StreamNameError) }
}

impl FromStr for StreamName {
    type Err = StreamNameError;

    fn from_str(text: &str) -> Result<Self, StreamNameError> {
        match text.split_once(':') {
            Some(("org", id)) => id.parse().map(StreamName::Org).map_err(|_| StreamNameError),
            Some(("thread", id)) => StreamName::thread(id),
            Some(("chain", key)) => StreamName::chain(key),
            None if text == "ops" => Ok(StreamName::Ops),
            None if text == "probe" => Ok(StreamName::Probe),
            _ => Err(StreamNameError),
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamName::Org(id) => write!(f, "org:{id}"),
            StreamName::Thread(id) => write!(f, "thread:{id}"),
            StreamName::Chain(key) => write!(f, "chain:{key}"),
            StreamName::Ops => f.write_str("ops"),
            StreamName::Probe => f.write_str("probe"),
        }
    }
}
