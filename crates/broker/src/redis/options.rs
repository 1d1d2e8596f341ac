//! What the backend is told: where Redis is, how long things may take, how much is kept.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::HashTag;
use crate::memory::log::WindowLimits;

/// How the backend is set up.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://` or `rediss://`, with user and password where the server wants them.
    pub url: String,
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

impl RedisOptions {
    /// Returns the options of a server at this address.
    pub fn new(url: &str, window: WindowLimits) -> Self {
        RedisOptions {
            url: url.to_owned(),
            prefix: "dashclaw".to_owned(),
            replica: String::new(),
            hash_tag: HashTag::Bare,
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
            .field("prefix", &self.prefix)
            .field("hash_tag", &self.hash_tag)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// The address can't be used; the text never holds the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis address: {0}")]
pub struct RedisAddressError(pub(super) String);
