//! What proves who we are; it is never shown.

use std::fmt;

use node_runtime::settings::{ApiKey, Scope, Scopes};

use crate::failure::Failure;

/// An API key or a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential(String);

impl Credential {
    /// Returns the credential with this text.
    ///
    /// # Errors
    /// Fails where it could not stand in a header.
    pub(crate) fn new(text: &str) -> Result<Self, Failure> {
        let visible = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if visible {
            Ok(Credential(text.to_owned()))
        } else {
            Err(Failure::usage("--key or TIDEGATE_KEY: a key has visible ASCII characters only"))
        }
    }

    /// Returns the header that carries it, name and value.
    pub(crate) fn header(&self) -> (&'static str, String) {
        if self.is_token() {
            ("authorization", format!("Bearer {}", self.0))
        } else {
            ("x-api-key", self.0.clone())
        }
    }

    /// Tells a JWT from a key: the first of its three parts is a JSON object in base 64.
    fn is_token(&self) -> bool {
        self.0.starts_with("eyJ") && self.0.split('.').count() == 3
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Returns the first key of a `TIDEGATE_KEYS` text that has all these scopes.
///
/// The settings keep digests only, so the text is read again; they have checked it before.
pub(super) fn first_with(entries: &str, wanted: Scopes) -> Option<Credential> {
    let usable = |entry: &&str| {
        let parsed: Option<ApiKey> = entry.parse().ok();
        parsed.is_some_and(|key| has_all(key.scopes, wanted))
    };
    let entry = entries.split(',').map(str::trim).find(usable)?;
    let (_, rest) = entry.split_once('=')?;
    let key = rest.split([':', '@']).next()?;
    Credential::new(key).ok()
}

fn has_all(has: Scopes, wanted: Scopes) -> bool {
    let all = [Scope::Publish, Scope::Subscribe, Scope::Admin];
    all.into_iter().all(|scope| has.has(scope) || !wanted.has(scope))
}
