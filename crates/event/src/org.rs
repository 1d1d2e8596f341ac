//! The tenant that a credential belongs to.

use std::{fmt, str::FromStr, sync::Arc};

use crate::limits::ORG_ID_BYTES_MAX;

/// An organisation's id: 1 to 64 of `A-Z a-z 0-9 _ . -`, the first a letter or a digit.
///
/// The grammar leaves out `:`, `{`, `}` and white space, so that an id can stand in a stream name
/// and between the braces of a Redis hash tag without escaping.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId(Arc<str>);

/// The text is not an organisation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an organisation id is 1 to {ORG_ID_BYTES_MAX} of A-Z a-z 0-9 _ . - and begins with a letter \
     or a digit"
)]
pub struct OrgIdError;

impl OrgId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrgId {
    type Err = OrgIdError;

    fn from_str(text: &str) -> Result<Self, OrgIdError> {
        let first_ok = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let rest_ok = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if first_ok && rest_ok && text.len() <= ORG_ID_BYTES_MAX {
            Ok(OrgId(text.into()))
        } else {
            Err(OrgIdError)
        }
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
