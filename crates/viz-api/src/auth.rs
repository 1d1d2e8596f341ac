//! Who a request is from: an API key, a token, or a ticket that was bought with one of them.

mod jwks;
mod jwt;
mod key_index;
mod ticket;

use std::{error::Error, sync::Arc};

use event::{OrgId, UnixMs};
use http::{HeaderMap, HeaderName, header};
use node_runtime::{Scope, Scopes, SettingsError, State, Tasks};

pub(crate) use self::ticket::{TICKET_AGE_MAX, Tickets};
use self::{jwt::Verifiers, key_index::KeyIndex};
use crate::error::{ApiError, Code};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Most characters of a holder's name in a record.
const NAME_CHARS_MAX: usize = 128;

/// Who a request is from, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant; never taken from anything but the credential.
    pub org: OrgId,
    /// What it may do.
    pub scopes: Scopes,
    /// What the credential calls its holder, if anything.
    pub name: Option<Arc<str>>,
    /// When the credential expires, by the wall clock.
    pub expires: Option<UnixMs>,
}

impl Caller {
    /// Says who it is, for records; what a credential says of itself is cut and cleaned.
    pub(crate) fn in_words(&self) -> String {
        let kind = if self.expires.is_some() { "token" } else { "key" };
        let name = self.name.as_deref().unwrap_or_default();
        let clean = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX);
        let name: String = clean.collect();
        let gap = if name.is_empty() { "" } else { " " };
        format!("{kind}{gap}{name} of {}", self.org)
    }

    /// Checks for a scope.
    ///
    /// # Errors
    /// Fails where the credential lacks it.
    pub fn need(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        let message = format!("this credential lacks the scope `{}`", scope.as_str());
        Err(ApiError::new(Code::Forbidden, message))
    }
}

/// Checks credentials.
#[derive(Debug)]
pub(crate) struct Authenticator {
    state: Arc<State>,
    keys: KeyIndex,
    verifiers: Verifiers,
}

impl Authenticator {
    /// Returns the checker of a process; it reads no file and opens nothing yet.
    pub(crate) fn new(state: Arc<State>) -> Self {
        let verifiers = Verifiers::new(&state.settings.jwt);
        let keys = KeyIndex::new(&state.settings.keys);
        Authenticator { state, keys, verifiers }
    }

    /// Reads what the settings name as files.
    ///
    /// # Errors
    /// Fails where one is missing or malformed.
    pub(crate) async fn read_files(&self) -> Result<(), SettingsError> {
        self.verifiers.read_files().await.map_err(|error| {
            let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            let allowed =
                format!("{error}{reason}; allowed is a file or an http(s):// URL of a key set");
            SettingsError::one("TIDEGATE_JWT_JWKS", None, allowed)
        })
    }

    /// Starts to keep key sets fresh.
    pub(crate) fn spawn_refresh(&self, tasks: &Tasks) {
        self.verifiers.spawn_refresh(tasks);
    }

    /// Finds out who a request is from.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let repeated = |name| headers.get_all(name).iter().nth(1).is_some();
        if repeated(X_API_KEY) || repeated(header::AUTHORIZATION) {
            // Which of them counts would depend on who reads them.
            return Err(ApiError::unauthorized("a credential is sent more than once"));
        }
        if let Some(key) = headers.get(X_API_KEY) {
            return self
                .by_key(key.as_bytes())
                .ok_or_else(|| ApiError::unauthorized("the API key is not known"));
        }
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Err(ApiError::unauthorized(
                "a credential is needed: `x-api-key: KEY` or `Authorization: Bearer JWT`",
            ));
        };
        let token = value.to_str().ok().and_then(bearer_token).ok_or_else(|| {
            ApiError::unauthorized("`Authorization` must be `Bearer` and a token")
        })?;
        self.verifiers.verify(token).await
    }

    /// Finds out who a token is from.
    pub(crate) async fn token(&self, token: &str) -> Result<Caller, ApiError> {
        self.verifiers.verify(token).await
    }

    fn by_key(&self, key: &[u8]) -> Option<Caller> {
        let known = self.keys.find(key, self.state.local_key())?;
        let name = known.author.clone();
        Some(Caller { org: known.org.clone(), scopes: known.scopes, name, expires: None })
    }
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}
