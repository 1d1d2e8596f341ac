//! The public keys that are trusted, each with what it may sign: a text file, line by line.
//!
//! `ROLE[,ROLE…] KEY` trusts a key, `origin NAME` says which log it has to be; `#` begins a comment.
//! Whoever verifies has to have this file from somewhere else than the evidence.

use std::{fmt, str::FromStr};

use crate::{KeyError, Verifier};

/// The role of the key that signs the log itself. It may not take decisions.
pub const LOG_ROLE: &str = "log";

/// The role of keys that have seen a checkpoint and signed it beside the log's.
pub const WITNESS_ROLE: &str = "witness";

/// What a line of the file begins with that names the log: no role is called so.
const ORIGIN: &str = "origin";

/// What a key may speak as: `[a-z][a-z0-9-]{0,39}`, but not `origin`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(String);

/// A text that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a role is a lower-case letter, then letters, digits and hyphens, 40 at most, and not `{ORIGIN}`"
)]
pub struct RoleError;

/// Trusted keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    origin: Option<String>,
    keys: Vec<(Vec<Role>, Verifier)>,
}

/// A line that says nothing about keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// It has not the form of one.
    #[error("line {0}: a line is `ROLE KEY` or `origin NAME`")]
    Form(usize),
    /// A role can't be one.
    #[error("line {0}: {RoleError}")]
    Role(usize),
    /// The key is none.
    #[error("line {line}: the key is none")]
    Key {
        /// The line.
        line: usize,
        /// Why.
        source: KeyError,
    },
    /// The key stands there already, under this or another name, or a log was named already.
    #[error(
        "line {0}: that was said before; a key stands once, under one name, with all its roles"
    )]
    Twice(usize),
    /// No key may sign the log.
    #[error("no key has the role `{LOG_ROLE}`")]
    NoLog,
}

impl Role {
    /// Returns the role's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let is_start = text.starts_with(|c: char| c.is_ascii_lowercase());
        let mut rest = text.chars();
        let fits = rest.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if is_start && fits && text.len() <= 40 && text != ORIGIN {
            Ok(Role(text.to_owned()))
        } else {
            Err(RoleError)
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Keyring {
    /// Trusts one more key.
    #[must_use]
    pub fn with(mut self, roles: Vec<Role>, key: Verifier) -> Self {
        self.keys.push((roles, key));
        self
    }

    /// Says which log it has to be.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// Returns which log it has to be, where that is said.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Returns all keys.
    pub fn keys(&self) -> impl Iterator<Item = &Verifier> + Clone {
        self.keys.iter().map(|(_, key)| key)
    }

    /// Returns whether a key may speak in a role.
    pub fn has_role(&self, key: &Verifier, role: &str) -> bool {
        self.roles(key).any(|known| known.as_str() == role)
    }

    /// Returns the roles in which a key may speak.
    pub fn roles<'k>(&'k self, key: &'k Verifier) -> impl Iterator<Item = &'k Role> {
        let rows = self.keys.iter().filter(move |(_, known)| known == key);
        rows.flat_map(|(roles, _)| roles)
    }
}

impl FromStr for Keyring {
    type Err = KeyringError;

    fn from_str(text: &str) -> Result<Self, KeyringError> {
        let mut keyring = Keyring::default();
        // What some editors put before a text is none of it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let mut words = line.split_whitespace();
            let (Some(first), Some(second), None) = (words.next(), words.next(), words.next())
            else {
                return Err(KeyringError::Form(number));
            };
            keyring.add(number, first, second)?;
        }
        let has_log = keyring.keys().any(|key| keyring.has_role(key, LOG_ROLE));
        if has_log { Ok(keyring) } else { Err(KeyringError::NoLog) }
    }
}

impl Keyring {
    fn add(&mut self, line: usize, first: &str, second: &str) -> Result<(), KeyringError> {
        if first == ORIGIN {
            let before = self.origin.replace(second.to_owned());
            return before.map_or(Ok(()), |_| Err(KeyringError::Twice(line)));
        }
        let roles = first.split(',').map(str::parse).collect::<Result<Vec<Role>, RoleError>>();
        let roles = roles.map_err(|RoleError| KeyringError::Role(line))?;
        let key: Verifier = second.parse().map_err(|source| KeyringError::Key { line, source })?;
        // Two keys of one name and number could not be told apart, and one key under two names would
        // look like two people.
        let is_same =
            |known: &Verifier| known.key_id() == key.key_id() || known.public() == key.public();
        if self.keys().any(is_same) {
            return Err(KeyringError::Twice(line));
        }
        self.keys.push((roles, key));
        Ok(())
    }
}
