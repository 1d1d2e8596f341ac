//! Which run of the servers something belongs to, and which logs may be used on it. Pure.
//!
//! A server's run ends when it ends, and with it an unbroken ownership of its logs. A cluster's run
//! is that of all its primaries together: where one of them is another, it is another.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use event::ForkKind;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{address::Host, failure::Failure};

/// Why a log can't be used before it is healed.
pub(crate) const HEALING: &str = "Redis began anew and is given back what it may have lost";

/// How many bytes of a digest name a cluster's run.
const DIGEST_BYTES: usize = 16;

/// The run of the one server, or those of all primaries of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FleetRun {
    name: Arc<str>,
    servers: BTreeSet<Arc<str>>,
}

impl FleetRun {
    pub(super) fn of_one(run: Arc<str>) -> Self {
        FleetRun { name: Arc::clone(&run), servers: BTreeSet::from([run]) }
    }

    /// Returns the run of nodes, whatever their order.
    pub(super) fn of_nodes(nodes: BTreeMap<Host, Arc<str>>) -> Self {
        let mut digest = Sha256::new();
        for (host, run) in &nodes {
            digest.update(format!("{}:{} {run}\n", host.name, host.port));
        }
        let name = data_encoding::HEXLOWER.encode(&digest.finalize()[..DIGEST_BYTES]);
        FleetRun { name: name.into(), servers: nodes.into_values().collect() }
    }

    /// Returns what it is called in names of keys.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether no server of the other is missing here: nodes that only gave up their slots
    /// begin nothing anew.
    pub(crate) fn covers(&self, other: &FleetRun) -> bool {
        other.servers.is_subset(&self.servers)
    }
}

/// Whether logs of servers that began anew may be used before they are healed, and how those go on
/// that nobody knew anything of.
#[derive(Default)]
pub(super) struct Guard(Mutex<Option<Cleared>>);

/// The servers whose logs may be used.
#[derive(Default)]
struct Cleared {
    /// By the run: whether a log of an earlier one may be taken for whole.
    servers: HashMap<Arc<str>, ForkKind>,
    /// Why some logs may not be used all the same, by the key of their window.
    refused: HashMap<String, String>,
}

impl Guard {
    /// Lets no log be used.
    pub(super) fn close(&self) {
        *self.0.lock() = Some(Cleared::default());
    }

    /// Lets the logs of these servers be used; `kind` is how logs go on that nobody knew anything of,
    /// on servers that were not cleared before.
    pub(super) fn clear(&self, run: &FleetRun, kind: ForkKind) {
        let mut cleared = self.0.lock();
        let cleared = cleared.get_or_insert_default();
        cleared.servers.retain(|server, _| run.servers.contains(server));
        for server in &run.servers {
            cleared.servers.entry(Arc::clone(server)).or_insert(kind);
        }
    }

    /// Lets one log not be used, for this reason, or again.
    pub(super) fn refuse(&self, window: &str, reason: Option<String>) {
        let mut cleared = self.0.lock();
        let refused = &mut cleared.get_or_insert_default().refused;
        match reason {
            Some(reason) => drop(refused.insert(window.to_owned(), reason)),
            None => drop(refused.remove(window)),
        }
    }

    /// Makes sure that logs may be used on every server of a run.
    ///
    /// # Errors
    /// Fails where one is not healed yet.
    pub(super) fn check_all(&self, run: Option<&FleetRun>) -> Result<(), Failure> {
        let cleared = self.0.lock();
        let Some(cleared) = &*cleared else { return Ok(()) };
        let is_cleared = |server| cleared.servers.contains_key(server);
        match run.is_some_and(|run| run.servers.iter().all(is_cleared)) {
            true => Ok(()),
            false => Err(Failure::refused(HEALING)),
        }
    }

    /// Returns how a log goes on that is used on a server of this run and was last used on one of
    /// another, if any.
    ///
    /// # Errors
    /// Fails where it is not healed yet, or can't be.
    pub(super) fn check(
        &self,
        window: &str,
        server: &str,
        last: Option<&str>,
    ) -> Result<ForkKind, Failure> {
        let cleared = self.0.lock();
        let Some(cleared) = &*cleared else { return Ok(ForkKind::Whole) };
        if let Some(reason) = cleared.refused.get(window) {
            return Err(Failure::refused(reason.clone()));
        }
        let kind = cleared.servers.get(server).ok_or_else(|| Failure::refused(HEALING))?;
        // Its slot moved from a node that goes on.
        let moved = last.is_some_and(|last| cleared.servers.contains_key(last));
        Ok(if moved { ForkKind::Whole } else { *kind })
    }
}

#[cfg(test)]
mod tests;
