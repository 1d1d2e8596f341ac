//! How long each part of the way back may take, and how sure its proofs are.

use std::{fmt, time::Duration};

use serde::Serialize;

/// Bounds of a withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawSettings {
    /// How long it may take, from the decision, until no new request reaches the canary.
    pub stop_within: Duration,
    /// How long clients have to leave after the goodbye.
    pub leave_within: Duration,
    /// How long after that it may take until nothing is left.
    pub evict_within: Duration,
    /// How often is looked.
    pub every: Duration,
    /// How long a probe or the goodbye may take.
    pub call_within: Duration,
    /// How many streams are closed at a time.
    pub evict_most: u64,
    /// How many looks in a row must show nothing left and nothing new; at least one.
    pub quiet_looks: u32,
}

impl Default for WithdrawSettings {
    fn default() -> Self {
        WithdrawSettings {
            stop_within: Duration::from_secs(10),
            leave_within: Duration::from_secs(20),
            evict_within: Duration::from_secs(20),
            every: Duration::from_millis(100),
            call_within: Duration::from_secs(5),
            evict_most: 1_000,
            quiet_looks: 3,
        }
    }
}

/// A part of the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The canary is given no share.
    Stop,
    /// That no new request reaches it is verified.
    Verify,
    /// Its replicas send their clients away.
    Goodbye,
    /// Clients leave.
    Leave,
    /// What has not left is closed.
    Evict,
    /// That nothing is left is shown several times.
    Prove,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Step::Stop => "stop new traffic",
            Step::Verify => "verify that no new traffic comes",
            Step::Goodbye => "say goodbye",
            Step::Leave => "let clients leave",
            Step::Evict => "close what is left",
            Step::Prove => "prove that nothing is left",
        })
    }
}
