//! A deployment as a file describes it (`docs/environments.md`).
//!
//! Owns: the file's keys and what may stand under them. All problems are found together. Secrets stand
//! in it by their names alone. Must not know: how any of it is used.

mod certificates;
mod parse;
mod reader;

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Url;
use traffic::haproxy::Socket;

use crate::{Certificates, External, Lookup, Replica, Secrets};

/// The longest file.
const FILE_BYTES_MAX: usize = 1 << 20;

/// A program and its arguments.
pub type Argv = Vec<String>;

/// A deployment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where clients come to.
    pub service: Service,
    /// The replicas, with how each is handled.
    pub replicas: Vec<DescribedReplica>,
    /// The router before them, where there is one.
    pub router: Option<RouterDescription>,
    /// Where settings stand, and how they come into effect.
    pub settings: Option<SettingsDescription>,
    /// What is done for steps of the kind `external`, by their names; people see to the others.
    pub externals: BTreeMap<String, ExternalDescription>,
    /// Whom notices go to: an address or `secret:NAME`.
    pub webhook: Option<String>,
    /// How programs are run.
    pub commands: CommandSettings,
    /// Programs that say what nobody else knows.
    pub asks: Asks,
    /// Other names of sources of guards.
    pub sources: BTreeMap<String, String>,
    /// Certificates that gates ask for, and what is to be released.
    pub certificates: Certificates,
    /// Where secrets are read from.
    pub secrets: Secrets,
    /// A file that is locked while a run acts on this.
    pub lock: Option<PathBuf>,
}

/// Where clients come to, through the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The address, without a slash at its end.
    pub url: String,
    /// The secret that is the key to it, by its name.
    pub key: Option<String>,
}

/// A replica, and how it is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedReplica {
    /// The replica.
    pub replica: Replica,
    /// Tells it to send its clients away, and returns at once.
    pub drain: Option<Argv>,
    /// Ends it.
    pub stop: Option<Argv>,
    /// Starts it.
    pub start: Option<Argv>,
}

/// HAProxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterDescription {
    /// Its runtime socket.
    pub socket: Socket,
    /// The map with weight, lease and owner.
    pub map: String,
    /// The map of clients that are put on an arm.
    pub pins: String,
    /// The backend of the new version.
    pub canary: String,
    /// The backend of the version that is there.
    pub stable: String,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// A file that keeps other processes of this machine away.
    pub lock: Option<PathBuf>,
    /// Its configuration, for its digest.
    pub config: Option<PathBuf>,
    /// How long clients have to leave the canary after the goodbye.
    pub leave: Duration,
}

/// Where settings stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsDescription {
    /// A file of lines `NAME=value`.
    pub file: PathBuf,
    /// What brings it into effect; nothing where replicas are stopped and started one by one.
    pub apply: Vec<Argv>,
}

/// What is done for a step of the kind `external`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalDescription {
    /// In short.
    pub external: External,
    /// What is run.
    pub commands: Vec<Argv>,
    /// What tells, by its exit code, whether it is so.
    pub check: Option<Argv>,
}

/// How programs are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSettings {
    /// Where.
    pub folder: PathBuf,
    /// With which variables, beside `PATH`, `HOME` and the language; values may be `secret:NAME`.
    pub variables: BTreeMap<String, String>,
    /// A folder in which those that run are noted, of one run alone: whoever goes on with the run ends
    /// what was left running. Without it nothing is noted.
    pub under_way: Option<PathBuf>,
}

/// Programs that say what nobody else knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// Prints the totals of ledgers as JSON.
    pub ledger: Option<Argv>,
    /// Prints how often processes were started again.
    pub restarts: Option<Argv>,
    /// Prints an object of what else is worth knowing: digests, commits, versions.
    pub describe: Option<Argv>,
}

/// A file that describes no deployment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It can't be read.
    #[error("the environment's file {} can't be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has faults, all of which are named.
    #[error("{0}")]
    Faults(Faults),
}

/// All faults of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment's file has {} faults:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Environment {
    /// Reads a file; its paths count from its folder.
    ///
    /// # Errors
    /// Fails where it can't be read, and with all its faults together.
    pub fn read(file: &Path, lookup: Lookup) -> Result<Self, EnvironmentError> {
        let unreadable = |source| EnvironmentError::Read { file: file.to_owned(), source };
        let text = fs::read_to_string(file).map_err(unreadable)?;
        // From wherever a process of the run works.
        let file = std::path::absolute(file).map_err(unreadable)?;
        Environment::parse(&text, file.parent().unwrap_or(Path::new("/")), lookup)
    }

    /// Reads a text; its paths count from the folder.
    ///
    /// # Errors
    /// Fails with all faults together.
    pub fn parse(text: &str, folder: &Path, lookup: Lookup) -> Result<Self, EnvironmentError> {
        if text.len() > FILE_BYTES_MAX {
            let fault = format!("it has more than {FILE_BYTES_MAX} bytes");
            return Err(EnvironmentError::Faults(Faults(vec![fault])));
        }
        parse::parse(text, folder, lookup)
            .map_err(|faults| EnvironmentError::Faults(Faults(faults)))
    }
}

/// Returns an address of a server without a slash at its end, or why it is none.
pub(crate) fn base_url(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "is no URL")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("is not http://HOST or https://HOST");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or a password, which do not belong there");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a part that has no meaning here");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
