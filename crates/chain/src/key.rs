//! The name of a chain in this deployment, as settings, streams and routes write it.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// Most bytes of a key.
const BYTES_MAX: usize = 64;

/// Names one chain: 1 to 64 of `a-z 0-9 _ . -`, as in `eth-mainnet`. `.` and `..` are none: in an
/// address they mean another page.
///
/// Two keys may stand for the same chain id (two views of one chain); nothing is shared between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainKey(Arc<str>);

/// The text is not a chain's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain's key is 1 to {BYTES_MAX} of a-z 0-9 _ . -, but neither . nor ..")]
pub struct ChainKeyError;

impl ChainKey {
    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChainKey {
    type Err = ChainKeyError;

    fn from_str(text: &str) -> Result<Self, ChainKeyError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
        let is_key = (1..=BYTES_MAX).contains(&text.len())
            && text.bytes().all(allowed)
            && !matches!(text, "." | "..");
        if is_key { Ok(ChainKey(text.into())) } else { Err(ChainKeyError) }
    }
}

impl TryFrom<String> for ChainKey {
    type Error = ChainKeyError;

    fn try_from(text: String) -> Result<Self, ChainKeyError> {
        text.parse()
    }
}

impl From<ChainKey> for String {
    fn from(key: ChainKey) -> String {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
