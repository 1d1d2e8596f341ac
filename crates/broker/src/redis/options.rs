//! What the backend is told: where Redis is, how long things may take, how much is kept.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::HashTag;
use crate::memory::log::WindowLimits;

/// How the backend is set up.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://`, `redis+sentinel://` or `redis+cluster://`, or with `rediss` for TLS, with user
    /// and password where the servers want them (see `docs/redis.md`).
    pub url: String,
    /// The authority that signed the servers' certificates, in PEM; the system's where there is none.
    pub ca_file: Option<PathBuf>,
    /// What the servers know us by, where they ask for a certificate.
    pub identity: Option<RedisIdentity>,
    /// How many replicas have an event before it is acknowledged (`WAIT`); 0 waits for none.
    pub replicas_min: u32,
    /// What every key and channel begins with; the same on all replicas.
    pub prefix: String,
    /// What this process is called among the replicas, for what is its own (the probe's log);
    /// empty where it has no name.
    pub replica: String,
    /// Whether keys carry a hash tag in braces.
    pub hash_tag: HashTag,
    /// How much of a log is kept.
    pub window: WindowLimits,
    /// How long a call may take in all, with waiting for a connection.
    pub command_time_max: Duration,
    /// How long a connection may take to be made and set up.
    pub connect_time_max: Duration,
    /// How often the heads of watched streams are compared with their hints.
    pub check_every: Duration,
    /// How many ms the clock is ahead of Redis TIME: only tests of ages set it.
    pub clock_ahead: Option<Arc<AtomicU64>>,
}

/// A client's certificate and its key, by their files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisIdentity {
    /// The certificate, with those that lead to its authority behind it, in PEM.
    pub cert_file: PathBuf,
    /// Its private key, in PEM and without a password.
    pub key_file: PathBuf,
}

impl RedisOptions {
    /// Returns the options of what is at this address; the keys of a cluster carry a hash tag.
    pub fn new(url: &str, window: WindowLimits) -> Self {
        let in_cluster =
            url.split_once("://").is_some_and(|(scheme, _)| scheme.ends_with("+cluster"));
        RedisOptions {
            url: url.to_owned(),
            ca_file: None,
            identity: None,
            replicas_min: 0,
            prefix: "dashclaw".to_owned(),
            replica: String::new(),
            hash_tag: if in_cluster { HashTag::Braced } else { HashTag::Bare },
            window,
            command_time_max: Duration::from_secs(3),
            connect_time_max: Duration::from_secs(2),
            check_every: Duration::from_secs(3),
            clock_ahead: None,
        }
    }
}

impl fmt::Debug for RedisOptions {
    /// Leaves out the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("ca_file", &self.ca_file)
            .field("identity", &self.identity)
            .field("replicas_min", &self.replicas_min)
            .field("prefix", &self.prefix)
            .field("hash_tag", &self.hash_tag)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// The address, or what goes with it, can't be used; the text never holds the address, which may
/// hold a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RedisAddressError(pub(super) String);
