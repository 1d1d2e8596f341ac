//! What a router says is true.

use std::fmt;

use guard::Arm;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Owner, Weight};

/// A point in time: seconds since 1970, by the router's clock. Shown as ISO 8601 in UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(pub u64);

/// What a router says about the canary and both arms at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// The router's clock.
    pub now: UnixTime,
    /// The router's process, by a number that another one does not have soon again. Counts begin anew
    /// with it.
    pub process: u64,
    /// The share of the clients that is set for the canary. They go there only while the lease lasts.
    pub weight: Weight,
    /// Until when the canary may have traffic.
    pub until: UnixTime,
    /// Whose canary it is.
    pub owner: Option<Owner>,
    /// The new version.
    pub canary: ArmState,
    /// The version that is there.
    pub stable: ArmState,
}

/// One arm as the router sees it. Counts are totals since the router's start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArmState {
    /// Its replicas.
    pub servers: Vec<Server>,
    /// Requests and streams that are on it now, those that wait for a replica too.
    pub open: u64,
    /// Requests that were sent to it.
    pub requests: u64,
    /// Answers below 400, and those of another kind.
    pub answers_good: u64,
    /// Answers 4xx.
    pub answers_4xx: u64,
    /// Answers 5xx, those too that the router gave for it.
    pub answers_5xx: u64,
    /// Attempts to reach a replica that failed.
    pub connect_errors: u64,
    /// Answers that broke off or could not be read.
    pub response_errors: u64,
}

/// One replica as the router sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Its name in the router.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// Whether it gets requests.
    pub state: ServerState,
    /// Requests and streams that are on it now.
    pub open: u64,
    /// Requests that were sent to it.
    pub requests: u64,
    /// Its answers below 400, and those of another kind.
    pub answers_good: u64,
    /// Its answers 4xx.
    pub answers_4xx: u64,
    /// Its answers 5xx.
    pub answers_5xx: u64,
    /// Attempts to reach it that failed.
    pub connect_errors: u64,
    /// Answers that broke off or could not be read.
    pub response_errors: u64,
}

/// Whether a replica gets requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// It does.
    Up,
    /// It is told to have no new ones; its streams stay.
    Draining,
    /// It does not answer, or says that it is not ready.
    Down,
    /// It was taken out by somebody.
    Maintenance,
}

impl Observation {
    /// Returns an arm.
    pub const fn arm(&self, arm: Arm) -> &ArmState {
        match arm {
            Arm::Canary => &self.canary,
            Arm::Stable => &self.stable,
        }
    }

    /// Returns whether the canary may have traffic now.
    pub fn is_leased(&self) -> bool {
        self.until > self.now
    }

    /// Returns the share that the canary has in truth: nothing without a lease, or without a replica
    /// that gets requests.
    pub fn weight_in_effect(&self) -> Weight {
        let has_server = self.canary.servers.iter().any(|server| server.state == ServerState::Up);
        if self.is_leased() && has_server { self.weight } else { Weight::NONE }
    }
}

impl UnixTime {
    /// Returns the time so many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> UnixTime {
        UnixTime(self.0.saturating_add(seconds))
    }

    /// Returns the time now, by the clock of this machine.
    pub fn now() -> UnixTime {
        UnixTime(u64::try_from(Timestamp::now().as_second()).unwrap_or_default())
    }

    /// Returns the seconds since an earlier time; none where it is not earlier.
    pub const fn since(self, earlier: UnixTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|it| Timestamp::from_second(it).ok());
        match time {
            Some(time) => write!(f, "{time}"),
            // Beyond the year 9999: nobody means it, and all of it is shown.
            None => write!(f, "{} s since 1970", self.0),
        }
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ServerState::Up => "up",
            ServerState::Draining => "draining",
            ServerState::Down => "down",
            ServerState::Maintenance => "in maintenance",
        })
    }
}
