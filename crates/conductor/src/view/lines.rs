//! What changed since the last look, a line each, for logs and where there is no terminal.

use jiff::Timestamp;

use super::{cell::seen, guards, head, summary};
use crate::{Live, LiveGuard, LiveStep, shown};

/// Returns a line for each change, with its time in UTC; none where nothing changed.
pub fn lines(before: Option<&Live>, after: &Live) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |at: Timestamp, text: String| out.push((at, text));
    if before.is_none() {
        let (runbook, mode, run) = (&after.runbook, &after.mode, &after.run);
        say(after.begun_at, format!("run {run} of {runbook:?}, {mode}"));
    }
    for step in &after.steps {
        let earlier = before.and_then(|live| live.steps.iter().find(|it| it.id == step.id));
        for (at, text) in of_step(earlier, step, after.at) {
            say(at, text);
        }
    }
    for guard in &after.guards {
        let earlier = before.and_then(|live| live.guards.iter().find(|it| it.id == guard.id));
        if let Some(text) = of_guard(earlier, guard) {
            say(after.at, text);
        }
    }
    let phase = |live: &Live| (live.phase, live.why.clone());
    if before.map(phase) != Some(phase(after)) {
        let why = after.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        say(after.at, format!("phase {}{why}", head::phase(after).1));
    }
    let has = |wait| before.is_some_and(|live| live.waiting.contains(wait));
    for wait in after.waiting.iter().filter(|wait| !has(wait)) {
        let about = wait.about.as_ref().map(|about| format!(" of {about}")).unwrap_or_default();
        let (choice, who, command) = (&wait.choice, wait.who.join(", "), &wait.command);
        say(after.at, format!("waits for {choice}{about} by {who}: {command}"));
        for other in &wait.others {
            say(after.at, format!("    or {}: {}", other.choice, other.command));
        }
    }
    let stopped = |live: &Live| live.clocks.map(|it| (it.new_traffic_ms, it.residual_ms));
    if before.and_then(stopped) != stopped(after)
        && let Some(clocks) = summary::clocks(after)
    {
        say(after.at, clocks);
    }
    let is_known = |trouble| before.is_some_and(|live| live.troubles.contains(trouble));
    for trouble in after.troubles.iter().filter(|trouble| !is_known(trouble)) {
        say(after.at, format!("trouble: {trouble}"));
    }
    // What happened first stands first; of what happened at one time, the order is kept.
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(at, text)| seen(format_args!("{} {text}", shown::second(at)))).collect()
}

/// Returns what became of a step: it may have begun and ended between two looks.
fn of_step(
    before: Option<&LiveStep>,
    after: &LiveStep,
    now: Timestamp,
) -> Vec<(Timestamp, String)> {
    let mut out = Vec::new();
    let id = &after.id;
    if let Some(begun) =
        after.begun_at.filter(|_| before.and_then(|it| it.begun_at) != after.begun_at)
    {
        out.push((begun, format!("step {id} begins: {}", after.text)));
    }
    let ended = |step: &LiveStep| (step.status.clone(), step.verdict, step.ended_at);
    let has_changed = before.map(ended).unwrap_or_default() != ended(after);
    let said = after.said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
    match (after.status.as_deref(), after.verdict) {
        (Some("done"), Some(verdict)) if has_changed => {
            out.push((after.ended_at.unwrap_or(now), format!("step {id} {verdict}{said}")));
        }
        (Some(status @ ("unknown" | "took-effect" | "no-effect" | "waived")), _) if has_changed => {
            out.push((now, format!("step {id} {}{said}", status.replace('-', " "))));
        }
        _ => {}
    }
    out
}

fn of_guard(before: Option<&LiveGuard>, after: &LiveGuard) -> Option<String> {
    let (id, was_armed) = (&after.id, before.is_some_and(|guard| guard.is_armed));
    let verdict = after.verdict.filter(|_| before.and_then(|it| it.verdict) != after.verdict);
    match verdict {
        Some(verdict) => {
            let numbers = guards::numbers(after);
            Some(format!("guard {id} {verdict}: {} ({numbers})", after.sentence))
        }
        None if after.is_armed && !was_armed => Some(format!("guard {id} is armed")),
        None => None,
    }
}
