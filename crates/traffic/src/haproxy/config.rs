//! The configuration under which HAProxy decides by cohorts, and the maps that it begins with.
//!
//! The text stands in `edge.cfg` and `backend.cfg`; here only names, addresses and times are put in.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{HaproxySettings, Socket, is_one_word};
use crate::owner::NOBODY;

const EDGE: &str = include_str!("edge.cfg");
const BACKEND: &str = include_str!("backend.cfg");
const CANARY: &str = "canary";
const STABLE: &str = "stable";

/// What the configuration is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSettings {
    /// Where clients come to: `host:port`, or `*:port`. TLS ends before this, or is written by hand.
    pub bind: String,
    /// The path of the runtime socket.
    pub socket: PathBuf,
    /// The folder of the configuration and the maps.
    pub folder: PathBuf,
    /// Replicas of the version that is there.
    pub stable: Vec<Replica>,
    /// Replicas of the new version.
    pub canary: Vec<Replica>,
    /// How often each replica is asked whether it is ready; two answers decide.
    pub check_every: Duration,
    /// How long a stream may be silent on both sides.
    pub stream_timeout: Duration,
    /// How long a soft stop waits for streams.
    pub hard_stop_after: Duration,
    /// How many connections may be open.
    pub connections_max: u32,
    /// How many clients are counted on each arm.
    pub clients_max: u32,
}

/// A replica as HAProxy is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub name: String,
    /// `host:port`.
    pub address: String,
}

/// The files that HAProxy is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// For `haproxy -f`.
    pub config: PathBuf,
    /// The map with weight, lease and owner.
    pub map: PathBuf,
    /// The map of clients that are put on an arm.
    pub pins: PathBuf,
}

/// Settings that make no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A name or an address that would be read as more.
    #[error(
        "{what} `{given}` can't stand in HAProxy's configuration; use one word of letters, digits and `.:/_-`"
    )]
    NotOneWord {
        /// What it is.
        what: &'static str,
        /// What was given.
        given: String,
    },
    /// Two replicas of an arm with one name.
    #[error("two replicas of one arm are called `{0}`; give each a name of its own")]
    Twice(String),
    /// An arm without a replica.
    #[error("the {0} arm has no replica; name one at least")]
    NoReplica(&'static str),
    /// A file that can't be written.
    #[error("{} can't be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ConfigSettings {
    /// Returns settings for one machine, with what a deployment has for the rest.
    pub fn local(bind: &str, folder: &Path) -> Self {
        ConfigSettings {
            bind: bind.to_owned(),
            socket: folder.join("haproxy.sock"),
            folder: folder.to_owned(),
            stable: Vec::new(),
            canary: Vec::new(),
            check_every: Duration::from_secs(1),
            stream_timeout: Duration::from_secs(60),
            hard_stop_after: Duration::from_secs(25),
            connections_max: 20_000,
            clients_max: 100_000,
        }
    }

    /// Returns where its files are.
    pub fn files(&self) -> Files {
        Files {
            config: self.folder.join("haproxy.cfg"),
            map: self.folder.join("traffic.map"),
            pins: self.folder.join("pins.map"),
        }
    }

    /// Returns how the HAProxy that runs with it is spoken to, with a lock beside its socket.
    pub fn router(&self, timeout: Duration) -> HaproxySettings {
        let Files { map, pins, .. } = self.files();
        HaproxySettings {
            socket: Socket::Unix(self.socket.clone()),
            map: map.display().to_string(),
            pins: pins.display().to_string(),
            canary: CANARY.to_owned(),
            stable: STABLE.to_owned(),
            timeout,
            lock: Some(self.socket.with_extension("lock")),
        }
    }
}

/// Returns the configuration.
///
/// # Errors
/// Fails on names and addresses that would be read as more, and on an arm without a replica.
pub fn config(settings: &ConfigSettings) -> Result<String, ConfigError> {
    let Files { map, pins, .. } = settings.files();
    let mut backends = String::new();
    for (arm, replicas) in [(STABLE, &settings.stable), (CANARY, &settings.canary)] {
        write_backend(&mut backends, arm, replicas, settings)?;
    }
    Ok(fill(
        EDGE,
        &[
            ("CONNECTIONS_MAX", &settings.connections_max.to_string()),
            ("HARD_STOP_AFTER", &ms(settings.hard_stop_after)),
            ("SOCKET", &path("the socket", &settings.socket)?),
            ("STREAM_TIMEOUT", &ms(settings.stream_timeout)),
            ("BIND", &word("the address", &settings.bind)?),
            ("MAP", &path("the map", &map)?),
            ("PINS", &path("the map", &pins)?),
            ("CANARY", CANARY),
            ("STABLE", STABLE),
            ("BACKENDS", backends.trim_end()),
        ],
    ))
}

/// Returns what the map begins with: no weight, no lease, no owner.
pub fn initial_map() -> String {
    format!("weight 0\nuntil 0\nowner {NOBODY}\n")
}

/// Writes the configuration and both maps. A router that runs keeps what it has until it is started
/// anew.
///
/// # Errors
/// Fails as [`config`] does, and where a file can't be written.
pub fn write(settings: &ConfigSettings) -> Result<Files, ConfigError> {
    let files = settings.files();
    let text = config(settings)?;
    for (path, text) in
        [(&files.config, text.as_str()), (&files.map, &initial_map()), (&files.pins, "")]
    {
        fs::write(path, text)
            .map_err(|source| ConfigError::Write { path: path.clone(), source })?;
    }
    Ok(files)
}

fn write_backend(
    to: &mut String,
    arm: &'static str,
    replicas: &[Replica],
    settings: &ConfigSettings,
) -> Result<(), ConfigError> {
    if replicas.is_empty() {
        return Err(ConfigError::NoReplica(arm));
    }
    to.push_str(&fill(
        BACKEND,
        &[
            ("NAME", arm),
            ("ARM", arm),
            ("CLIENTS_MAX", &settings.clients_max.to_string()),
            ("CHECK_EVERY", &ms(settings.check_every)),
        ],
    ));
    for (index, Replica { name, address }) in replicas.iter().enumerate() {
        if replicas[..index].iter().any(|other| other.name == *name) {
            return Err(ConfigError::Twice(name.clone()));
        }
        let (name, address) = (word("the replica", name)?, word("the address", address)?);
        writeln!(to, "    server {name} {address}").expect("a string takes everything");
    }
    to.push('\n');
    Ok(())
}

fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value)
    })
}

fn word(what: &'static str, given: &str) -> Result<String, ConfigError> {
    // In a map's name a comma or a bracket would end it.
    if is_one_word(given) && !given.contains([',', '(', ')', '{', '}', '$']) {
        return Ok(given.to_owned());
    }
    Err(ConfigError::NotOneWord { what, given: given.to_owned() })
}

fn path(what: &'static str, given: &Path) -> Result<String, ConfigError> {
    word(what, &given.display().to_string())
}

fn ms(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

#[cfg(test)]
mod tests;
