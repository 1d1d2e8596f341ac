//! What is told of a withdrawal, and what came of it.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use super::settings::Step;
use crate::Weight;

/// Something that happened, for whoever shows both clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// When, after the decision, in milliseconds where it is serialised.
    #[serde(rename = "after_ms", serialize_with = "as_ms")]
    pub after: Duration,
    /// What.
    #[serde(flatten)]
    pub what: ProgressKind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum ProgressKind {
    /// A part began.
    Began {
        /// Which.
        step: Step,
    },
    /// What the router reports.
    Seen {
        /// The canary's share.
        weight: Weight,
        /// Requests and streams that are open on it.
        open: u64,
    },
    /// No new request reaches the canary: the first clock stands still.
    Stopped,
    /// New requests reached it after that: the first clock stands where they were seen.
    CameAgain {
        /// How many.
        requests: u64,
    },
    /// Streams were closed.
    Evicted {
        /// How many.
        closed: u64,
    },
    /// Nothing is left, as all looks since then show: the second clock stands still.
    Gone,
    /// Something did not go well and is tried again or gone around.
    Trouble {
        /// In which part.
        step: Step,
        /// What, in one sentence.
        text: String,
    },
}

/// What a withdrawal reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Withdrawn {
    /// From the decision until no new request reached the canary.
    #[serde(rename = "new_traffic_ms", serialize_with = "as_ms_if_any")]
    pub new_traffic: Option<Duration>,
    /// From the decision until no connection was left on it.
    #[serde(rename = "residual_ms", serialize_with = "as_ms_if_any")]
    pub residual: Option<Duration>,
    /// Requests and streams that were open on it when new traffic had stopped.
    pub open_at_stop: u64,
    /// Those that were closed because they had not left.
    pub evicted: u64,
    /// Requests that reached it after new traffic had been seen to stop.
    pub came_again: u64,
    /// Why its replicas could not be told to say goodbye, where that is so.
    pub goodbye_failed: Option<String>,
}

/// A part that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which.
    pub step: Step,
    /// What was found, in one sentence.
    pub found: String,
    /// What a person can do.
    pub advice: &'static str,
}

/// A canary that was not taken out, or not provably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct WithdrawError {
    /// The parts that failed, in their order; at least one.
    pub failures: Vec<Failure>,
    /// What was reached all the same.
    pub reached: Withdrawn,
}

impl fmt::Display for WithdrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the canary is not provably out of traffic")?;
        for Failure { step, found, advice } in &self.failures {
            write!(f, "; {step}: {found}; {advice}")?;
        }
        Ok(())
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn as_ms<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(ms(*time))
}

fn as_ms_if_any<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(ms).serialize(to)
}
