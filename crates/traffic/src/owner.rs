//! Whose canary it is: the name of a run, as it stands in the router.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest name.
const LENGTH_MAX: usize = 64;

/// What stands there where a canary is nobody's.
pub(crate) const NOBODY: &str = "none";

/// The name of a run that moves traffic: 1 to 64 letters, digits, `.`, `_` and `-`, and not `none`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Owner(String);

/// A name that can't be given to a router.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a run has 1 to {LENGTH_MAX} letters, digits, `.`, `_` or `-`, and is not `{NOBODY}`"
)]
pub struct OwnerError;

impl Owner {
    /// Returns the name that whoever acts for this run when it is gone goes by. It is cut where it
    /// would be too long.
    #[must_use]
    pub fn dead_man(&self) -> Owner {
        let name = format!("dead-man.{}", self.0);
        Owner(name.chars().take(LENGTH_MAX).collect())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Owner {
    type Err = OwnerError;

    fn from_str(name: &str) -> Result<Self, OwnerError> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_good);
        (is_name && name != NOBODY).then(|| Owner(name.to_owned())).ok_or(OwnerError)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
