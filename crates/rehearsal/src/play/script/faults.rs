//! What is wrong with a script, of its own and against the plan that it is for.

use std::fmt;

use runbook::{Kind, Plan, PlannedStep};

use super::super::inject;
use super::{Act, Check, DatabaseScript, FORMAT, Script, StepScript};
use crate::{Fault, load::check_rate};

/// The most clients of a kind.
const CLIENTS_MAX: usize = 10_000;

/// What `inject` is where nothing fails.
const NO_FAULTS: &str = "none";

/// Why a candidate is for nothing.
const NO_CANDIDATE: &str = "nothing starts one here: no step does `deploy-candidate` or `promote`, and [stack] has no \
     `candidate = true`";

/// The most replicas of the version that is there.
const REPLICAS_MAX: usize = 8;

/// A script that can't be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFaults(pub Vec<String>);

impl fmt::Display for ScriptFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = if self.0.len() == 1 { "fault" } else { "faults" };
        write!(f, "the rehearsal's script has {} {faults}:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ScriptFaults {}

/// Returns all that is wrong with a script for this plan.
pub(super) fn of(script: &Script, plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    if script.format != FORMAT {
        faults.push(format!("`format` is {FORMAT}"));
    }
    if !(1.0..=1000.0).contains(&script.pace) {
        faults.push("`pace` is a number from 1 to 1000".to_owned());
    }
    if script.within.is_zero() {
        faults.push("`within` is more than no time".to_owned());
    }
    for (id, step) in &script.steps {
        match plan.all_steps().find(|step| step.id == *id) {
            Some(planned) => faults.extend(of_step(planned, step, plan)),
            None => faults.push(format!("[steps.{id}]: the runbook has no such step")),
        }
    }
    let broken = script.fault.iter().filter_map(|fault| fault.at.as_ref());
    let named = script.waive.keys().chain(&script.rollback_at).chain(&script.seen_by).chain(broken);
    let unknown = named.filter(|id| !is_known(plan, id));
    faults.extend(unknown.map(|id| format!("`{id}` is neither a step nor a guard of the runbook")));
    let guards = |id: &&String| plan.guards.iter().any(|guard| guard.spec.id == **id);
    let unknown = script.unseen.keys().filter(|id| !guards(id));
    faults.extend(unknown.map(|id| format!("[unseen]: the runbook has no guard `{id}`")));
    faults.extend(of_load(script));
    if script.inject.as_ref().is_some_and(|it| it != NO_FAULTS) && !script.starts_candidate(plan) {
        faults.push(format!("`inject` is for a candidate, and {NO_CANDIDATE}"));
    }
    if let Some(inject) = script.inject.as_ref().filter(|it| *it != NO_FAULTS) {
        faults.extend(inject::check(inject).err().map(|slip| format!("`inject`: {slip}")));
    }
    if let Some(fault) = &script.fault {
        faults.extend(of_fault(script, plan, &fault.what, fault.at.as_deref()));
    }
    faults
}

fn of_step(planned: &PlannedStep, step: &StepScript, plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    let mut say = |what: &str| faults.push(format!("[steps.{}]: {what}", planned.id));
    let is_word = matches!(planned.kind, Kind::SignOff | Kind::External | Kind::Decision);
    let is_looked_at = !step.check.is_empty() && step.act.is_none();
    if (is_looked_at || step.say.is_some()) && !is_word {
        say("nobody vouches for a step of its kind");
    }
    if step.act.is_some() && !matches!(planned.kind, Kind::External | Kind::Command) {
        say("`do` is for steps of the kind `external`, or in the place of commands");
    }
    if step.act == Some(Act::Withdraw) && !step.check.is_empty() {
        say("a withdrawal looks at itself; `check` is not for it");
    }
    if step.instead.is_some() && planned.kind != Kind::Command {
        say("`instead` is for steps of the kind `command`");
    }
    let is_empty = |argv: &Vec<String>| argv.first().is_none_or(String::is_empty);
    if step.instead.as_ref().is_some_and(|all| all.is_empty() || all.iter().any(is_empty)) {
        say("`instead` is a list of commands, each a list of a program and its arguments");
    }
    let replaces = step.instead.is_some() || (step.act.is_some() && planned.kind == Kind::Command);
    if replaces != step.why.as_deref().is_some_and(|why| !why.trim().is_empty()) {
        say("what stands in the place of commands needs `why`, and `why` is for nothing else");
    }
    if step.instead.is_some() && step.act.is_some() {
        say("`instead` and `do` are two things in the place of the same commands");
    }
    for name in step.check.iter().filter_map(Check::names).filter(|name| !is_known(plan, name)) {
        say(&format!("`{name}` is neither a step nor a guard of the runbook"));
    }
    faults
}

fn of_load(script: &Script) -> Vec<String> {
    let (load, mut faults) = (script.load, Vec::new());
    if load.readers == 0 || load.publishers == 0 || load.events_per_second == 0.0 {
        faults.push("[load]: without readers, publishers and events nothing is shown".to_owned());
    }
    for (name, rate) in [
        ("events_per_second", load.events_per_second),
        ("messages_per_second", load.messages_per_second),
        ("pairs_per_second", load.pairs_per_second),
    ] {
        faults.extend(check_rate(rate).err().map(|what| format!("[load]: `{name}` is {what}")));
    }
    for (name, count) in
        [("readers", load.readers), ("publishers", load.publishers), ("members", load.members)]
    {
        if count > CLIENTS_MAX {
            faults.push(format!(
                "[load]: `{name}` is {CLIENTS_MAX} at most: each has a connection of its own here"
            ));
        }
    }
    if !(1..=REPLICAS_MAX).contains(&script.stack.replicas) {
        faults.push(format!("[stack]: `replicas` is a number from 1 to {REPLICAS_MAX}"));
    }
    let payments = script.stack.chain.map_or(0.0, |chain| chain.transactions_per_second);
    let is_fault = check_rate(payments).err();
    faults.extend(is_fault.map(|it| format!("[stack.chain]: `transactions_per_second` is {it}")));
    faults.extend(load.churn.check().err().map(|fault| format!("[load]: {fault}")));
    if load.members > 0 && load.threads == 0 {
        faults.push("[load]: `members` need `threads`".to_owned());
    }
    faults
}

/// Returns why something can't be broken, or would never be.
pub(super) fn of_fault(
    script: &Script,
    plan: &Plan,
    fault: &Fault,
    at: Option<&str>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut say = |what: &str| faults.push(format!("the fault {fault}: {what}"));
    match fault {
        Fault::RedisHangs | Fault::RedisKilled | Fault::RedisCutOff | Fault::RedisSlow(_) => {
            if !script.stack.redis {
                say("there is no Redis; `redis = true` in [stack] starts one");
            }
        }
        Fault::DatabaseHangs
        | Fault::DatabaseKilled
        | Fault::DatabaseCutOff
        | Fault::DatabaseSlow(_) => {
            if script.stack.database != DatabaseScript::Server {
                say("there is no server of the database; `database = \"server\"` starts one");
            }
        }
        Fault::ReplicaKilled(name) => {
            let mut names: Vec<_> =
                (1..=script.stack.replicas).map(|it| format!("stable-{it}")).collect();
            names.push("canary-1".to_owned());
            if !names.contains(name) {
                say(&format!("there is no such replica; there are {}", names.join(", ")));
            }
        }
    }
    let gives_traffic = plan.steps.iter().any(|step| step.traffic.is_some() && step.carried_out);
    if at.is_none() && !gives_traffic {
        say("no step gives a canary traffic; `at` in [fault] names the step at which it breaks");
    }
    faults
}

fn is_known(plan: &Plan, id: &str) -> bool {
    plan.guards.iter().any(|guard| guard.spec.id == *id)
        || plan.all_steps().any(|step| step.id == *id)
}
