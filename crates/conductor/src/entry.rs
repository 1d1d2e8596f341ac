//! What is written down of a run. Every event is data; what follows from it is the state's business.

use evidence::{Choice, Hash, Output};
use guard::Verdict;
use runbook::Mode;
use serde::{Deserialize, Serialize};

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When it was written, RFC 3339 in UTC.
    pub at: String,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A run begins; the first entry of each journal and no other.
    Begun {
        /// The run's name, which no other has.
        run: String,
        /// The digest of the plan that it carries out.
        plan: Hash,
        /// The plan's mode.
        mode: Mode,
    },
    /// A process goes on with a run that another one left.
    Resumed {
        /// Bytes of an entry that was not written to its end, which were cut off.
        torn_bytes: u64,
    },
    /// Somebody approves of the plan.
    Approved {
        /// In which role.
        role: String,
        /// Who.
        person: String,
        /// Of which plan.
        plan: Hash,
    },
    /// A step is about to be carried out; written before anything is done.
    Intent {
        /// The step.
        step: String,
        /// From 1 on.
        attempt: u32,
    },
    /// A step was carried out.
    Outcome {
        /// The step.
        step: String,
        /// The attempt of the intent.
        attempt: u32,
        /// How it ended.
        verdict: Verdict,
        /// One sentence.
        text: String,
        /// What it left behind, by digest.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        outputs: Vec<Output>,
    },
    /// What became of a step whose outcome is not known was read back.
    ReadBack {
        /// The step.
        step: String,
        /// The attempt of the intent.
        attempt: u32,
        /// What was found.
        happened: Happened,
        /// One sentence.
        text: String,
    },
    /// A guard was judged.
    Judged {
        /// The guard.
        guard: String,
        /// Its verdict.
        verdict: Verdict,
        /// One sentence.
        text: String,
    },
    /// People decided.
    Decided {
        /// What.
        choice: Choice,
        /// In which role.
        role: String,
        /// Who.
        person: String,
        /// Why.
        reason: String,
        /// The gate that is waived.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gate: Option<String>,
    },
    /// The run ended; nothing comes after it.
    Ended {
        /// How.
        how: How,
    },
}

/// What reading back found of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// It took effect.
    Yes,
    /// It did not.
    No,
    /// It can't be told, and a person is needed.
    Unclear,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// What was changed is kept.
    Kept,
    /// All was taken back.
    RolledBack,
    /// It was not possible to take all back: a person is needed.
    RollbackFailed,
    /// It was given up before anything was changed.
    Aborted,
}
