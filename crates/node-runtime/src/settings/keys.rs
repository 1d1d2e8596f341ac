//! API keys: read once, kept as digests.
//!
//! Grammar of `TIDEGATE_KEYS`: entries divided by commas, each `ORG=KEY[:SCOPE[+SCOPE…]][@AUTHOR]`.

use std::{fmt, str::FromStr, sync::Arc};

use event::OrgId;
use sha2::{Digest, Sha256};

const KEY_BYTES_MIN: usize = 8;
const KEY_BYTES_MAX: usize = 256;
const AUTHOR_BYTES_MAX: usize = 64;

/// What a credential may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Publish events.
    Publish,
    /// Read streams.
    Subscribe,
    /// Read operators' streams and change the server.
    Admin,
}

impl Scope {
    /// Returns the word that settings and tokens use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Publish => "publish",
            Scope::Subscribe => "subscribe",
            Scope::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match text {
            "publish" => Ok(Scope::Publish),
            "subscribe" => Ok(Scope::Subscribe),
            "admin" => Ok(Scope::Admin),
            _ => Err(KeyError::Scope),
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Returns the set that a key has where it names none.
    pub const fn default_of_key() -> Self {
        Scopes::none().with(Scope::Publish).with(Scope::Subscribe)
    }

    /// Returns the empty set.
    pub const fn none() -> Self {
        Scopes(0)
    }

    /// Returns the set of all scopes.
    pub const fn all() -> Self {
        Scopes::default_of_key().with(Scope::Admin)
    }

    /// Returns the set with one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Scopes(self.0 | 1 << scope as u8)
    }

    /// Returns whether the set has it.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [Scope::Publish, Scope::Subscribe, Scope::Admin];
        let has: Vec<_> = all.into_iter().filter(|&s| self.has(s)).map(Scope::as_str).collect();
        f.write_str(&has.join("+"))
    }
}

/// An API key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// Whose it is.
    pub org: OrgId,
    /// What it may do.
    pub scopes: Scopes,
    /// In whose name it writes chat messages, if in any.
    pub author: Option<Arc<str>>,
}

/// An entry is not a key; it is never quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has no `=`.
    #[error("is not ORG=KEY[:SCOPE+SCOPE][@AUTHOR]")]
    Form,
    /// The organisation is malformed.
    #[error("names a malformed organisation: {0}")]
    Org(#[from] event::OrgIdError),
    /// The key itself is malformed.
    #[error(
        "has a key that is not {KEY_BYTES_MIN} to {KEY_BYTES_MAX} visible characters without \
         `,` `:` `@`"
    )]
    Key,
    /// A scope is unknown.
    #[error("has a scope that is not publish, subscribe or admin")]
    Scope,
    /// The author is malformed.
    #[error("has an author that is not 1 to {AUTHOR_BYTES_MAX} of A-Z a-z 0-9 _ . -")]
    Author,
}

impl ApiKey {
    /// Returns the key of an organisation, digested.
    pub fn new(org: OrgId, key: &str, scopes: Scopes) -> Self {
        ApiKey { digest: ApiKey::digest(key), org, scopes, author: None }
    }

    /// Returns the digest under which a key is kept.
    pub fn digest(key: &str) -> [u8; 32] {
        Sha256::digest(key).into()
    }
}

impl FromStr for ApiKey {
    type Err = KeyError;

    fn from_str(entry: &str) -> Result<Self, KeyError> {
        let (org, rest) = entry.split_once('=').ok_or(KeyError::Form)?;
        let (rest, author) = match rest.split_once('@') {
            Some((rest, author)) => (rest, Some(checked_author(author)?)),
            None => (rest, None),
        };
        let (key, scopes) = match rest.split_once(':') {
            Some((key, scopes)) => (key, parse_scopes(scopes)?),
            None => (rest, Scopes::default_of_key()),
        };
        let visible = key.bytes().all(|b| b.is_ascii_graphic() && b != b',');
        if !visible || !(KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len()) {
            return Err(KeyError::Key);
        }
        Ok(ApiKey { author, ..ApiKey::new(org.parse()?, key, scopes) })
    }
}

fn parse_scopes(text: &str) -> Result<Scopes, KeyError> {
    text.split('+').try_fold(Scopes::none(), |scopes, scope| Ok(scopes.with(scope.parse()?)))
}

fn checked_author(text: &str) -> Result<Arc<str>, KeyError> {
    let well_formed = (1..=AUTHOR_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if well_formed { Ok(text.into()) } else { Err(KeyError::Author) }
}
