//! What a run does at this moment, for people who look: a file beside the journal, replaced at every
//! change, that any process can show. Nothing follows from it; the journal alone is the evidence.

use guard::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Pace, Phase, TrafficShare};

/// What a run does now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The run's name.
    pub run: String,
    /// The runbook's title.
    pub runbook: String,
    /// `rehearsal`, `production` or `readiness`.
    pub mode: String,
    /// The process that carries it out; whoever looks can see whether it is there.
    pub pid: u32,
    /// When this was written. A run that goes on writes every second.
    pub at: Timestamp,
    /// When the run began.
    pub begun_at: Timestamp,
    /// T0, where the plan has times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t0: Option<Timestamp>,
    /// How much faster than planned waiting times pass.
    pub pace: Pace,
    /// How far it is: `gates`, `go`, `hold`, `rolling-back`, `kept`, `rolled-back`, `rollback-failed`,
    /// `aborted`.
    pub phase: Phase,
    /// How many entries the journal has.
    #[serde(default)]
    pub entries: u64,
    /// Whether something was begun that changes something: then the run is not given up, but sent back.
    #[serde(default)]
    pub has_changed: bool,
    /// Why it is in HOLD, goes back or has ended, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is happening, in one sentence.
    pub now: String,
    /// Every step, in the order in which they are carried out.
    pub steps: Vec<LiveStep>,
    /// The step that is next, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<LiveNext>,
    /// Who is waited for.
    pub waiting: Vec<LiveWait>,
    /// The guards.
    pub guards: Vec<LiveGuard>,
    /// How the traffic is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficShare>,
    /// The clocks of the way back, where it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocks: Option<LiveClocks>,
    /// Faults of the conductor's own surroundings that people should see: a webhook that does not
    /// answer, a lease that could not be renewed.
    pub troubles: Vec<String>,
}

/// A step as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveStep {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Where it stands: `gate`, `step`, `trigger`, `back`, `fallback`, `after`, `closing`.
    pub place: String,
    /// Its first line.
    pub text: String,
    /// The roles that own it.
    pub owners: Vec<String>,
    /// When it is due, where it has a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// `open`, `unknown`, `took-effect`, `done`, `no-effect`, `waived`; nothing where it was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How it ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The sentence of its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// When it was begun last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<Timestamp>,
    /// When it ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveNext {
    /// The step.
    pub step: String,
    /// Its first line.
    pub text: String,
    /// When, where it has a time that has not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Somebody who is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveWait {
    /// What they are asked for: `APPROVE`, `GO`, `ATTEST`, `GO, WAIVE or ROLLBACK`, or `AGAIN or
    /// ROLLBACK`. Where it is several, `command` is for the first.
    pub choice: String,
    /// The step that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The roles of which somebody may say it.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The same with their people.
    pub who: Vec<String>,
    /// What it is, in one sentence.
    pub text: String,
    /// The command with which it is said.
    pub command: String,
    /// What else may be said, each with its command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<LiveChoice>,
}

/// Something that people may say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveChoice {
    /// What it does, in short.
    pub choice: String,
    /// The command with which it is said.
    pub command: String,
}

/// A guard as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveGuard {
    /// Its name.
    pub id: String,
    /// Whether it is armed.
    pub is_armed: bool,
    /// What it said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The canary's value, in `unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The stable arm's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The value at which it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// How many times as slow is allowed, where pairs are compared: `bound` is then what the ratio is
    /// at most, whatever the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// What the numbers count.
    pub unit: String,
    /// How many were looked at.
    pub n: f64,
    /// Its sentence.
    pub sentence: String,
}

/// The clocks of the way back, in milliseconds from the decision; one that runs has no end yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveClocks {
    /// How long ago it was decided.
    pub since_ms: u64,
    /// When it was verified that no new traffic reaches the canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_traffic_ms: Option<u64>,
    /// When nothing was left on the canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_ms: Option<u64>,
    /// How long the whole way back may take by the runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_ms: Option<u64>,
}
