//! A stack as a deployment: what only whoever runs it can do, done by this process.
//!
//! Must not know: plans beyond a step's own name, journals, when anything is due.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use conductor::{Artefact, Pending};
use deployment::{
    Acted, External, Hands, HandsError, Instead, LedgerTotals, Pairs, Replica, SecretText, Setting,
    TrafficMove,
};
use guard::Arm;
use parking_lot::Mutex;
use runbook::PlannedStep;
use serde_json::{Value, to_value};
use tokio::time::sleep;

use super::{Act, PlaySettings, Script, people::Looks};
use crate::{
    Baseline, Difference, Load, ReplicaState, Rollout, ServerProgram, Stack, StackError,
    baseline::masked_value, compare,
};

/// The setting with which a candidate fails on purpose.
const INJECT: &str = "TIDEGATE_INJECT";

/// What the arm of the version that is there is called in a baseline.
const STABLE: &str = "stable";

/// How long replicas may take until they say that they are as well as at the beginning, and how often is
/// looked.
const SETTLED_MAX: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A stack with its load, as a run acts on it.
pub(super) struct Stage {
    stack: Stack,
    load: Load,
    script: Script,
    candidate: ServerProgram,
    /// What the candidate does wrong on purpose.
    inject: Option<String>,
    /// What ran when the rehearsal began.
    baseline: Baseline,
    run_folder: PathBuf,
    commands_in: PathBuf,
    /// What ran when the candidate was deployed last.
    deployed: Mutex<Option<Baseline>>,
}

impl Stage {
    /// Returns a stack that serves a load, as it is now.
    ///
    /// # Errors
    /// Fails where the candidate's binary can't be kept.
    pub(super) async fn new(
        stack: Stack,
        load: Load,
        settings: &PlaySettings,
    ) -> Result<Self, StackError> {
        let baseline = stack.capture().await;
        // The runbook's own programs may build it anew.
        let candidate = stack.keep(&settings.candidate)?;
        Ok(Stage {
            stack,
            load,
            script: settings.script.clone(),
            candidate,
            inject: settings.inject.clone(),
            baseline,
            run_folder: settings.folder.join("run"),
            commands_in: settings.commands_in.clone(),
            deployed: Mutex::default(),
        })
    }

    /// Returns the stack.
    pub(super) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Returns the load.
    pub(super) fn load(&self) -> &Load {
        &self.load
    }

    /// Returns what the candidate does wrong on purpose.
    pub(super) fn injected(&self) -> Option<&str> {
        self.inject.as_deref()
    }

    /// Returns what ran when the rehearsal began.
    pub(super) fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// Returns what runs of the version that was there, and in what that is not what ran at the
    /// beginning. Right after a start, or once Redis is back, a replica may say for a moment that it is
    /// degraded: that is waited for, and not for ever.
    pub(super) async fn settled(&self) -> (Baseline, Vec<Difference>) {
        let began = Instant::now();
        loop {
            let mut now = self.stack.capture().await;
            now.replicas.retain(|_, replica| replica.arm == STABLE);
            let differences = compare(&self.baseline, &now);
            let is_passing = differences.iter().any(may_pass);
            if !is_passing || began.elapsed() > SETTLED_MAX {
                return (now, differences);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Returns the folder of the run.
    pub(super) fn run_folder(&self) -> &Path {
        &self.run_folder
    }

    /// Returns the folder in which programs of the runbook run.
    pub(super) fn commands_in(&self) -> &Path {
        &self.commands_in
    }

    /// Returns what ran with the candidate, or at the beginning where it was not deployed.
    pub(super) fn rehearsed(&self) -> Baseline {
        self.deployed.lock().clone().unwrap_or_else(|| self.baseline.clone())
    }

    /// Gives the stack and the load back.
    pub(super) fn into_parts(self) -> (Stack, Load) {
        (self.stack, self.load)
    }

    /// Returns how many replicas of an arm run.
    pub(super) fn runs(&self, arm: Arm) -> usize {
        let running = |replica: &&crate::Replica| replica.state() == ReplicaState::Running;
        self.stack.replicas_of(arm).filter(running).count()
    }

    async fn do_act(&self, act: &Act) -> Result<Acted, StackError> {
        match act {
            Act::DeployCandidate => {
                let rolled = self.deploy_candidate().await?;
                acted(&format!("{} replicas of the candidate are ready", rolled.len()), &rolled)
            }
            Act::EndCandidate => {
                let ended = self.stack.withdraw(Arm::Canary).await?;
                acted(&format!("{} replicas of the candidate were ended", ended.len()), &ended)
            }
            Act::Promote => {
                let rollout =
                    Rollout { program: Some(self.candidate.clone()), ..Rollout::default() };
                let rolled = self.stack.roll_out(Arm::Stable, &rollout).await?;
                self.promoted().await;
                acted(&format!("{} replicas have the candidate's version", rolled.len()), &rolled)
            }
            Act::Redeploy => {
                let program = Some(self.stack.stable().clone());
                let rollout = Rollout { program, ..Rollout::default() };
                let rolled = self.stack.roll_out(Arm::Stable, &rollout).await?;
                acted(&format!("{} replicas were started anew", rolled.len()), &rolled)
            }
            Act::Set(name, value) => self.set(&[Arm::Stable, Arm::Canary], name, value).await,
            Act::SetCandidate(name, value) => self.set(&[Arm::Canary], name, value).await,
            Act::Fail(why) => Err(StackError::Settings(why.clone())),
            Act::Withdraw => acted("The canary is out of the traffic", &()),
        }
    }

    /// Starts the candidate's replicas, without traffic.
    pub(super) async fn deploy_candidate(&self) -> Result<Vec<crate::Rolled>, StackError> {
        let set = self.inject.iter().map(|it| (INJECT.to_owned(), it.clone())).collect();
        let program = Some(self.candidate.clone());
        let rollout = Rollout { program, set, unset: Vec::new() };
        let rolled = self.stack.roll_out(Arm::Canary, &rollout).await?;
        *self.deployed.lock() = Some(self.stack.capture().await);
        Ok(rolled)
    }

    /// Starts those of these arms anew that run, with a setting.
    async fn set(&self, arms: &[Arm], name: &str, value: &str) -> Result<Acted, StackError> {
        let set = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let rollout = Rollout { set, ..Rollout::default() };
        let mut rolled = Vec::new();
        for arm in arms.iter().filter(|arm| self.runs(**arm) > 0) {
            rolled.extend(self.stack.roll_out(*arm, &rollout).await?);
        }
        if rolled.is_empty() {
            return Err(StackError::NoSuch("candidate to be given a setting".to_owned()));
        }
        let (count, value) = (rolled.len(), masked_value(name, value));
        acted(&format!("{count} replicas were started anew with {name}={value}"), &rolled)
    }

    /// Does what a step says, and looks whether it is so.
    async fn act_and_look(&self, step: &PlannedStep) -> Result<Acted, HandsError> {
        let script = self.script.step(&step.id);
        let act = script
            .act
            .ok_or_else(|| HandsError::new("the rehearsal's script does nothing in this step"))?;
        let mut acted = self.do_act(&act).await.map_err(|error| failed(&error))?;
        for check in &script.check {
            match self.look(check, &step.id).await {
                Ok(found) => acted.text.push_str(&format!(" Seen: {found}.")),
                Err(why) => {
                    let text = format!("{} But: {why}", acted.text);
                    return Err(HandsError { text, artefacts: acted.artefacts });
                }
            }
        }
        Ok(acted)
    }

    /// Gives every replica settings. Where one does not start with them, all are as they were.
    async fn apply_or_restore(&self, rollout: &Rollout) -> Result<Vec<crate::Rolled>, HandsError> {
        let first = self.stack.replicas_of(Arm::Stable).next();
        let before = first.map(crate::Replica::settings).unwrap_or_default();
        let error = match self.stack.roll_out(Arm::Stable, rollout).await {
            Ok(rolled) => return Ok(rolled),
            Err(error) => failed(&error).text,
        };
        let unset = rollout.set.keys().filter(|name| !before.contains_key(*name)).cloned();
        let unset = unset.collect();
        let back = Rollout { program: None, set: before, unset };
        Err(HandsError::new(match self.stack.roll_out(Arm::Stable, &back).await {
            Ok(_) => format!("{error}; every replica was started anew as it was"),
            Err(worse) => format!("{error}; and going back: {}", failed(&worse).text),
        }))
    }

    /// Remembers what runs where the candidate had no replicas of its own before.
    async fn promoted(&self) {
        let now = self.stack.capture().await;
        self.deployed.lock().get_or_insert(now);
    }

    fn script_of(&self, step: &PlannedStep) -> Option<Act> {
        self.script.step(&step.id).act
    }
}

/// Returns whether a difference may be one for a moment: how something is, or that it does not answer.
/// What it is does not come back by itself.
fn may_pass(difference: &Difference) -> bool {
    let what = difference.what.as_str();
    let is_mood = what.ends_with(".status") || what.ends_with(".state");
    is_mood || (!difference.before.is_null() && difference.after.is_null())
}

fn acted(text: &str, left: &impl serde::Serialize) -> Result<Acted, StackError> {
    let bytes = serde_json::to_vec_pretty(left).unwrap_or_default();
    let artefact = Artefact { name: "replicas.json".to_owned(), bytes };
    Ok(Acted { text: format!("{text}."), artefacts: vec![artefact] })
}

fn failed(error: &StackError) -> HandsError {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    HandsError::new(text)
}

impl Hands for Stage {
    fn replicas(&self) -> Vec<Replica> {
        let deployed = self.stack.replicas().iter().filter(|replica| {
            replica.digest().is_some() && replica.state() != ReplicaState::Stopped
        });
        let replicas = deployed.map(|replica| Replica {
            name: replica.name().to_owned(),
            arm: replica.arm(),
            url: format!("http://{}", replica.address()),
        });
        replicas.collect()
    }

    fn settings(&self) -> Pending<'_, Result<BTreeMap<String, SecretText>, HandsError>> {
        let stable = self.stack.replicas_of(Arm::Stable).next();
        let settings = stable.map(crate::Replica::settings).unwrap_or_default();
        let settings = settings.into_iter().map(|(name, value)| {
            let text = if name == "TIDEGATE_KEYS" || name.ends_with("PASS") {
                SecretText::secret(&name, value)
            } else {
                SecretText::plain(value)
            };
            (name, text)
        });
        Box::pin(std::future::ready(Ok(settings.collect())))
    }

    fn apply<'a>(&'a self, settings: &'a [Setting]) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(async move {
            let set = settings.iter().map(|it| (it.name.clone(), it.value.expose().to_owned()));
            let rollout = Rollout { set: set.collect(), ..Rollout::default() };
            let mut rolled = self.apply_or_restore(&rollout).await?;
            if self.runs(Arm::Canary) > 0 {
                let more = self.stack.roll_out(Arm::Canary, &rollout).await;
                rolled.extend(more.map_err(|error| failed(&error))?);
            }
            let text = format!("{} replicas were started anew, one by one", rolled.len());
            acted(&text, &rolled).map_err(|error| failed(&error))
        })
    }

    fn external(&self, step: &PlannedStep) -> Option<External> {
        Some(match self.script_of(step)? {
            Act::Withdraw => External { traffic: Some(TrafficMove::Withdraw), acts: false },
            _ => External { traffic: None, acts: true },
        })
    }

    fn act<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(self.act_and_look(step))
    }

    fn instead(&self, step: &PlannedStep) -> Option<Instead> {
        let script = self.script.step(&step.id);
        let why = script.why.unwrap_or_default();
        match (script.instead, script.act) {
            (Some(commands), _) => Some(Instead::Commands(commands, why)),
            (None, Some(_)) => Some(Instead::Act(why)),
            (None, None) => None,
        }
    }

    fn is_done<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<bool, HandsError>> {
        let is_done = match self.script_of(step) {
            Some(Act::DeployCandidate) => Ok(self.runs(Arm::Canary) > 0),
            Some(Act::EndCandidate) => Ok(self.runs(Arm::Canary) == 0),
            // Each can be done again and comes to the same.
            Some(
                Act::Promote | Act::Redeploy | Act::Set(..) | Act::SetCandidate(..) | Act::Fail(_),
            ) => Ok(false),
            Some(Act::Withdraw) | None => Err(HandsError::new("the rehearsal can't tell")),
        };
        Box::pin(std::future::ready(is_done))
    }

    fn goodbye(&self, arm: Arm) -> Pending<'_, Result<(), HandsError>> {
        // A replica that is told to end sends its clients away, each at a moment of its own.
        Box::pin(async move {
            self.stack.goodbye(arm).await;
            Ok(())
        })
    }

    fn restarts(&self) -> Pending<'_, Result<Option<u64>, HandsError>> {
        let count = self.stack.restarts(Arm::Stable) + self.stack.restarts(Arm::Canary);
        Box::pin(std::future::ready(Ok(Some(count))))
    }

    fn ledger(&self) -> Pending<'_, Result<Option<LedgerTotals>, HandsError>> {
        let ledger = self.load.ledger();
        let totals = LedgerTotals {
            checked: ledger.checked,
            lost: ledger.lost,
            repeated: ledger.repeated,
            reordered: ledger.reordered,
            altered: ledger.altered + ledger.nonsense,
            effects: ledger.double_effects,
        };
        Box::pin(std::future::ready(Ok(Some(totals))))
    }

    fn pairs(&self) -> Pending<'_, Result<Option<Pairs>, HandsError>> {
        let pairs = self.load.pairs().into_iter().map(|pair| (pair.canary_ms, pair.stable_ms));
        Box::pin(std::future::ready(Ok(Some(pairs.collect()))))
    }

    fn describe(&self) -> Pending<'_, Result<BTreeMap<String, Value>, HandsError>> {
        Box::pin(async move {
            let mut baseline = self.stack.capture().await;
            // The candidate comes and goes; what is compared is what was there.
            baseline.replicas.retain(|_, replica| replica.arm == "stable");
            let value = to_value(&baseline).map_err(|error| HandsError::new(error.to_string()))?;
            let Value::Object(fields) = value else {
                return Err(HandsError::new("what runs is no object"));
            };
            Ok(fields.into_iter().collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_waited_for() {
        let null = Value::Null;
        for (what, before, after, is_waited_for) in [
            ("replicas.stable-1.realtime.status", "healthy".into(), "degraded".into(), true),
            ("replicas.stable-1.state", "running".into(), "starting".into(), true),
            ("replicas.stable-1.version", "1".into(), null.clone(), true),
            ("redis_version", "7".into(), null.clone(), true),
            ("replicas.stable-1.binary", "a".into(), "b".into(), false),
            ("replicas.stable-1.settings.A", null, "b".into(), false),
        ] {
            let difference = Difference { what: what.to_owned(), before, after };
            assert_eq!(may_pass(&difference), is_waited_for, "{what}");
        }
    }
}
