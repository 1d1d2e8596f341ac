//! When a rehearsal has passed: where the run ended as it was meant to, the new version really had
//! traffic, what it did wrong was seen by the guard that is there for it, clients lost nothing but what it
//! was told to lose, and both clocks stood still in time. Pure.

use std::time::Duration;

use conductor::{Event, Onlooker, Phase, Status};
use evidence::Hash;
use guard::Verdict as Judged;
use serde::Deserialize;

use super::{Act, Ends, PlaySettings, breaking::Broken, excuse, vouch};
use crate::{Baseline, Difference, Verdict};

/// How long it may take, from the decision, until no new traffic reaches the canary.
const NEW_TRAFFIC_MAX: Duration = Duration::from_secs(1);

/// How much longer than the drain it may take until nothing is left on it.
const RESIDUAL_EXTRA: Duration = Duration::from_secs(2);

/// The artefact of a withdrawal.
const WITHDRAWAL: &str = "withdrawal.json";

/// Everything that is judged.
pub(super) struct Account<'a> {
    pub(super) settings: &'a PlaySettings,
    pub(super) phase: Phase,
    /// Why it was stopped before its end.
    pub(super) stopped: Option<&'a str>,
    /// What was broken around the replicas.
    pub(super) broken: Option<&'a Broken>,
    pub(super) load: &'a Verdict,
    pub(super) differences: &'a [Difference],
    pub(super) run: &'a Onlooker,
    /// What runs in the end of the version that was there.
    pub(super) stable: &'a Baseline,
    /// The candidate's.
    pub(super) binary: Hash,
}

/// What a withdrawal says of its clocks.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Clocks {
    new_traffic_ms: Option<u64>,
    residual_ms: Option<u64>,
}

/// Returns why a rehearsal did not pass; nothing where it did.
pub(super) fn reasons(account: &Account<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    let script = &account.settings.script;
    if let Some(why) = account.stopped {
        reasons.push(why.to_owned());
        reasons.extend(of_clients(account));
        return reasons;
    }
    reasons.extend(account.broken.and_then(Broken::never_came));
    let wanted = match script.ends {
        Ends::Kept => Phase::Kept,
        Ends::RolledBack => Phase::RolledBack,
    };
    if account.phase != wanted {
        let (ended, wanted) = (account.phase.as_str(), wanted.as_str());
        reasons.push(format!("the run ended {ended}, and {wanted} was meant"));
    }
    reasons.extend(too_early(account));
    reasons.extend(of_clients(account));
    reasons.extend(of_the_candidate(account));
    if wanted == Phase::RolledBack {
        let changed = account.differences.iter().map(|it| format!("not as it was: {it}"));
        reasons.extend(changed);
        reasons.extend(of_clocks(account));
    }
    reasons.extend(of_guards(account));
    let injected = account.settings.inject.as_deref();
    reasons.extend(vouch::unnoticed(injected, &vouch::failed_guards(account.run)));
    let closing = account.run.plan.closing.iter().filter(|step| step.carried_out);
    let open = closing.filter(|step| !account.run.state.has_passed(&step.id));
    reasons.extend(open.map(|step| format!("{} did not pass", step.id)));
    reasons
}

/// Where nothing is wrong, the run goes as far as the word at which it is sent back.
fn too_early(account: &Account<'_>) -> Option<String> {
    let step = account.settings.script.rollback_at.as_ref()?;
    let is_wrong = account.settings.inject.is_some() || account.broken.is_some();
    let was_asked = account.run.state.status(step).is_some();
    (!is_wrong && !was_asked).then(|| format!("the run went back before {step}"))
}

/// Clients had everything once and in order, but for what the candidate was told to do wrong.
fn of_clients(account: &Account<'_>) -> Vec<String> {
    let ledger = &account.load.ledger;
    let injected = account.settings.inject.as_deref();
    let mut reasons = excuse::judge(account.load, injected).reasons;
    if ledger.checked == 0 {
        reasons.push("clients received nothing, so that nothing is shown".to_owned());
    }
    reasons
}

/// The new version ran, and had traffic.
fn of_the_candidate(account: &Account<'_>) -> Vec<String> {
    let (plan, script) = (&account.run.plan, &account.settings.script);
    let mut reasons = Vec::new();
    let deploys = |id: &str| script.step(id).act == Some(Act::DeployCandidate);
    for step in plan.all_steps().filter(|step| deploys(&step.id)) {
        let status = account.run.state.status(&step.id);
        if !matches!(status, Some(Status::Done(_, Judged::Pass))) {
            reasons.push(format!("{}: the candidate was not started", step.id));
        }
    }
    let gives_traffic = plan.steps.iter().any(|step| step.traffic.is_some() && step.carried_out);
    let ledger = &account.load.ledger;
    if gives_traffic && ledger.requests.canary + ledger.connects.canary == 0 {
        reasons.push("no client came to the canary, so that nothing was seen of it".to_owned());
    }
    let promotes = plan.all_steps().any(|step| script.step(&step.id).act == Some(Act::Promote));
    if script.ends == Ends::Kept && promotes {
        let others =
            account.stable.replicas.values().filter(|it| it.binary != Some(account.binary));
        let count = others.count();
        if count > 0 {
            reasons.push(format!("{count} replicas do not have the version that was to be kept"));
        }
    }
    reasons
}

/// What was made wrong on purpose was seen by the guard that is there for it.
fn of_guards(account: &Account<'_>) -> Option<String> {
    let guard = account.settings.script.seen_by.as_ref()?;
    if account.settings.inject.is_none() && account.broken.is_none() {
        return None;
    }
    let is_it = |event: &Event| match event {
        Event::Judged(judged) => judged.guard == *guard && judged.verdict == Judged::Fail,
        _ => false,
    };
    let was_seen = account.run.entries().iter().any(|entry| is_it(&entry.event));
    (!was_seen).then(|| format!("the guard {guard} did not see what was made wrong"))
}

/// Both clocks stood still in time, where a canary was withdrawn.
fn of_clocks(account: &Account<'_>) -> Vec<String> {
    let withdraws = |id: &str| account.settings.script.step(id).act == Some(Act::Withdraw);
    let mut reasons = Vec::new();
    for step in account.run.plan.all_steps().filter(|step| withdraws(&step.id)) {
        let Some(clocks) = clocks(account.run, &step.id) else {
            reasons.push(format!("{} left no account of its clocks", step.id));
            continue;
        };
        let residual_max = account.settings.drain + RESIDUAL_EXTRA;
        for (what, found, most) in [
            ("new traffic", clocks.new_traffic_ms, NEW_TRAFFIC_MAX),
            ("the last connection", clocks.residual_ms, residual_max),
        ] {
            let most = most.as_millis();
            match found {
                Some(found) if u128::from(found) <= most => {}
                Some(found) => reasons.push(format!(
                    "{what} was off the canary after {found} ms, {most} ms are allowed"
                )),
                None => reasons.push(format!("{what} was never seen to be off the canary")),
            }
        }
    }
    reasons
}

/// Returns the clocks that a step left behind last.
fn clocks(run: &Onlooker, step: &str) -> Option<Clocks> {
    let is_of = |event: &Event| matches!(event, Event::Outcome { step: of, .. } if of == step);
    let mut entries = run.entries().iter().rev().filter(|entry| is_of(&entry.event));
    let outputs = entries
        .find_map(|entry| entry.outputs.iter().find(|output| output.name == WITHDRAWAL).cloned());
    serde_json::from_slice(&run.folder.output(outputs?.sha256).ok()?).ok()
}
