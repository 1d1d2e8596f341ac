//! Where guards' numbers come from.
//!
//! Owns: how a source is named, what can be looked at in it for which measure, and what was seen of it
//! at the last look of each guard. What can't be trusted is said and never a zero. Must not know: how a
//! guard judges.

mod breaks;
mod errors;
mod latency;
mod limits;
mod scrape;
mod selector;
mod text;
mod totals;

use std::{collections::BTreeMap, sync::Arc};

use conductor::{NoSight, Sighting};
use guard::At;
use runbook::{Measure, PlannedGuard};
use serde::{Deserialize, Serialize};

pub(crate) use self::selector::Selector;
use crate::{Hands, Replica, SecretText, http::Client};

/// What clients with ledgers of their own saw since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerTotals {
    /// Events that were checked by a reader.
    pub checked: u64,
    /// Acknowledged events that a reader never had and was told of no gap for.
    #[serde(default)]
    pub lost: u64,
    /// Events that came more than once.
    #[serde(default)]
    pub repeated: u64,
    /// Events that came before one that stands before them.
    #[serde(default)]
    pub reordered: u64,
    /// Events whose content was another one.
    #[serde(default)]
    pub altered: u64,
    /// Keys under which something took effect twice.
    #[serde(default)]
    pub effects: u64,
}

/// A source of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The router.
    Router,
    /// Who starts processes again.
    Supervisor,
    /// Clients with ledgers of their own, and which of their findings are meant.
    Ledger(Selector),
    /// Who puts load on both arms and measures it.
    Load,
    /// A path of the service.
    Path(String),
    /// A family of metrics of the replicas.
    Family(Selector),
}

/// What a source is looked at with.
pub(crate) struct Sight<'a> {
    pub(crate) http: &'a Client,
    pub(crate) hands: &'a dyn Hands,
    pub(crate) router: Option<&'a dyn traffic::Router>,
    /// Where clients come to.
    pub(crate) service: &'a str,
    pub(crate) key: Option<SecretText>,
}

/// What is looked at for one guard, and what was seen of it last.
#[derive(Debug)]
pub(crate) enum Watched {
    Errors(errors::Errors),
    RouterErrors(errors::RouterErrors),
    Breaks(breaks::Breaks),
    RouterBreaks(breaks::RouterBreaks),
    Histogram(latency::Histogram),
    PathTimes(latency::PathTimes),
    LoadTimes,
    Zero(limits::FamilyZero),
    LedgerZero(limits::LedgerZero),
    Down(limits::Down),
    Restarts(limits::Restarts),
}

impl Source {
    /// Reads the name of a source; `names` are other names of sources.
    ///
    /// # Errors
    /// Fails on what is none.
    pub(crate) fn of(text: &str, names: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = names.get(text).map_or(text, String::as_str).trim();
        match text {
            "router" => return Ok(Source::Router),
            "supervisor" => return Ok(Source::Supervisor),
            "load" => return Ok(Source::Load),
            path if path.starts_with('/') => return Ok(Source::Path(path.to_owned())),
            _ => {}
        }
        let selector = Selector::parse(text).map_err(|why| {
            format!(
                "`{text}` is no source ({why}); name router, supervisor, ledger, load, a /path or a \
                 metric family, or give it another name under [sources]"
            )
        })?;
        if selector.name == "ledger" {
            return Ok(Source::Ledger(selector));
        }
        Ok(Source::Family(selector))
    }
}

impl Watched {
    /// Returns what is looked at for a guard.
    ///
    /// # Errors
    /// Fails where its source does not say what its measure needs.
    pub(crate) fn of(
        guard: &PlannedGuard,
        names: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let spec = &guard.spec;
        let fault = |what: String| format!("the guard `{}`: {what}", spec.id);
        let source = Source::of(&spec.source, names).map_err(fault)?;
        Ok(match (spec.measure, source) {
            (Measure::Errors, Source::Router) => Watched::RouterErrors(Default::default()),
            (Measure::Errors, Source::Family(selector)) => {
                Watched::Errors(errors::Errors::new(selector))
            }
            (Measure::Disconnects, Source::Router) => Watched::RouterBreaks(Default::default()),
            (Measure::Disconnects, Source::Family(selector)) => {
                Watched::Breaks(breaks::Breaks::new(selector))
            }
            (Measure::Latency, Source::Family(selector)) => {
                Watched::Histogram(latency::Histogram::new(&selector).map_err(fault)?)
            }
            (Measure::Latency, Source::Path(path)) => {
                Watched::PathTimes(latency::PathTimes::new(path))
            }
            (Measure::Latency, Source::Load) => Watched::LoadTimes,
            (Measure::Zero, Source::Family(selector)) => {
                Watched::Zero(limits::FamilyZero::new(selector))
            }
            (Measure::Zero, Source::Ledger(selector)) => {
                Watched::LedgerZero(limits::LedgerZero::new(selector).map_err(fault)?)
            }
            (Measure::Down, Source::Path(path)) => Watched::Down(limits::Down { path }),
            (Measure::Restarts, Source::Supervisor) => Watched::Restarts(Default::default()),
            (measure, _) => {
                let allowed = match measure {
                    Measure::Errors | Measure::Disconnects => "router or a metric family",
                    Measure::Latency => "a histogram's family, a /path or load",
                    Measure::Zero => "ledger or a metric family",
                    Measure::Down => "a /path",
                    Measure::Restarts => "supervisor",
                };
                let source = &spec.source;
                return Err(fault(format!("`{source}` does not say `{measure}`; name {allowed}")));
            }
        })
    }

    /// Looks.
    ///
    /// # Errors
    /// Fails where the source does not answer, or what it says can't be trusted; then nothing counts
    /// as seen.
    pub(crate) async fn look(&mut self, sight: &Sight<'_>, at: At) -> Result<Sighting, NoSight> {
        match self {
            Watched::Errors(watched) => watched.look(sight, at).await,
            Watched::RouterErrors(watched) => watched.look(sight, at).await,
            Watched::Breaks(watched) => watched.look(sight, at).await,
            Watched::RouterBreaks(watched) => watched.look(sight, at).await,
            Watched::Histogram(watched) => watched.look(sight).await,
            Watched::PathTimes(watched) => watched.look(sight).await,
            Watched::LoadTimes => latency::of_load(sight).await,
            Watched::Zero(watched) => watched.look(sight).await,
            Watched::LedgerZero(watched) => watched.look(sight).await,
            Watched::Down(watched) => watched.look(sight).await,
            Watched::Restarts(watched) => watched.look(sight, at).await,
        }
    }
}

impl Sight<'_> {
    /// Returns the replicas of an arm, at least one.
    pub(crate) fn replicas_of(&self, arm: guard::Arm) -> Result<Vec<Replica>, NoSight> {
        let all: Vec<_> = self.hands.replicas().into_iter().filter(|it| it.arm == arm).collect();
        if all.is_empty() {
            return Err(NoSight(format!("no replica of the {arm} is known")));
        }
        Ok(all)
    }

    /// Returns the replicas that have traffic, at least one: a canary that has none may not run.
    pub(crate) async fn serving_replicas(&self) -> Result<Vec<Replica>, NoSight> {
        let replicas = serving_replicas(self.hands, self.router).await.map_err(NoSight)?;
        if replicas.is_empty() {
            return Err(NoSight("no replica is known".to_owned()));
        }
        Ok(replicas)
    }

    fn router(&self) -> Result<&dyn traffic::Router, NoSight> {
        let lacks = "there is no router here; add [router] to the environment's file";
        self.router.ok_or_else(|| NoSight(lacks.to_owned()))
    }
}

/// Returns the replicas that have traffic: those of the stable arm, and the canary's while it has a
/// share. Without a router every replica has.
///
/// # Errors
/// Fails where the router does not say it.
pub(crate) async fn serving_replicas(
    hands: &dyn Hands,
    router: Option<&dyn traffic::Router>,
) -> Result<Vec<Replica>, String> {
    let mut replicas = hands.replicas();
    if let Some(router) = router {
        let seen = router.observe().await.map_err(|error| traffic::chain(&error))?;
        if seen.weight_in_effect() == traffic::Weight::NONE {
            replicas.retain(|replica| replica.arm == guard::Arm::Stable);
        }
    }
    Ok(replicas)
}

/// Guards and what was seen for each, so that one that hangs holds up no other.
#[derive(Debug, Default)]
pub(crate) struct Watchers(BTreeMap<String, Arc<tokio::sync::Mutex<Watched>>>);

impl Watchers {
    /// Returns watchers for guards, or what is wrong with any of them.
    pub(crate) fn of(
        guards: &[PlannedGuard],
        names: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<String>> {
        let (mut all, mut faults) = (BTreeMap::new(), Vec::new());
        for guard in guards {
            match Watched::of(guard, names) {
                Ok(watched) => {
                    let watched = Arc::new(tokio::sync::Mutex::new(watched));
                    all.insert(guard.spec.id.clone(), watched);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Watchers(all)) } else { Err(faults) }
    }

    /// Looks for a guard.
    pub(crate) async fn look(
        &self,
        guard: &str,
        sight: &Sight<'_>,
        at: At,
    ) -> Result<Sighting, NoSight> {
        let watched = self.0.get(guard).map(Arc::clone);
        let watched = watched.ok_or_else(|| NoSight(format!("the guard {guard} is not known")))?;
        watched.lock_owned().await.look(sight, at).await
    }
}
