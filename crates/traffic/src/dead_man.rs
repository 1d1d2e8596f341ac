//! What takes a canary's streams away when nobody renews its lease.
//!
//! The router itself ends new traffic when the lease is over. Streams that are open stay; to close
//! them somebody must act who lives longer than the run's own process. That is this: a function that a
//! small process runs beside it ([`stand_by()`]), with a router that is spoken to for
//! [`Owner::dead_man`], so that whoever wakes up late is told that the canary is not its own any more.

mod account;
mod clocks;
mod lease;
mod order;
mod stand_by;
mod start;

use std::time::Duration;

use guard::Arm;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

pub use self::{
    account::{AccountLine, DeadManAccount, DeadManSaid},
    order::{DeadManOrder, OrderError},
    stand_by::{StandByError, StoodBy, is_acting, stand_by},
    start::{StartError, start_dead_man},
};
use self::{clocks::Clocks, lease::Lease};
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
    /// How long the router may be away until this gives up.
    pub silent_max: Duration,
    /// The clock by which the run says how long it wants the lease: this machine's.
    pub clock: fn() -> UnixTime,
}

/// Something that happened, for whoever writes it down. Times in milliseconds are from the moment at
/// which this saw that the lease was over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum DeadManNote {
    /// The lease is watched.
    Watching {
        /// Whose it is.
        of: Owner,
        /// Until when it lasts, as it was seen first.
        until: UnixTime,
    },
    /// The router does not answer; said once until it does.
    Silent {
        /// What was said.
        why: String,
    },
    /// The router answers again.
    Heard,
    /// Nobody renewed the lease. From `until` on the router itself sends nothing new to the canary.
    Over {
        /// When it ended.
        until: UnixTime,
        /// The router's clock.
        now: UnixTime,
        /// The share that the canary had.
        weight_basis_points: u16,
        /// Requests and streams that are open on it.
        open: u64,
    },
    /// The share is 0, its replicas have no new requests, and none came: the first clock.
    Stopped {
        /// When.
        after_ms: u64,
    },
    /// Streams were closed.
    Evicted {
        /// When.
        after_ms: u64,
        /// How many.
        closed: u64,
    },
    /// Something did not go well and is tried again.
    Trouble {
        /// What.
        text: String,
    },
    /// The run has its lease again, so that it is watched as before.
    Renewed,
}

/// How the watch ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        /// From then on until no new request reached the canary, in milliseconds.
        new_traffic_ms: u64,
        /// From then on until no connection was left on it, in milliseconds.
        residual_ms: u64,
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
/// share, no new requests, no streams. What happens is told as it happens.
///
/// # Errors
/// Fails where the router is away for too long, or does not let go of the canary's streams.
///
/// # Cancel safety
/// May be dropped at any await and called again: each step is looked at before the next.
pub async fn dead_man(
    router: &dyn Router,
    settings: &DeadManSettings,
    told: &mut (dyn FnMut(DeadManNote) + Send),
) -> Result<DeadManEnd, DeadManError> {
    if *router.owner() == settings.of {
        return Err(DeadManError::SameOwner(settings.of.clone()));
    }
    let mut watching = Watching { router, settings, told, is_told: false };
    let mut lease = Lease::default();
    loop {
        let over = match watching.watch(&mut lease).await? {
            Watched::Over(observation) => observation,
            Watched::Ended(end) => return Ok(end),
        };
        (watching.told)(DeadManNote::Over {
            until: over.until,
            now: over.now,
            weight_basis_points: over.weight.basis_points(),
            open: over.canary.open,
        });
        // By the end of the run's own lease, and not of the one that this took to act.
        let acting = Acting { until: over.until, acted: over.now, clocks: Clocks::start() };
        if let Some(end) = watching.act(acting).await? {
            return Ok(end);
        }
        (watching.told)(DeadManNote::Renewed);
    }
}

enum Watched {
    Over(Box<Observation>),
    Ended(DeadManEnd),
}

struct Watching<'w> {
    router: &'w dyn Router,
    settings: &'w DeadManSettings,
    told: &'w mut (dyn FnMut(DeadManNote) + Send),
    is_told: bool,
}

struct Acting {
    until: UnixTime,
    acted: UnixTime,
    clocks: Clocks,
}

impl Watching<'_> {
    /// Waits for the end of the lease.
    async fn watch(&mut self, lease: &mut Lease) -> Result<Watched, DeadManError> {
        let (mut heard, mut is_silent) = (Instant::now(), false);
        loop {
            match self.router.observe().await {
                Ok(observation) => {
                    heard = Instant::now();
                    if std::mem::take(&mut is_silent) {
                        (self.told)(DeadManNote::Heard);
                    }
                    self.tell_of(&observation);
                    let is_over = lease.is_over(&observation, self.settings);
                    if is_over && observation.is_leased() {
                        (self.told)(DeadManNote::Trouble { text: lease::behind(&observation) });
                    }
                    let judged = judge(self.router.owner(), self.settings, observation, is_over);
                    if let Some(watched) = judged {
                        return Ok(watched);
                    }
                }
                Err(error) if heard.elapsed() >= self.settings.silent_max => {
                    return Err(self.silent(&error));
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_silent, true) {
                        (self.told)(DeadManNote::Silent { why: chain(&error) });
                    }
                }
            }
            sleep(self.settings.every).await;
        }
    }

    fn tell_of(&mut self, observation: &Observation) {
        if !std::mem::replace(&mut self.is_told, true) {
            let (of, until) = (self.settings.of.clone(), observation.until);
            (self.told)(DeadManNote::Watching { of, until });
        }
    }

    fn silent(&self, error: &RouterError) -> DeadManError {
        let (router, silent_max) = (self.router.name(), self.settings.silent_max);
        DeadManError::Silent { router, silent_max, last: chain(error) }
    }

    /// Takes the canary out; nothing where the run has it again.
    async fn act(&mut self, mut acting: Acting) -> Result<Option<DeadManEnd>, DeadManError> {
        let (mut heard, mut said) = (Instant::now(), String::new());
        loop {
            let left = match self.act_once(&mut acting).await {
                Ok(Some(end)) => return Ok(Some(end)),
                Ok(None) => {
                    heard = Instant::now();
                    "streams are left, or new requests come".to_owned()
                }
                // The run was there first, or another one: what that means is looked at again.
                Err(RouterError::Owned { .. }) => return Ok(None),
                Err(error) if heard.elapsed() >= self.settings.silent_max => {
                    return Err(self.silent(&error));
                }
                Err(error) => {
                    let text = chain(&error);
                    if text != said {
                        said.clone_from(&text);
                        (self.told)(DeadManNote::Trouble { text: text.clone() });
                    }
                    text
                }
            };
            if acting.clocks.after() >= self.settings.act_within {
                let within = self.settings.act_within;
                return Err(DeadManError::NotEmptied { within, left });
            }
            sleep(self.settings.every).await;
        }
    }

    /// Does what is still to be done; returns the end where nothing is left.
    async fn act_once(&mut self, acting: &mut Acting) -> Result<Option<DeadManEnd>, RouterError> {
        let seen = self.router.observe().await?;
        if seen.owner.as_ref() == Some(&self.settings.of) && seen.is_leased() {
            self.router.expire(&self.settings.of, acting.until).await?;
        }
        let now = seen.now;
        // Nobody else may have the canary while this goes on.
        let hold_seconds = self.settings.every.as_secs().saturating_mul(4).max(10);
        self.router.acquire(now.plus(hold_seconds)).await?;
        self.router.assign(crate::Weight::NONE).await?;
        self.router.drain(Arm::Canary).await?;
        let closed = self.router.evict(Arm::Canary, self.settings.evict_most).await?;
        let clocks = &mut acting.clocks;
        if closed > 0 {
            clocks.evicted += closed;
            (self.told)(DeadManNote::Evicted { after_ms: clocks.after_ms(), closed });
        }
        let seen = self.router.observe().await?;
        if let Some(after_ms) = clocks.look(&seen) {
            (self.told)(DeadManNote::Stopped { after_ms });
        }
        let Some((new_traffic_ms, residual_ms)) = clocks.both() else { return Ok(None) };
        self.router.release().await?;
        let (until, acted, evicted) = (acting.until, acting.acted, clocks.evicted);
        let gone = seen.now;
        let end = DeadManEnd::Withdrew { until, acted, gone, new_traffic_ms, residual_ms, evicted };
        Ok(Some(end))
    }
}

fn judge(
    me: &Owner,
    settings: &DeadManSettings,
    observation: Observation,
    is_over: bool,
) -> Option<Watched> {
    let owner = observation.owner.clone();
    let Some(owner) = owner else { return Some(Watched::Ended(DeadManEnd::Released)) };
    // One that was interrupted has the canary already.
    let is_mine = owner == *me;
    if owner != settings.of && !is_mine {
        return Some(Watched::Ended(DeadManEnd::TakenBy { owner }));
    }
    (is_over || is_mine).then(|| Watched::Over(Box::new(observation)))
}
