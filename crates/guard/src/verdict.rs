//! What a guard says: one of four verdicts, the numbers behind it and one plain sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct At(pub u64);

impl At {
    /// Returns the milliseconds from `earlier` to here, 0 where it is not earlier.
    pub const fn since_ms(self, earlier: At) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The time that a judgement covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first look.
    pub from_ms: At,
    /// The last look that brought data.
    pub to_ms: At,
}

impl Window {
    /// Returns how many seconds it covers.
    pub fn seconds(self) -> f64 {
        self.to_ms.since_ms(self.from_ms) as f64 / 1000.0
    }
}

/// Whether to go on. Whatever is not `Pass` means that nobody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Enough was seen, and it is good.
    Pass,
    /// It is worse than allowed. A guard that failed stays failed.
    Fail,
    /// Nothing bad was seen, but too little to say that it is good.
    Insufficient,
    /// The numbers can't be trusted, or none come.
    Error,
}

impl Verdict {
    /// Returns whether a gate with this verdict opens.
    pub const fn is_pass(self) -> bool {
        matches!(self, Verdict::Pass)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Insufficient => "INSUFFICIENT",
            Verdict::Error => "ERROR",
        })
    }
}

/// What was not counted of an arm, since its clients had failed before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOutOfArm {
    /// Clients that failed and were then left out, each as often as it was.
    pub clients: u64,
    /// Their requests meanwhile.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
}

/// What was not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Of the new version.
    pub canary: LeftOutOfArm,
    /// Of the version that is there.
    pub stable: LeftOutOfArm,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The guard.
    pub guard: String,
    /// The verdict.
    pub verdict: Verdict,
    /// In what `value`, `baseline` and `bound` are: `errors per request`, `seconds`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What was measured of the canary; absent where nothing was.
    pub value: Option<f64>,
    /// What it is compared with.
    pub baseline: Option<f64>,
    /// The value from which on the guard fails; for paired measurements the confidence bound of the
    /// ratio that has to lie within the margin, whatever the unit.
    pub bound: Option<f64>,
    /// The sample: requests, seconds, pairs or checks that were counted.
    pub n: f64,
    /// What was left out of the sample because its clients had failed; absent where clients are not
    /// told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// Looks that were refused: bad numbers, or times that were not later than the last.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// The time that it covers.
    pub window: Window,
    /// Where the numbers come from.
    pub source: String,
    /// The verdict in one plain sentence.
    pub sentence: String,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.verdict, self.guard, self.sentence)
    }
}
