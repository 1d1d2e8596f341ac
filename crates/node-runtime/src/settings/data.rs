//! Where chat's rows are kept, and how its replicas meet.

use super::Secret;

/// Where rows are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSettings {
    /// The kind of place.
    pub backend: DataBackend,
    /// The server, for [`DataBackend::Surreal`].
    pub endpoint: String,
    /// Which of its namespaces is ours.
    pub namespace: String,
    /// Which database in it.
    pub database: String,
    /// Who we are there; nobody where it takes everybody.
    pub user: Option<String>,
    /// What we sign in with.
    pub password: Option<Secret>,
}

/// The kind of place where rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataBackend {
    /// In this process, until it ends.
    Memory,
    /// In this process's state folder.
    Embedded,
    /// On a SurrealDB server.
    Surreal,
}

impl DataBackend {
    /// Returns the word that settings use.
    pub const fn as_str(self) -> &'static str {
        match self {
            DataBackend::Memory => "memory",
            DataBackend::Embedded => "embedded",
            DataBackend::Surreal => "surreal",
        }
    }

    pub(super) fn read(word: &str) -> Option<Self> {
        let all = [DataBackend::Memory, DataBackend::Embedded, DataBackend::Surreal];
        all.into_iter().find(|backend| backend.as_str() == word)
    }
}

/// How chat's replicas meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatTransport {
    /// There is one process.
    Local,
    /// In Redis.
    Redis,
}

/// Says what an endpoint lacks; `None` where nothing.
pub(super) fn endpoint_fault(text: &str) -> Option<&'static str> {
    if text.starts_with("wss://") {
        return Some(
            "wss:// is not in this version: use ws:// on a private network, or to a tunnel",
        );
    }
    let Some(rest) = text.strip_prefix("ws://") else { return Some(ENDPOINT) };
    if rest.contains('@') {
        return Some("user and password have settings of their own, SURREAL_USER and SURREAL_PASS");
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let Some((host, port)) = authority.rsplit_once(':') else { return Some(ENDPOINT) };
    let is_host =
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._[]:".contains(c));
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    (!is_host || !is_port).then_some(ENDPOINT)
}

const ENDPOINT: &str = "allowed is ws://HOST:PORT";

/// Returns whether a namespace or a database may have this name.
pub(super) fn is_place(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}
