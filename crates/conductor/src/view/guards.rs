//! Guards with their distance to the bound, and the traffic by arm.

use super::{
    cell::{Line, Tone, bar, padded, seen, width},
    head::NARROW,
    screen::{Rows, rank},
};
use crate::{Live, LiveGuard, shown};

/// The longest name that gets a column of its own.
const ID_COLUMNS_MAX: usize = 14;

fn bar_columns(columns: usize) -> usize {
    if columns < NARROW { 6 } else { 12 }
}

pub(super) fn guards(rows: &mut Rows, live: &Live, columns: usize) {
    let ids = live.guards.iter().map(|guard| width(&seen(&guard.id)));
    let id_columns = ids.max().unwrap_or(0).min(ID_COLUMNS_MAX);
    for guard in &live.guards {
        let is_bad = guard.verdict.is_some_and(|verdict| Tone::of(verdict) == Tone::Bad);
        let rank_here = match (is_bad, guard.is_armed) {
            (true, _) => rank::WRONG,
            (false, true) => rank::GUARD,
            (false, false) => rank::DETAIL,
        };
        let tone = guard.verdict.map_or(Tone::Faint, Tone::of);
        let text_tone = if guard.is_armed { Tone::Plain } else { Tone::Faint };
        let line = Line::of(text_tone, padded(&seen(&guard.id), id_columns))
            .and(Tone::Plain, " ")
            .and(tone, bar(share_of_bound(guard), bar_columns(columns)))
            .and(text_tone, format_args!(" {}", numbers(guard)));
        let word = match (guard.verdict, guard.is_armed) {
            (_, false) => "not armed".to_owned(),
            (None, true) => "no look yet".to_owned(),
            (Some(verdict), true) => verdict.to_string(),
        };
        rows.add(rank_here, line.right(tone, word));
        if guard.verdict.is_some_and(|verdict| !verdict.is_pass()) {
            let rank_here = if is_bad { rank::NEXT } else { rank::DETAIL };
            let text = format!("  └ {}", guard.sentence);
            rows.add(rank_here, Line::of(Tone::Faint, text));
        }
    }
}

/// Returns how much of the way to its bound a guard has gone; all of it is a failure.
pub(super) fn share_of_bound(guard: &LiveGuard) -> f64 {
    let (part, whole) = match guard.margin {
        Some(_) => (guard.bound, guard.margin),
        None => (guard.value, guard.bound),
    };
    match (part, whole) {
        (Some(part), Some(whole)) if whole > 0.0 => part / whole,
        // Where not one may be, one is all.
        (Some(part), Some(_)) if part > 0.0 => 1.0,
        _ => 0.0,
    }
}

/// Returns the numbers of a guard: what was measured, of how much, beside what.
pub(super) fn numbers(guard: &LiveGuard) -> String {
    let told = |value: Option<f64>| value.map(shown::number);
    let mut parts: Vec<String> = Vec::new();
    match (told(guard.value), told(guard.bound), told(guard.margin)) {
        (Some(value), bound, Some(margin)) => {
            let ratio = bound.map(|bound| format!(", at most {bound} times of {margin}"));
            parts.push(value + &ratio.unwrap_or_default());
        }
        (Some(value), Some(bound), None) => parts.push(format!("{value} of {bound}")),
        (Some(value), None, None) => parts.push(value),
        (None, Some(bound), None) => parts.push(format!("– of {bound}")),
        (None, ..) => parts.push("–".to_owned()),
    }
    parts.extend(told(guard.baseline).map(|baseline| format!(", stable {baseline}")));
    parts.push(format!(", n {}", shown::number(guard.n)));
    if !guard.unit.is_empty() {
        parts.push(format!(" ({})", guard.unit));
    }
    parts.concat()
}

/// Adds the canary's share and the open connections of both arms.
pub(super) fn traffic(rows: &mut Rows, live: &Live, columns: usize) {
    let Some(share) = &live.traffic else { return };
    let percent = shown::number(share.canary_percent);
    let line = Line::of(Tone::Faint, "canary ")
        .and(Tone::Active, bar(share.canary_percent / 100.0, bar_columns(columns)))
        .and(Tone::Plain, format_args!(" {percent} %"))
        .and(Tone::Plain, format_args!(", {} open", share.canary_open))
        .and(Tone::Faint, format_args!("; stable {} open", share.stable_open));
    rows.add(rank::TRAFFIC, line);
}
