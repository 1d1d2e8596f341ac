//! What takes a canary's streams away when nobody renews its lease.
//!
//! The router itself ends new traffic when the lease is over. Streams that are open stay; to close
//! them somebody must act who lives longer than the run's own process. That is this: a function that a
//! small process runs beside it, with a router that is spoken to for [`Owner::dead_man`], so that
//! whoever wakes up late is told that the canary is not its own any more.

use std::time::Duration;

use guard::Arm;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{Observation, Owner, Router, RouterError, UnixTime, chain};

/// For whom is waited, and how.
#[derive(Clone, Debug)]
pub struct DeadManSettings {
    /// The run whose lease is watched.
    pub of: Owner,
    /// How long after the end of the lease is waited, in seconds of the router's clock.
    pub grace_seconds: u64,
    /// How often is looked.
    pub every: Duration,
    /// How many streams are closed at a time, so that not all clients come back at once.
    pub evict_most: u64,
    /// How long may be acted; at the end of it something is wrong with the router.
    pub act_within: Duration,
    /// How long the router may be away, before the lease is over, until this gives up.
    pub silent_max: Duration,
}

/// How the watch ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum DeadManEnd {
    /// The run gave the canary back.
    Released,
    /// The canary is somebody else's.
    TakenBy {
        /// Whose it is.
        owner: Owner,
    },
    /// The lease was over, and nothing is left on the canary.
    Withdrew {
        /// When the lease ended.
        until: UnixTime,
        /// When this acted, by the router's clock.
        acted: UnixTime,
        /// When nothing was left, by the router's clock.
        gone: UnixTime,
        /// How many streams were closed.
        evicted: u64,
    },
}

/// A watch that could not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum DeadManError {
    /// It would speak for the very run that it watches, and could not be told from it.
    #[error("the router is spoken to for `{0}` itself; use the name that Owner::dead_man gives")]
    SameOwner(Owner),
    /// The router is away for too long.
    #[error(
        "nothing was heard from {router} for {silent_max:?} ({last}); look whether the canary has \
         traffic, and take it out by hand"
    )]
    Silent {
        /// The router.
        router: String,
        /// How long was waited.
        silent_max: Duration,
        /// What was said last.
        last: String,
    },
    /// Streams are left.
    #[error(
        "the canary could not be emptied within {within:?}: {left}; stop its replicas, which ends \
         every stream on them"
    )]
    NotEmptied {
        /// How long was tried.
        within: Duration,
        /// What is left, or what the router said last.
        left: String,
    },
}

/// Waits until the lease of a run is over for longer than the grace, then takes the canary out: no
/// share, no new requests, no streams.
///
/// # Errors
/// Fails where the router is away for too long, or does not let go of the canary's streams.
///
/// # Cancel safety
/// May be dropped at any await and called again: each step is looked at before the next.
pub async fn dead_man(
    router: &dyn Router,
    settings: &DeadManSettings,
) -> Result<DeadManEnd, DeadManError> {
    if *router.owner() == settings.of {
        return Err(DeadManError::SameOwner(settings.of.clone()));
    }
    let mut since: Option<(Instant, UnixTime, UnixTime)> = None;
    let mut evicted = 0;
    loop {
        let over = match watch(router, settings).await? {
            Watched::Over(observation) => observation,
            Watched::Ended(end) => return Ok(end),
        };
        // By the end of the run's own lease, and not of the one that this took to act.
        let (began, until, acted) =
            *since.get_or_insert_with(|| (Instant::now(), over.until, over.now));
        let left = match act(router, settings, &mut evicted).await {
            Ok(Some(gone)) => {
                return Ok(DeadManEnd::Withdrew { until, acted, gone, evicted });
            }
            Ok(None) => "streams are left".to_owned(),
            Err(error) => chain(&error),
        };
        if began.elapsed() >= settings.act_within {
            return Err(DeadManError::NotEmptied { within: settings.act_within, left });
        }
        sleep(settings.every).await;
    }
}

enum Watched {
    Over(Box<Observation>),
    Ended(DeadManEnd),
}

/// Waits for the end of the lease.
async fn watch(router: &dyn Router, settings: &DeadManSettings) -> Result<Watched, DeadManError> {
    let mut heard = Instant::now();
    loop {
        match router.observe().await {
            Ok(observation) => {
                heard = Instant::now();
                if let Some(watched) = judge(router.owner(), settings, observation) {
                    return Ok(watched);
                }
            }
            Err(error) if heard.elapsed() >= settings.silent_max => {
                let (router, silent_max) = (router.name(), settings.silent_max);
                return Err(DeadManError::Silent { router, silent_max, last: chain(&error) });
            }
            Err(_) => {}
        }
        sleep(settings.every).await;
    }
}

fn judge(me: &Owner, settings: &DeadManSettings, observation: Observation) -> Option<Watched> {
    let owner = observation.owner.clone();
    let Some(owner) = owner else { return Some(Watched::Ended(DeadManEnd::Released)) };
    // One that was interrupted has the canary already.
    let is_mine = owner == *me;
    if owner != settings.of && !is_mine {
        return Some(Watched::Ended(DeadManEnd::TakenBy { owner }));
    }
    let is_over = observation.now > observation.until.plus(settings.grace_seconds);
    (is_over || is_mine).then(|| Watched::Over(Box::new(observation)))
}

/// Does what is still to be done; returns when nothing was left.
async fn act(
    router: &dyn Router,
    settings: &DeadManSettings,
    evicted: &mut u64,
) -> Result<Option<UnixTime>, RouterError> {
    let now = router.observe().await?.now;
    // Nobody else may have the canary while this goes on.
    let hold_seconds = settings.every.as_secs().saturating_mul(4).max(10);
    router.acquire(now.plus(hold_seconds)).await?;
    router.assign(crate::Weight::NONE).await?;
    router.drain(Arm::Canary).await?;
    *evicted += router.evict(Arm::Canary, settings.evict_most).await?;
    let seen = router.observe().await?;
    if seen.canary.open > 0 {
        return Ok(None);
    }
    router.release().await?;
    Ok(Some(seen.now))
}
