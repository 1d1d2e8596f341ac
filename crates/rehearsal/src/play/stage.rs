//! A stack as a deployment: what only whoever runs it can do, done by this process.
//!
//! Must not know: plans beyond a step's own name, journals, when anything is due.

use std::{collections::BTreeMap, time::Duration};

use conductor::{Artefact, Pending};
use deployment::{
    Acted, External, Hands, HandsError, LedgerTotals, Pairs, Replica, SecretText, Setting,
    TrafficMove,
};
use guard::Arm;
use runbook::PlannedStep;
use serde_json::{Value, to_value};

use super::{Act, Check, Script, people::Looks};
use crate::{Baseline, Load, ReplicaState, Rollout, ServerProgram, Stack, StackError, compare};

/// A stack with its load, as a run acts on it.
pub(super) struct Stage {
    stack: Stack,
    load: Load,
    script: Script,
    candidate: Candidate,
    /// What ran when the rehearsal began.
    baseline: Baseline,
}

/// The new version.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Its binary.
    pub(super) program: ServerProgram,
    /// Settings of its own: what it does wrong on purpose.
    pub(super) settings: BTreeMap<String, String>,
}

impl Stage {
    /// Returns a stack that serves a load, as it is now.
    pub(super) async fn new(
        stack: Stack,
        load: Load,
        script: Script,
        candidate: Candidate,
    ) -> Self {
        let baseline = stack.capture().await;
        Stage { stack, load, script, candidate, baseline }
    }

    /// Returns the stack.
    pub(super) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Returns what ran when the rehearsal began.
    pub(super) fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// Gives the stack and the load back.
    pub(super) fn into_parts(self) -> (Stack, Load) {
        (self.stack, self.load)
    }

    async fn do_act(&self, act: Act) -> Result<Acted, StackError> {
        match act {
            Act::DeployCandidate => {
                let rollout = Rollout {
                    program: Some(self.candidate.program.clone()),
                    set: self.candidate.settings.clone(),
                    unset: Vec::new(),
                };
                let rolled = self.stack.roll_out(Arm::Canary, &rollout).await?;
                acted(&format!("{} replicas of the candidate are ready", rolled.len()), &rolled)
            }
            Act::EndCandidate => {
                let ended = self.stack.withdraw(Arm::Canary).await?;
                acted(&format!("{} replicas of the candidate were ended", ended.len()), &ended)
            }
            Act::Promote => {
                let program = Some(self.candidate.program.clone());
                let rollout = Rollout { program, ..Rollout::default() };
                let rolled = self.stack.roll_out(Arm::Stable, &rollout).await?;
                acted(&format!("{} replicas have the candidate's version", rolled.len()), &rolled)
            }
            Act::Redeploy => {
                let program = Some(self.stack.stable().clone());
                let rollout = Rollout { program, ..Rollout::default() };
                let rolled = self.stack.roll_out(Arm::Stable, &rollout).await?;
                acted(&format!("{} replicas were started anew", rolled.len()), &rolled)
            }
            Act::Withdraw => acted("The canary is out of the traffic", &()),
        }
    }

    fn runs(&self, arm: Arm) -> usize {
        let running = |replica: &&crate::Replica| replica.state() == ReplicaState::Running;
        self.stack.replicas_of(arm).filter(running).count()
    }

    fn script_of(&self, step: &PlannedStep) -> Option<Act> {
        self.script.step(&step.id).act
    }
}

fn acted(text: &str, left: &impl serde::Serialize) -> Result<Acted, StackError> {
    let bytes = serde_json::to_vec_pretty(left).unwrap_or_default();
    let artefact = Artefact { name: "replicas.json".to_owned(), bytes };
    Ok(Acted { text: format!("{text}."), artefacts: vec![artefact] })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn failed(error: StackError) -> HandsError {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
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
            let mut rolled = self.stack.roll_out(Arm::Stable, &rollout).await.map_err(failed)?;
            if self.runs(Arm::Canary) > 0 {
                rolled.extend(self.stack.roll_out(Arm::Canary, &rollout).await.map_err(failed)?);
            }
            let text = format!("{} replicas were started anew, one by one", rolled.len());
            acted(&text, &rolled).map_err(failed)
        })
    }

    fn external(&self, step: &PlannedStep) -> Option<External> {
        Some(match self.script_of(step)? {
            Act::Withdraw => External { traffic: Some(TrafficMove::Withdraw), acts: false },
            _ => External { traffic: None, acts: true },
        })
    }

    fn act<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(async move {
            match self.script_of(step) {
                Some(act) => self.do_act(act).await.map_err(failed),
                None => Err(HandsError::new("the rehearsal's script does nothing in this step")),
            }
        })
    }

    fn is_done<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<bool, HandsError>> {
        let is_done = match self.script_of(step) {
            Some(Act::DeployCandidate) => Ok(self.runs(Arm::Canary) > 0),
            Some(Act::EndCandidate) => Ok(self.runs(Arm::Canary) == 0),
            Some(Act::Promote | Act::Redeploy) => Ok(false),
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

impl Looks for Stage {
    fn look<'a>(&'a self, check: Check, _: &'a str) -> Pending<'a, Result<String, String>> {
        Box::pin(async move {
            match check {
                Check::Ready => {
                    let (running, all) = (self.runs(Arm::Stable), self.stack.layout().stable.len());
                    let text = format!("{running} of {all} stable replicas are ready");
                    if running == all { Ok(text) } else { Err(text) }
                }
                Check::Ledgers => {
                    let verdict = self.load.settle(Duration::from_secs(20)).await;
                    if verdict.passed {
                        Ok(format!("{} deliveries were checked", verdict.ledger.checked))
                    } else {
                        Err(verdict.reasons.join("; "))
                    }
                }
                Check::Baseline => {
                    let mut now = self.stack.capture().await;
                    now.replicas.retain(|_, replica| replica.arm == "stable");
                    let differences = compare(&self.baseline, &now);
                    let shown = differences.iter().map(ToString::to_string).collect::<Vec<_>>();
                    if shown.is_empty() {
                        Ok("everything runs as it did at the beginning".to_owned())
                    } else {
                        Err(shown.join("; "))
                    }
                }
                Check::Stable => {
                    let open = self.load.ledger().open;
                    let text = format!("{} streams are on the canary", open.canary);
                    if open.canary == 0 { Ok(text) } else { Err(text) }
                }
            }
        })
    }
}
