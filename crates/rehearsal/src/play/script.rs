//! How a runbook is played on one machine: a file beside it, `NAME.rehearsal.toml`.
//!
//! Owns: its keys and what may stand under them. The runbook says what is done; this says what stands
//! in for what a rehearsal does not have: people, a deployment, hours. Pure.

mod act;
mod check;
mod faults;

use std::{collections::BTreeMap, time::Duration};

use evidence::Hash;
use runbook::{Plan, PlannedStep};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use self::{act::Act, check::Check, faults::ScriptFaults};
use crate::{Churn, Fault};

/// The version of this form.
const FORMAT: u32 = 1;

/// How long the short form may take in all where a script does not say.
const WITHIN: Duration = Duration::from_secs(15 * 60);

/// How a runbook is played.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    format: u32,
    /// How the run ends where all is as it has to be: `kept` or `rolled-back`.
    pub ends: Ends,
    /// The environment whose sections are played; the runbook's own where nothing is said.
    #[serde(default)]
    pub environment: Option<String>,
    /// How much faster than planned waiting times pass, in the short form.
    #[serde(default = "as_planned")]
    pub pace: f64,
    /// How long the short form may take in all.
    #[serde(default = "within", deserialize_with = "length")]
    pub within: Duration,
    /// For how many days a certificate counts.
    #[serde(default = "week")]
    pub counts_for_days: u32,
    /// What is there when it begins.
    #[serde(default)]
    pub stack: StackScript,
    /// Who is served meanwhile.
    #[serde(default)]
    pub load: LoadScript,
    /// What the candidate does wrong; nothing where it is as good.
    #[serde(default)]
    pub inject: Option<String>,
    /// The guard that sees it; without one of its verdicts the rehearsal has not passed.
    #[serde(default)]
    pub seen_by: Option<String>,
    /// What is broken around the replicas.
    #[serde(default)]
    pub fault: Option<FaultScript>,
    /// What is done, or said, in the place of people, by step.
    #[serde(default)]
    pub steps: BTreeMap<String, StepScript>,
    /// Gates and steps that can't pass in a rehearsal, with why they are waived.
    #[serde(default)]
    pub waive: BTreeMap<String, String>,
    /// Guards whose source can't be there in a rehearsal, with why: they are not looked for, and waived.
    #[serde(default)]
    pub unseen: BTreeMap<String, String>,
    /// What commands find in their environment, beside where the stack is.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// What is sent back where no guard does it: the step at which the stand-in decides so.
    #[serde(default)]
    pub rollback_at: Option<String>,
    /// Of the text that it was read from.
    #[serde(skip)]
    digest: Option<Hash>,
}

/// How a run is meant to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// What was changed is kept.
    Kept,
    /// All is taken back.
    RolledBack,
}

/// What a stack is made of.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackScript {
    /// Replicas of the version that is there.
    pub replicas: usize,
    /// Whether the candidate's replicas are there too, without traffic: for a runbook that does not
    /// start them.
    pub candidate: bool,
    /// Whether there is Redis.
    pub redis: bool,
    /// What keeps chat's messages.
    pub database: DatabaseScript,
    /// The chain that replicas may follow; none where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainScript>,
    /// Settings of every replica.
    pub settings: BTreeMap<String, String>,
}

/// A chain, and what happens on it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChainScript {
    /// Transactions a second that somebody sends.
    pub transactions_per_second: f64,
}

/// What keeps chat's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseScript {
    /// Nothing but memory.
    #[default]
    None,
    /// One inside the one replica that serves chat.
    Embedded,
    /// A server.
    Server,
}

/// Who is served.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadScript {
    /// Readers of the organisation's events.
    pub readers: usize,
    /// Publishers of them.
    pub publishers: usize,
    /// Events a second of all publishers.
    pub events_per_second: f64,
    /// After how many events, and messages, one is sent once more under its key; 0 for never.
    pub repeat_every: u64,
    /// Members of chat; none where there is no chat.
    pub members: usize,
    /// Threads of theirs.
    pub threads: usize,
    /// Messages a second of all members.
    pub messages_per_second: f64,
    /// Pairs of measurements a second.
    pub pairs_per_second: f64,
    /// Readers that come and go.
    pub churn: Churn,
}

/// What is broken around the replicas.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    /// What.
    #[serde(deserialize_with = "fault")]
    pub what: Fault,
    /// The step with whose beginning it breaks; without one, once the canary has traffic.
    #[serde(default)]
    pub at: Option<String>,
    /// After how long it is mended, at the latest when the way back has begun.
    #[serde(default, rename = "for", deserialize_with = "some_length")]
    pub lasts: Option<Duration>,
}

/// What stands in for a person, or for a program.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StepScript {
    /// What is done, in a step of the kind `external`.
    #[serde(default, rename = "do", skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    /// What is looked at before the stand-in says that it is so, or after something was done.
    #[serde(default, deserialize_with = "checks", skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
    /// What the stand-in says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
    /// What is run in the place of a step's own programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Vec<Vec<String>>>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Default for StackScript {
    fn default() -> Self {
        StackScript {
            replicas: 2,
            candidate: false,
            redis: true,
            database: DatabaseScript::None,
            chain: None,
            settings: BTreeMap::new(),
        }
    }
}

impl Default for LoadScript {
    fn default() -> Self {
        LoadScript {
            readers: 40,
            publishers: 2,
            events_per_second: 20.0,
            repeat_every: 5,
            members: 0,
            threads: 0,
            messages_per_second: 0.0,
            pairs_per_second: 5.0,
            churn: Churn::default(),
        }
    }
}

impl Script {
    /// Reads a script, which may be one for any runbook.
    ///
    /// # Errors
    /// Fails with where it is no script.
    pub fn parse(text: &str) -> Result<Self, ScriptFaults> {
        let read = toml::from_str(text).map_err(|error| ScriptFaults(vec![error.to_string()]));
        Ok(Script { digest: Some(Hash::of(text.as_bytes())), ..read? })
    }

    /// Returns the SHA-256 of the text that it was read from.
    pub fn digest(&self) -> Option<Hash> {
        self.digest
    }

    /// Reads a script, which is one for this plan.
    ///
    /// # Errors
    /// Fails with all that is wrong with it.
    pub fn read(text: &str, plan: &Plan) -> Result<Self, ScriptFaults> {
        let script = Script::parse(text)?;
        script.check(plan)?;
        Ok(script)
    }

    /// Looks whether it is one for this plan.
    ///
    /// # Errors
    /// Fails with all that is wrong with it.
    pub fn check(&self, plan: &Plan) -> Result<(), ScriptFaults> {
        let faults = faults::of(self, plan);
        if faults.is_empty() { Ok(()) } else { Err(ScriptFaults(faults)) }
    }

    /// Looks whether something can be broken in this rehearsal, and will be: with the beginning of the
    /// step that the script names, or once the canary has traffic.
    ///
    /// # Errors
    /// Fails with all that is wrong with it, and what to do.
    pub fn check_fault(&self, fault: &Fault, plan: &Plan) -> Result<(), ScriptFaults> {
        let at = self.fault.as_ref().and_then(|fault| fault.at.as_deref());
        let faults = faults::of_fault(self, plan, fault, at);
        if faults.is_empty() { Ok(()) } else { Err(ScriptFaults(faults)) }
    }

    /// Returns whether anything becomes the candidate's version in a run of this plan.
    pub fn starts_candidate(&self, plan: &Plan) -> bool {
        let starts = |step: &PlannedStep| {
            let act = self.steps.get(&step.id).and_then(|script| script.act.as_ref());
            step.carried_out && matches!(act, Some(Act::DeployCandidate | Act::Promote))
        };
        self.stack.candidate || plan.all_steps().any(starts)
    }

    /// Returns what stands in for a person in a step.
    pub fn step(&self, id: &str) -> StepScript {
        self.steps.get(id).cloned().unwrap_or_default()
    }

    /// Returns why a gate, a step or a guard is waived that does not pass.
    pub fn waives(&self, id: &str) -> Option<&String> {
        self.waive.get(id).or_else(|| self.unseen.get(id))
    }

    /// Returns how long the rehearsal may take in all at this pace.
    pub fn within_at(&self, times: f64) -> Duration {
        self.within.mul_f64((self.pace / times).max(1.0))
    }
}

/// One check, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Checks {
    One(String),
    Many(Vec<String>),
}

fn checks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Check>, D::Error> {
    let all = match Checks::deserialize(from)? {
        Checks::One(one) => vec![one],
        Checks::Many(many) => many,
    };
    all.into_iter().map(|text| Check::try_from(text).map_err(D::Error::custom)).collect()
}

fn fault<'de, D: Deserializer<'de>>(from: D) -> Result<Fault, D::Error> {
    Fault::parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn length<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let length: runbook::Length = text.parse().map_err(D::Error::custom)?;
    Ok(Duration::from_secs(length.seconds()))
}

fn some_length<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    length(from).map(Some)
}

fn as_planned() -> f64 {
    1.0
}

fn week() -> u32 {
    7
}

fn within() -> Duration {
    WITHIN
}
