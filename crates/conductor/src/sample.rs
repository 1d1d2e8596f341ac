//! What was seen over time, for plots: a line of JSON for each look, in a file beside the journal that
//! becomes an output of the run's end.

use guard::{Judgement, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TrafficShare;

/// One look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Sample {
    /// What a guard said.
    Guard {
        /// When.
        at: Timestamp,
        /// The guard.
        guard: String,
        /// Its verdict.
        verdict: Verdict,
        /// The canary's value.
        value: Option<f64>,
        /// The stable arm's value.
        baseline: Option<f64>,
        /// The value at which it fails.
        bound: Option<f64>,
        /// How many were looked at.
        n: f64,
    },
    /// How the traffic was shared.
    Traffic {
        /// When.
        at: Timestamp,
        /// The share.
        #[serde(flatten)]
        share: TrafficShare,
    },
}

impl Sample {
    /// Returns what a guard said at some time.
    pub fn of_guard(at: Timestamp, judged: &Judgement) -> Self {
        Sample::Guard {
            at,
            guard: judged.guard.clone(),
            verdict: judged.verdict,
            value: judged.value,
            baseline: judged.baseline,
            bound: judged.bound,
            n: judged.n,
        }
    }
}
