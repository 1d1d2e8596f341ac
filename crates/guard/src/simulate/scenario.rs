//! Kinds of releases: six that are no worse and are hard on a guard, and those that are worse.

use std::fmt;

use serde::Serialize;

use super::Traffic;

/// How long the storm lasts that hits both arms.
const STORM_S: u32 = 120;

/// The share of requests that fail in it.
const STORM_ERRORS: f64 = 0.5;

/// How long one client tries again and again, and how often in a second.
const RETRY_S: u32 = 300;
const RETRIES_PER_SECOND: u32 = 10;

/// A kind of release.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing happens.
    Steady,
    /// The canary gets twice the share that was configured.
    WrongShare,
    /// Its share doubles at half the time.
    Ramp,
    /// For two minutes half of all requests fail, on both arms.
    StormBoth,
    /// For five minutes one client of the canary fails and tries again ten times a second.
    RetryStorm,
    /// One client of the canary fails and tries again ten times a second, all the time.
    EndlessStorm,
    /// The canary fails more often.
    Worse {
        /// How many times as often.
        ratio: f64,
        /// From when on.
        from_s: u32,
    },
}

/// The kinds that are no worse.
pub const FAIR_SCENARIOS: [Scenario; 6] = [
    Scenario::Steady,
    Scenario::WrongShare,
    Scenario::Ramp,
    Scenario::StormBoth,
    Scenario::RetryStorm,
    Scenario::EndlessStorm,
];

impl Scenario {
    /// Returns from when on it is worse; 0 where it never is.
    pub(super) const fn worse_from_s(self) -> u32 {
        if let Scenario::Worse { from_s, .. } = self { from_s } else { 0 }
    }

    /// Returns the canary's real share of the clients.
    pub(super) fn share(self, traffic: &Traffic, second: u32) -> f64 {
        match self {
            Scenario::WrongShare => traffic.share * 2.0,
            Scenario::Ramp if second >= traffic.seconds / 2 => traffic.share * 2.0,
            _ => traffic.share,
        }
    }

    /// Returns the chance that a request fails: the canary's and the stable arm's.
    pub(super) fn error_ratios(self, traffic: &Traffic, second: u32) -> (f64, f64) {
        let base = traffic.error_ratio;
        match self {
            Scenario::StormBoth if is_within(traffic, second, STORM_S) => {
                (STORM_ERRORS, STORM_ERRORS)
            }
            Scenario::Worse { ratio, from_s } if second >= from_s => {
                ((base * ratio).min(1.0), base)
            }
            _ => (base, base),
        }
    }

    /// Returns how many requests the one client sends in vain.
    pub(super) fn retries(self, traffic: &Traffic, second: u32) -> u32 {
        let storms = match self {
            Scenario::RetryStorm => is_within(traffic, second, RETRY_S),
            Scenario::EndlessStorm => true,
            _ => false,
        };
        if storms { RETRIES_PER_SECOND } else { 0 }
    }
}

/// Tells whether a second lies in a time that begins after a third of all.
fn is_within(traffic: &Traffic, second: u32, length_s: u32) -> bool {
    let from = traffic.seconds / 3;
    (from..from + length_s).contains(&second)
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scenario::Steady => f.pad("steady"),
            Scenario::WrongShare => f.pad("twice the configured share"),
            Scenario::Ramp => f.pad("share doubles at half-time"),
            Scenario::StormBoth => f.pad("storm on both arms"),
            Scenario::RetryStorm => f.pad("one client's retry storm"),
            Scenario::EndlessStorm => f.pad("one client's endless storm"),
            Scenario::Worse { ratio, from_s: 0 } => f.pad(&format!("{ratio}x errors")),
            Scenario::Worse { ratio, from_s } => {
                f.pad(&format!("{ratio}x errors after {from_s} s"))
            }
        }
    }
}
