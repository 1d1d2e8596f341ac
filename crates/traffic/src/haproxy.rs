//! HAProxy by its runtime socket.
//!
//! Owns: which commands are sent and how their answers are read, and the configuration that the maps
//! are for ([`ConfigSettings`]). Which clients are the canary's is decided in HAProxy alone, by that
//! configuration and two maps; here only the maps' entries are changed, one command at a time.
//! Must not know: why traffic is moved.

mod answer;
mod arm;
mod config;
mod essence;
mod lease;
mod map;
mod open;
mod query;
mod socket;
mod stat;
mod table;

use std::{fs::File, path::PathBuf, sync::Mutex, time::Duration};

use guard::Arm;

pub use self::{
    config::{ConfigError, ConfigSettings, Files, Replica, config, initial_map, write},
    essence::{EssenceError, essence},
    socket::Socket,
};
use crate::{
    Capability, Client, Clients, Observation, Owner, Pending, Router, RouterError, UnixTime, Weight,
};

/// The header in which every answer says its arm, whoever gives it.
pub const ARM_HEADER: &str = "x-tidegate-arm";

/// Returns the arm that the value of [`ARM_HEADER`] names.
pub fn arm_named(value: &str) -> Option<Arm> {
    match value {
        "canary" => Some(Arm::Canary),
        "stable" => Some(Arm::Stable),
        _ => None,
    }
}

/// Where HAProxy is, and what its configuration calls things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxySettings {
    /// Its runtime socket, with `level admin`.
    pub socket: Socket,
    /// The map with `weight`, `until` and `owner`, as `show map` names it: its path.
    pub map: String,
    /// The map of clients that are put on an arm.
    pub pins: String,
    /// The backend of the new version.
    pub canary: String,
    /// The backend of the version that is there.
    pub stable: String,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// A file that is locked from [`Router::acquire`] on, to keep other processes of this machine
    /// away. None for whoever acts for a run that is gone.
    pub lock: Option<PathBuf>,
}

/// Settings that would be another command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can't be named to HAProxy; use no spaces, `;`, quotes, `\\`, `#` or control characters"
)]
pub struct HaproxyNameError(String);

/// HAProxy, spoken to for a run.
#[derive(Debug)]
pub struct HaproxyRouter {
    settings: HaproxySettings,
    owner: Owner,
    lock: Mutex<Option<File>>,
}

impl HaproxyRouter {
    /// Returns the router; nothing is sent yet.
    ///
    /// # Errors
    /// Fails on names that would be read as more than a name.
    pub fn new(settings: HaproxySettings, owner: Owner) -> Result<Self, HaproxyNameError> {
        let HaproxySettings { map, pins, canary, stable, .. } = &settings;
        for name in [map, pins, canary, stable] {
            if !is_one_word(name) {
                return Err(HaproxyNameError(name.clone()));
            }
        }
        Ok(HaproxyRouter { settings, owner, lock: Mutex::new(None) })
    }

    fn backend(&self, arm: Arm) -> &str {
        match arm {
            Arm::Canary => &self.settings.canary,
            Arm::Stable => &self.settings.stable,
        }
    }
}

/// Returns whether a text is one word in a command and in a configuration.
fn is_one_word(text: &str) -> bool {
    let is_good = |c: char| !c.is_whitespace() && !c.is_control() && !";\"'\\#".contains(c);
    !text.is_empty() && text.chars().all(is_good)
}

impl Router for HaproxyRouter {
    fn name(&self) -> String {
        format!("HAProxy at {}", self.settings.socket)
    }

    fn owner(&self) -> &Owner {
        &self.owner
    }

    fn capabilities(&self) -> &[Capability] {
        &Capability::ALL
    }

    fn observe(&self) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.read_observation())
    }

    fn clients(&self) -> Pending<'_, Result<Clients, RouterError>> {
        Box::pin(self.read_clients())
    }

    fn acquire(&self, until: UnixTime) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.take_lease(until))
    }

    fn renew(&self, until: UnixTime) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.extend_lease(until))
    }

    fn expire<'a>(
        &'a self,
        of: &'a Owner,
        until: UnixTime,
    ) -> Pending<'a, Result<Observation, RouterError>> {
        Box::pin(self.end_lease(of, until))
    }

    fn release(&self) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.give_back())
    }

    fn assign(&self, weight: Weight) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.set_weight(weight))
    }

    fn drain(&self, arm: Arm) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.set_state(arm, arm::AdminState::Drain))
    }

    fn ready(&self, arm: Arm) -> Pending<'_, Result<Observation, RouterError>> {
        Box::pin(self.set_state(arm, arm::AdminState::Ready))
    }

    fn evict(&self, arm: Arm, most: u64) -> Pending<'_, Result<u64, RouterError>> {
        Box::pin(self.close(arm, most))
    }

    fn pin(&self, client: Client, arm: Option<Arm>) -> Pending<'_, Result<(), RouterError>> {
        Box::pin(self.put(client, arm))
    }
}
