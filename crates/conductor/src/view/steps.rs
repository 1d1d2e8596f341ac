//! The list of steps, of which those around the current one are shown first.

use jiff::Timestamp;

use super::{
    cell::{Line, Tone, padded, seen, width},
    head,
    screen::{Rows, rank},
};
use crate::{Live, LiveStep, shown};

/// The longest name that gets a column of its own.
const ID_COLUMNS_MAX: usize = 12;

/// Returns whether a step is under way, or nobody knows what came of it.
pub(super) fn is_open(step: &LiveStep) -> bool {
    matches!(step.status.as_deref(), Some("open" | "unknown" | "took-effect"))
}

fn is_over(step: &LiveStep) -> bool {
    matches!(step.status.as_deref(), Some("done" | "waived"))
}

/// Returns the title of the list: how many are behind.
pub(super) fn title(live: &Live) -> String {
    let over = live.steps.iter().filter(|step| is_over(step)).count();
    format!("steps, {over} of {} ended", live.steps.len())
}

/// Returns the place of the step that matters now, by index.
fn current(live: &Live) -> usize {
    let steps = || live.steps.iter();
    let next = || {
        let next = live.next.as_ref()?;
        steps().position(|step| step.id == next.step)
    };
    let last = || {
        let begun = live.steps.iter().enumerate().filter(|(_, step)| step.begun_at.is_some());
        begun.max_by_key(|(_, step)| step.begun_at).map(|(at, _)| at)
    };
    let at = match head::has_ended(live) {
        true => last(),
        false => steps().position(is_open).or_else(next).or_else(last),
    };
    at.unwrap_or(0)
}

pub(super) fn steps(rows: &mut Rows, live: &Live, now: Timestamp) {
    let current = current(live);
    let ids = live.steps.iter().map(|step| width(&seen(&step.id)));
    let id_columns = ids.max().unwrap_or(0).min(ID_COLUMNS_MAX);
    for (at, step) in live.steps.iter().enumerate() {
        let distance = at.abs_diff(current);
        let rank_here = if distance == 0 { rank::CURRENT } else { rank::STEP + distance };
        let (tone, mark) = mark(step);
        let text_tone = match (distance, is_over(step)) {
            (0, _) => Tone::Strong,
            (_, true) => Tone::Plain,
            (_, false) => Tone::Faint,
        };
        let line = Line::of(tone, format_args!("{mark} "))
            .and(text_tone, format_args!("{}  ", padded(&seen(&step.id), id_columns)))
            .and(text_tone, &step.text);
        let (tone, when) = when(step, now);
        rows.add(rank_here, line.right(tone, when));
        let is_bad = step.verdict.is_some_and(|verdict| !verdict.is_pass());
        if let Some(said) = step.said.as_ref().filter(|_| distance == 0 || is_bad) {
            let line = Line::of(Tone::Faint, format_args!("  └ {said}"));
            rows.add(rank::DETAIL.min(rank_here + 4), line);
        }
    }
}

/// Returns the mark before a step.
fn mark(step: &LiveStep) -> (Tone, char) {
    match (step.status.as_deref(), step.verdict) {
        (Some("open"), _) => (Tone::Active, '▶'),
        (Some("unknown" | "took-effect"), _) => (Tone::Warning, '?'),
        (Some("waived"), _) => (Tone::Warning, '○'),
        (Some("no-effect"), _) => (Tone::Faint, '·'),
        (Some("done"), Some(verdict)) if verdict.is_pass() => (Tone::Good, '✔'),
        (Some("done"), Some(verdict)) => (Tone::of(verdict), '✘'),
        _ => (Tone::Plain, ' '),
    }
}

/// Returns what stands at the right end: for how long it is under way, how it ended, or when it is due.
fn when(step: &LiveStep, now: Timestamp) -> (Tone, String) {
    let took = || match (step.begun_at, step.ended_at) {
        (Some(begun), Some(ended)) if ended >= begun => {
            format!(" {}", shown::between(begun, ended))
        }
        _ => String::new(),
    };
    match (step.status.as_deref(), step.verdict, step.due) {
        (Some("open"), ..) => {
            let since = step.begun_at.map(|begun| shown::between(begun, now));
            (Tone::Active, since.unwrap_or_else(|| "now".to_owned()))
        }
        (Some("unknown"), ..) => (Tone::Warning, "unknown".to_owned()),
        (Some("took-effect"), ..) => (Tone::Warning, "not judged".to_owned()),
        (Some("waived"), ..) => (Tone::Warning, "waived".to_owned()),
        (Some("no-effect"), ..) => (Tone::Faint, "had no effect".to_owned()),
        (Some("done"), Some(verdict), _) => (Tone::of(verdict), format!("{verdict}{}", took())),
        (_, _, Some(due)) if due < now => (Tone::Warning, format!("due {}", shown::clock(due))),
        (_, _, Some(due)) => (Tone::Faint, shown::clock(due)),
        _ => (Tone::Faint, String::new()),
    }
}
