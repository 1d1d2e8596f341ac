//! What a dead man is told: which run's lease, at which router, and with how much patience. A file beside
//! the run, so that another process can take the watch over, and a person can read it.

use std::{io::Write as _, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::DeadManSettings;
use crate::{
    Owner, UnixTime,
    haproxy::{HaproxyNameError, HaproxyRouter, HaproxySettings, Socket},
};

/// The file's name in the folder of a run.
const FILE: &str = "dead-man.json";

/// The longest file that is read.
const BYTES_MAX: u64 = 64 << 10;

/// What a dead man is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadManOrder {
    /// The run whose lease is watched.
    pub of: Owner,
    /// The router's runtime socket: a path, or `host:port`.
    pub socket: String,
    /// The map with weight, lease and owner.
    pub map: String,
    /// The map of clients that are put on an arm.
    pub pins: String,
    /// The backend of the new version.
    pub canary: String,
    /// The backend of the version that is there.
    pub stable: String,
    /// How long one exchange with the router may take, in milliseconds.
    pub timeout_ms: u64,
    /// From look to look, in milliseconds.
    pub every_ms: u64,
    /// How long after the end of the lease is waited, in seconds.
    pub grace_s: u64,
    /// How many streams are closed at a time.
    pub evict_most: u64,
    /// How long the canary may take to be empty, in seconds.
    pub act_within_s: u64,
    /// How long the router may be away, in seconds.
    pub silent_max_s: u64,
}

/// An order that can't be written or carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Its file.
    #[error("{file} can't be read or written")]
    File {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no order.
    #[error("{file} is no order for a dead man")]
    Content {
        /// Which.
        file: String,
        /// Why.
        source: serde_json::Error,
    },
    /// It names something that can't be named to the router.
    #[error("the order for the dead man")]
    Name(#[from] HaproxyNameError),
}

impl DeadManOrder {
    /// Returns the order to watch a run's lease at a HAProxy.
    pub fn new(of: Owner, router: &HaproxySettings) -> Self {
        // From wherever it is read.
        let socket = match &router.socket {
            Socket::Unix(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
            Socket::Tcp(address) => address.into(),
        };
        DeadManOrder {
            of,
            socket: socket.display().to_string(),
            map: router.map.clone(),
            pins: router.pins.clone(),
            canary: router.canary.clone(),
            stable: router.stable.clone(),
            timeout_ms: u64::try_from(router.timeout.as_millis()).unwrap_or(u64::MAX),
            every_ms: 250,
            grace_s: 0,
            evict_most: 1_000,
            act_within_s: 120,
            silent_max_s: 300,
        }
    }

    /// Writes it into the folder of a run, for the process that carries it out.
    ///
    /// # Errors
    /// Fails where that can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), OrderError> {
        let file = folder.join(FILE);
        let failed = |source| OrderError::File { file: file.display().to_string(), source };
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| OrderError::Content { file: file.display().to_string(), source })?;
        // Never there by half: a dead man may read it at any time.
        let new = folder.join(format!("{FILE}.new"));
        let written = std::fs::File::create(&new).and_then(|mut to| {
            to.write_all(&text)?;
            to.sync_all()
        });
        written.and_then(|()| std::fs::rename(&new, &file)).map_err(failed)
    }

    /// Reads the one in the folder of a run.
    ///
    /// # Errors
    /// Fails where there is none, or it is none.
    pub fn read(folder: &Path) -> Result<Self, OrderError> {
        let file = folder.join(FILE);
        let shown = || file.display().to_string();
        let failed = |source| OrderError::File { file: shown(), source };
        let bytes = std::fs::metadata(&file).map_err(failed)?.len();
        if bytes > BYTES_MAX {
            return Err(failed(std::io::Error::other(format!("it has {bytes} bytes"))));
        }
        let text = std::fs::read(&file).map_err(failed)?;
        serde_json::from_slice(&text)
            .map_err(|source| OrderError::Content { file: shown(), source })
    }

    /// Returns the router, spoken to for the dead man.
    ///
    /// # Errors
    /// Fails on names that can't be given to it.
    pub fn router(&self) -> Result<HaproxyRouter, OrderError> {
        let Ok(socket) = self.socket.parse::<Socket>();
        let settings = HaproxySettings {
            socket,
            map: self.map.clone(),
            pins: self.pins.clone(),
            canary: self.canary.clone(),
            stable: self.stable.clone(),
            timeout: Duration::from_millis(self.timeout_ms),
            // The run's own lock is held by a process that may hang.
            lock: None,
        };
        Ok(HaproxyRouter::new(settings, self.of.dead_man())?)
    }

    /// Returns how it is carried out.
    pub fn settings(&self) -> DeadManSettings {
        DeadManSettings {
            of: self.of.clone(),
            grace_seconds: self.grace_s,
            every: Duration::from_millis(self.every_ms.max(10)),
            evict_most: self.evict_most,
            act_within: Duration::from_secs(self.act_within_s),
            silent_max: Duration::from_secs(self.silent_max_s),
            clock: UnixTime::now,
        }
    }
}
