//! How a runbook is played on one machine: a file beside it, `NAME.rehearsal.toml`.
//!
//! Owns: its keys and what may stand under them. The runbook says what is done; this says what stands
//! in for what a rehearsal does not have: people, a deployment, hours. Pure.

use std::{collections::BTreeMap, fmt};

use runbook::{Kind, Plan};
use serde::Deserialize;

/// The version of this form.
const FORMAT: u32 = 1;

/// How a runbook is played.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    format: u32,
    /// How the run ends where all is as it has to be: `kept` or `rolled-back`.
    pub ends: Ends,
    /// How much faster than planned waiting times pass, in the short form.
    #[serde(default = "as_planned")]
    pub pace: f64,
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
    /// What is done, or said, in the place of people, by step.
    #[serde(default)]
    pub steps: BTreeMap<String, StepScript>,
    /// Gates and steps that can't pass in a rehearsal, with why they are waived.
    #[serde(default)]
    pub waive: BTreeMap<String, String>,
    /// What commands find in their environment, beside where the stack is.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// What is sent back where no guard does it: the step at which the stand-in decides so.
    #[serde(default)]
    pub rollback_at: Option<String>,
}

/// How a run is meant to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// What was changed is kept.
    Kept,
    /// All is taken back.
    RolledBack,
}

/// What a stack is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackScript {
    /// Replicas of the version that is there.
    pub replicas: usize,
    /// Whether there is Redis.
    pub redis: bool,
    /// What keeps chat's messages.
    pub database: DatabaseScript,
    /// Settings of every replica.
    pub settings: BTreeMap<String, String>,
}

/// What keeps chat's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadScript {
    /// Readers of the organisation's events.
    pub readers: usize,
    /// Publishers of them.
    pub publishers: usize,
    /// Events a second of all publishers.
    pub events_per_second: f64,
    /// Members of chat; none where there is no chat.
    pub members: usize,
    /// Threads of theirs.
    pub threads: usize,
    /// Messages a second of all members.
    pub messages_per_second: f64,
    /// Pairs of measurements a second.
    pub pairs_per_second: f64,
}

/// What stands in for a person.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepScript {
    /// What is done, in a step of the kind `external`.
    #[serde(default, rename = "do")]
    pub act: Option<Act>,
    /// What is looked at before the stand-in says that it is so.
    #[serde(default)]
    pub check: Option<Check>,
    /// What the stand-in says.
    #[serde(default)]
    pub say: Option<String>,
}

/// What a rehearsal does in the place of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Replicas of the candidate are started, without traffic.
    DeployCandidate,
    /// The canary is taken out of the traffic, with both clocks.
    Withdraw,
    /// The candidate's replicas are ended.
    EndCandidate,
    /// Every replica becomes the candidate's version.
    Promote,
    /// Every replica is started anew with the version that was there.
    Redeploy,
}

/// What is looked at before a stand-in vouches for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Every replica is ready.
    Ready,
    /// The clients' ledgers have nothing to complain of.
    Ledgers,
    /// What runs is what ran at the beginning.
    Baseline,
    /// Nothing is on the canary.
    Stable,
}

/// A script that can't be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFaults(pub Vec<String>);

impl fmt::Display for ScriptFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rehearsal's script has {} faults:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ScriptFaults {}

impl Default for StackScript {
    fn default() -> Self {
        StackScript {
            replicas: 2,
            redis: true,
            database: DatabaseScript::None,
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
            members: 0,
            threads: 0,
            messages_per_second: 0.0,
            pairs_per_second: 5.0,
        }
    }
}

impl Script {
    /// Reads a script, which is one for this plan.
    ///
    /// # Errors
    /// Fails with all that is wrong with it.
    pub fn read(text: &str, plan: &Plan) -> Result<Self, ScriptFaults> {
        let script: Script =
            toml::from_str(text).map_err(|error| ScriptFaults(vec![error.to_string()]))?;
        let faults = script.faults(plan);
        if faults.is_empty() { Ok(script) } else { Err(ScriptFaults(faults)) }
    }

    fn faults(&self, plan: &Plan) -> Vec<String> {
        let mut faults = Vec::new();
        if self.format != FORMAT {
            faults.push(format!("`format` is {FORMAT}"));
        }
        if !(1.0..=1000.0).contains(&self.pace) {
            faults.push("`pace` is a number from 1 to 1000".to_owned());
        }
        for (id, script) in &self.steps {
            let Some(step) = plan.all_steps().find(|step| step.id == *id) else {
                faults.push(format!("[steps.{id}]: the runbook has no such step"));
                continue;
            };
            let is_word = matches!(step.kind, Kind::SignOff | Kind::External | Kind::Decision);
            if (script.check.is_some() || script.say.is_some()) && !is_word {
                faults.push(format!("[steps.{id}]: nobody vouches for a step of its kind"));
            }
            if script.act.is_some() && step.kind != Kind::External {
                faults.push(format!("[steps.{id}]: `do` is for steps of the kind `external`"));
            }
        }
        let named = self.waive.keys().chain(&self.rollback_at).chain(&self.seen_by);
        for id in named {
            let is_guard = plan.guards.iter().any(|guard| guard.spec.id == *id);
            if !is_guard && !plan.all_steps().any(|step| step.id == *id) {
                faults.push(format!("`{id}` is neither a step nor a guard of the runbook"));
            }
        }
        if self.load.readers == 0 || self.load.publishers == 0 || self.load.events_per_second <= 0.0
        {
            faults
                .push("[load]: without readers, publishers and events nothing is shown".to_owned());
        }
        if self.load.members > 0 && self.load.threads == 0 {
            faults.push("[load]: `members` need `threads`".to_owned());
        }
        faults
    }

    /// Returns what stands in for a person in a step.
    pub fn step(&self, id: &str) -> StepScript {
        self.steps.get(id).cloned().unwrap_or_default()
    }
}

fn as_planned() -> f64 {
    1.0
}

fn week() -> u32 {
    7
}
