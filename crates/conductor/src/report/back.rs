//! The way back: why a run took it or was given up, the times of that, and both clocks.

use guard::Verdict;
use jiff::Timestamp;
use runbook::{Measure, Plan};
use serde::Deserialize;

use super::{
    Material,
    facts::{Facts, Turn, ending},
};
use crate::{Ending, Phase, Sample};

/// What a step of the way back leaves behind that took the canary out of the traffic.
const CLOCKS_OUTPUT: &str = "withdrawal.json";

/// When a run was sent back or given up, from the first evidence to the end.
#[derive(Clone, Debug)]
pub(super) struct WayBack {
    /// Why, in one sentence.
    pub(super) why: String,
    /// When there was the first evidence, and what it was.
    pub(super) evidence: (Timestamp, String),
    /// When it was decided.
    pub(super) decided_at: Timestamp,
    /// When the first step of the way back was begun.
    pub(super) acted_at: Option<Timestamp>,
    /// When the run ended.
    pub(super) ended_at: Option<Timestamp>,
}

/// How long it took from the decision, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Clocks {
    /// Until no new traffic reached the canary.
    pub(super) new_traffic_ms: Option<u64>,
    /// Until no connection was left on it.
    pub(super) residual_ms: Option<u64>,
    /// Connections that had to be closed.
    #[serde(default)]
    pub(super) evicted: Option<u64>,
    /// Requests that came after new traffic had been seen to stop.
    #[serde(default)]
    pub(super) came_again: Option<u64>,
}

/// A withdrawal that failed tells what it reached all the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum Withdrawal {
    Failed { reached: Clocks },
    Done(Clocks),
}

/// Returns the clocks of the last withdrawal that a step of the way back left.
pub(super) fn clocks(facts: &Facts, material: &Material<'_>) -> Option<Clocks> {
    let rollback = &material.plan.rollback;
    let steps = rollback.primary.iter().chain(&rollback.fallback);
    let attempts = steps.flat_map(|step| facts.attempts(&step.id));
    let outputs = attempts.flat_map(|attempt| &attempt.outputs);
    let mut found = outputs.filter(|output| output.name == CLOCKS_OUTPUT).filter_map(|output| {
        let bytes = material.outputs.get(&output.sha256)?;
        Some(match serde_json::from_slice(bytes).ok()? {
            Withdrawal::Failed { reached } => reached,
            Withdrawal::Done(clocks) => clocks,
        })
    });
    found.next_back()
}

/// Returns the way back of a run that took it, or that was given up.
pub(super) fn way_back(facts: &Facts, material: &Material<'_>) -> Option<WayBack> {
    let is_back = |turn: &&Turn| matches!(turn.to, Phase::RollingBack | Phase::Aborted);
    let turn = facts.turns.iter().find(is_back)?;
    let rollback = &material.plan.rollback;
    let steps = rollback.primary.iter().chain(&rollback.fallback);
    let begun = steps.flat_map(|step| facts.attempts(&step.id)).map(|attempt| attempt.begun_at);
    let said = facts.said.iter().rev().find(|said| {
        said.choice == evidence::Choice::Abort && said.at <= turn.at && turn.to == Phase::Aborted
    });
    let held = held_by(facts, turn);
    let why = match (said, held) {
        (Some(said), _) => {
            format!("{} ({}) gave it up: {}", said.people.join(" and "), said.role, said.reason)
        }
        (None, Some(held)) if turn.to == Phase::Aborted => held.why.clone(),
        _ => turn.why.clone(),
    };
    Some(WayBack {
        why,
        evidence: evidence(facts, material, turn),
        decided_at: said.map_or(turn.at, |said| said.at),
        acted_at: begun.filter(|at| *at >= turn.at).min(),
        ended_at: facts.ended.map(|(at, _)| at),
    })
}

/// Returns what had stopped the run, where it stood still before a turn.
fn held_by<'f>(facts: &'f Facts, turn: &Turn) -> Option<&'f Turn> {
    let before = facts.turns.iter().take_while(|other| !std::ptr::eq(*other, turn));
    before.last().filter(|other| other.to == Phase::Hold)
}

/// Returns when there was the first sign of what turned the run, and what that was.
fn evidence(facts: &Facts, material: &Material<'_>, turn: &Turn) -> (Timestamp, String) {
    if let Some(guard) = &turn.guard {
        return match first_beyond(material, guard, turn.at) {
            Some(at) => {
                (at, format!("the first of the looks at {guard} that were beyond its bound"))
            }
            None => (turn.at, format!("the judgement of {guard} itself")),
        };
    }
    match held_by(facts, turn) {
        Some(held) => {
            let at = held.guard.as_ref().and_then(|guard| first_beyond(material, guard, held.at));
            (at.unwrap_or(held.at), held.why.clone())
        }
        None => (turn.at, "the decision itself; nothing was recorded before it".to_owned()),
    }
}

/// Returns the first of the looks that were bad without a break until a guard failed.
fn first_beyond(material: &Material<'_>, guard: &str, until: Timestamp) -> Option<Timestamp> {
    let spec = &material.plan.guards.iter().find(|it| it.spec.id == guard)?.spec;
    let is_bad = |verdict: Verdict, value: Option<f64>, bound: Option<f64>| {
        let limit = match spec.measure {
            Measure::Errors | Measure::Disconnects => bound,
            Measure::Down | Measure::Zero | Measure::Restarts => Some(f64::MIN_POSITIVE),
            // The bound is that of a ratio, and says itself by the verdict.
            Measure::Latency => None,
        };
        let is_beyond = value.zip(limit).is_some_and(|(value, limit)| value >= limit);
        verdict == Verdict::Fail || is_beyond
    };
    let mut first = None;
    for sample in material.samples {
        match sample {
            Sample::Guard { at, guard: of, verdict, value, bound, .. }
                if of == guard && *at <= until =>
            {
                first = is_bad(*verdict, *value, *bound).then(|| first.unwrap_or(*at));
            }
            _ => {}
        }
    }
    first
}

/// Returns how a run ended and why, or how far it is, in one sentence.
pub(super) fn why(facts: &Facts, plan: &Plan) -> String {
    let back = facts.back.as_ref().map(|back| back.why.as_str());
    match facts.ended {
        None => match facts.turns.last() {
            Some(turn) if turn.to == Phase::Hold => format!("It stands still. {}", turn.why),
            Some(turn) if turn.to == Phase::RollingBack => format!("It goes back. {}", turn.why),
            _ => "It has not ended.".to_owned(),
        },
        Some((_, Ending::Kept)) => {
            let waived = plan.all_steps().filter(|step| facts.is_waived(&step.id)).count();
            let waived = match waived {
                0 => String::new(),
                1 => ", one step by a waiver".to_owned(),
                waived => format!(", {waived} steps by waivers"),
            };
            format!("What was changed is kept: every step is over{waived}.")
        }
        Some((_, Ending::RollbackFailed)) => {
            let rollback = &plan.rollback;
            let steps = rollback.primary.iter().chain(&rollback.fallback);
            let mut failed =
                steps.filter_map(|step| Some((step, facts.attempts(&step.id).last()?)));
            let failed = failed.rfind(|(_, it)| !it.verdict.is_some_and(Verdict::is_pass));
            let stuck = failed.map(|(step, attempt)| format!(" {}: {}", step.id, attempt.text));
            let (end, stuck) = (ending(Ending::RollbackFailed), stuck.unwrap_or_default());
            format!("{end}{stuck} It was sent back because: {}", back.unwrap_or("not recorded"))
        }
        Some((_, how)) => format!("{} {}", ending(how), back.unwrap_or_default()),
    }
}
