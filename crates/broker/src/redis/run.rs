//! Which run of the servers something belongs to, and which logs may be used on it. Pure.
//!
//! A server's run ends when it ends or is demoted, and with it an unbroken ownership of its logs. A
//! cluster's run is that of all its primaries together: where one of them is another, it is another.
//!
//! A log of an earlier run goes on whole where nothing can have been lost since: Redis keeps the runs
//! of which that holds (`BASE:runs` of `ops`). A healing that could not vouch for all forgets them,
//! so that a log nobody touched until a later one is still lossy, and so is what is not remembered.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use event::{ForkKind, StreamName};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{address::Host, failure::Failure, healing::Who};

/// Why a log can't be used before it is healed.
pub(crate) const HEALING: &str = "Redis began anew and is given back what it may have lost";

/// Why a call was not sent: its log is on another server by now than the one it is meant for.
const ELSEWHERE: &str = "Redis is another server by now";

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

    /// Returns the runs of the servers.
    pub(super) fn servers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.servers.iter().map(|server| &**server)
    }

    /// Returns whether no server of the other is missing here: nodes that only gave up their slots
    /// begin nothing anew.
    pub(crate) fn covers(&self, other: &FleetRun) -> bool {
        other.servers.is_subset(&self.servers)
    }
}

/// Where a call may go. What was judged by what one server said is of no use on another one, which may
/// be connected to by the time that it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum On<'a> {
    /// Wherever its log is.
    Any,
    /// Only to the server of this run.
    Server(&'a str),
    /// Only to one of these servers.
    Fleet(&'a FleetRun),
}

impl On<'_> {
    /// Fails where a connection is to another server.
    pub(super) fn check(self, run: &str) -> Result<(), Failure> {
        let may = match self {
            On::Any => true,
            On::Server(server) => server == run,
            On::Fleet(fleet) => fleet.servers.contains(run),
        };
        if may { Ok(()) } else { Err(Failure::refused(ELSEWHERE)) }
    }
}

/// Returns an answer, `None` where the call was not sent since its server is another by now.
pub(super) fn unless_elsewhere<T>(answered: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answered {
        Err(failure) if failure.reason == ELSEWHERE => Ok(None),
        answered => answered.map(Some),
    }
}

/// Whether logs of servers that began anew may be used before they are healed, and how those go on
/// that nobody knew anything of.
#[derive(Default)]
pub(super) struct Guard(Mutex<Option<Cleared>>);

/// A log that may not be used for what stands under its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) stream: StreamName,
    pub(crate) reason: String,
}

/// The servers whose logs may be used.
#[derive(Default)]
struct Cleared {
    /// By the run: the earlier ones whose logs may be taken for whole.
    servers: HashMap<Arc<str>, Arc<HashSet<String>>>,
    /// Who had offered what there was, the last time.
    who: Option<Who>,
    /// The logs that may not be used all the same, and why, by the key of their window.
    refused: BTreeMap<String, Refusal>,
}

impl Guard {
    /// Lets no log be used.
    pub(super) fn close(&self) {
        *self.0.lock() = Some(Cleared::default());
    }

    /// Lets the logs of these servers be used; on those that were not cleared before, logs that nobody
    /// knew anything of go on whole where they are of one of the runs in `whole`.
    pub(super) fn clear(&self, run: &FleetRun, who: Who, whole: HashSet<String>) {
        let whole = Arc::new(whole);
        let mut cleared = self.0.lock();
        let cleared = cleared.get_or_insert_default();
        cleared.who = Some(who);
        cleared.servers.retain(|server, _| run.servers.contains(server));
        for server in &run.servers {
            cleared.servers.entry(Arc::clone(server)).or_insert_with(|| Arc::clone(&whole));
        }
    }

    /// Returns who had offered what there was when logs were last cleared.
    pub(super) fn who(&self) -> Who {
        self.0.lock().as_ref().and_then(|cleared| cleared.who).unwrap_or(Who::Everybody)
    }

    /// Lets one log not be used.
    pub(super) fn refuse(&self, window: &str, refusal: Refusal) {
        let mut cleared = self.0.lock();
        cleared.get_or_insert_default().refused.insert(window.to_owned(), refusal);
    }

    /// Lets logs be used again, all but these.
    pub(super) fn lift_all_but(&self, met: &HashSet<StreamName>) {
        if let Some(cleared) = &mut *self.0.lock() {
            cleared.refused.retain(|_, refusal| met.contains(&refusal.stream));
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

    /// Returns the logs that may not be used.
    pub(super) fn refused(&self) -> Vec<Refusal> {
        let cleared = self.0.lock();
        let refused = cleared.iter().flat_map(|cleared| cleared.refused.values());
        refused.cloned().collect()
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
        if let Some(refusal) = cleared.refused.get(window) {
            return Err(Failure::of_log(refusal.reason.clone()));
        }
        let whole = cleared.servers.get(server).ok_or_else(|| Failure::refused(HEALING))?;
        // Or its slot moved from a node that goes on.
        let is_whole = |last| whole.contains(last) || cleared.servers.contains_key(last);
        Ok(if last.is_none_or(is_whole) { ForkKind::Whole } else { ForkKind::Lossy })
    }
}

#[cfg(test)]
mod tests;
