//! Where the database is and what a query may cost.

use std::{fmt, path::PathBuf, time::Duration};

/// What a store is opened with.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the rows are kept.
    pub backend: Backend,
    /// How long a call may take with all that it waits for: a turn, a connection, another attempt.
    pub deadline: Duration,
    /// How long opening may take, with the migrations and another process's; at most a minute.
    pub open_deadline: Duration,
    /// How many queries are under way at once; more than a few only add waiting.
    pub in_flight_max: usize,
}

impl StoreOptions {
    /// Returns the options of a backend.
    pub fn new(backend: Backend) -> Self {
        StoreOptions {
            backend,
            deadline: Duration::from_secs(5),
            open_deadline: Duration::from_secs(30),
            in_flight_max: 16,
        }
    }
}

/// Where the rows are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In this process, until it ends.
    Memory,
    /// In this process's folder; it is made where it is missing.
    Embedded(PathBuf),
    /// On a server.
    Surreal(Server),
}

impl Backend {
    /// Returns the word that settings, health and status use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Backend::Memory => "memory",
            Backend::Embedded(_) => "embedded",
            Backend::Surreal(_) => "surreal",
        }
    }
}

/// A server, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Which of its databases is ours.
    pub place: Place,
    /// Who we are; nobody where it takes everybody.
    pub credentials: Option<Credentials>,
}

/// A database of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    namespace: String,
    database: String,
}

/// A name that a namespace or a database can't have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 64 of the characters a-z, A-Z, 0-9, `_` and `-`")]
pub struct PlaceError;

impl Place {
    /// Names a database.
    ///
    /// # Errors
    /// Fails on a name with other characters than it may have.
    pub fn new(namespace: &str, database: &str) -> Result<Self, PlaceError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let is_good = |name: &str| (1..=64).contains(&name.len()) && name.chars().all(allowed);
        match is_good(namespace) && is_good(database) {
            true => Ok(Place { namespace: namespace.to_owned(), database: database.to_owned() }),
            false => Err(PlaceError),
        }
    }

    /// Returns the namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the database in it.
    pub fn database(&self) -> &str {
        &self.database
    }
}

impl Default for Place {
    fn default() -> Self {
        Place { namespace: "gotong".into(), database: "chat".into() }
    }
}

/// A user of the server, of the namespace or of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Its name.
    pub user: String,
    /// What it signs in with.
    pub password: Password,
}

/// A password; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Password(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The address of a server: `ws://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

/// An address that can't be used; the text never holds the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is none.
    #[error("must be ws://HOST:PORT")]
    Malformed,
    /// A user or a password in it would be shown wherever the address is.
    #[error(
        "must not hold a user or a password: they have settings of their own, SURREAL_USER and \
         SURREAL_PASS"
    )]
    Credentials,
    /// This build has no TLS to the database.
    #[error(
        "has no wss:// in this version: use ws:// on a private network, or to a TLS tunnel on this \
         machine"
    )]
    Tls,
}

impl Endpoint {
    /// Checks an address.
    ///
    /// # Errors
    /// Fails on what is none, on credentials in it, and on TLS.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.starts_with("wss://") {
            return Err(EndpointError::Tls);
        }
        let rest = text.strip_prefix("ws://").ok_or(EndpointError::Malformed)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err(EndpointError::Credentials);
        }
        let (host, port) = authority.rsplit_once(':').ok_or(EndpointError::Malformed)?;
        let host_is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                !host.is_empty() && host.chars().all(allowed)
            }
        };
        let port_is_good = port.parse::<u16>().is_ok_and(|port| port > 0);
        match host_is_good && port_is_good {
            true => Ok(Endpoint(format!("ws://{authority}"))),
            false => Err(EndpointError::Malformed),
        }
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn host_and_port(&self) -> &str {
        self.0.trim_start_matches("ws://")
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
