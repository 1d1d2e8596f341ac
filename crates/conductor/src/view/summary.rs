//! A run in a few lines, for whoever asks once.

use super::{
    cell::seen,
    guards, head,
    steps::{self, is_open},
};
use crate::{Live, shown};

/// What both clocks show where nobody reads them.
pub(super) const UNMEASURED: &str = "not measured, since no router is known";

/// Returns what a run does, in a few lines.
pub fn summary(live: &Live) -> Vec<String> {
    let mut lines = vec![
        format!("{} · {} · {}", live.runbook, live.mode, live.run),
        format!("phase: {}", head::phase(live).1),
    ];
    lines.extend(live.why.iter().map(|why| format!("why: {why}")));
    lines.push(format!("now: {}", live.now));
    lines.extend(head::next(live, live.at).map(|next| format!("next: {next}")));
    if let Some(t0) = live.t0 {
        lines.push(format!("T0: {}", shown::second(t0)));
    }
    if !live.pace.is_as_planned() {
        let times = shown::number(live.pace.times());
        lines.push(format!("pace: waiting times pass {times} times as fast"));
    }
    for wait in &live.waiting {
        let about = wait.about.as_ref().map(|about| format!(" of {about}")).unwrap_or_default();
        lines.push(format!("waits for {}{about} by {}", wait.choice, wait.who.join(", ")));
        lines.push(format!("    {}", wait.command));
        let others = wait.others.iter();
        lines.extend(others.map(|it| format!("    or {}: {}", it.choice, it.command)));
    }
    lines.push(steps::title(live));
    lines.extend(live.steps.iter().filter(|step| is_open(step)).map(|step| {
        let status = step.status.as_deref().unwrap_or_default();
        format!("    {} ({status}): {}", step.id, step.text)
    }));
    for guard in live.guards.iter().filter(|guard| guard.is_armed) {
        let verdict = guard.verdict.map_or("no look yet".to_owned(), |it| it.to_string());
        lines.push(format!("guard {}: {verdict}, {}", guard.id, guards::numbers(guard)));
    }
    if let Some(share) = &live.traffic {
        let percent = shown::number(share.canary_percent);
        let (canary, stable) = (share.canary_open, share.stable_open);
        lines.push(format!("canary: {percent} %, {canary} open; stable: {stable} open"));
    }
    lines.extend(clocks(live));
    lines.extend(live.troubles.iter().map(|trouble| format!("trouble: {trouble}")));
    lines.push(format!("written at {} by pid {}", shown::second(live.at), live.pid));
    lines.iter().map(seen).collect()
}

/// Returns both clocks of the way back.
pub(super) fn clocks(live: &Live) -> Option<String> {
    let clocks = live.clocks.as_ref()?;
    let told = |ms: Option<u64>| ms.map_or("not yet".to_owned(), shown::of_ms);
    let promised = clocks.promised_ms.map(|ms| format!(", promised {}", shown::of_ms(ms)));
    let promised = promised.unwrap_or_default();
    if are_unmeasured(live) {
        return Some(format!("clocks: {UNMEASURED}{promised}"));
    }
    let (new, old) = (told(clocks.new_traffic_ms), told(clocks.residual_ms));
    Some(format!("clocks: new traffic {new}, residual connections {old}{promised}"))
}

/// Returns whether there is nothing that could tell when the canary had no traffic.
pub(super) fn are_unmeasured(live: &Live) -> bool {
    let clocks = live.clocks.as_ref();
    let is_read = clocks.is_some_and(|it| it.new_traffic_ms.or(it.residual_ms).is_some());
    live.traffic.is_none() && !is_read
}
