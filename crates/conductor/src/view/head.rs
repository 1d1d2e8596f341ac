//! What stands at the top: which run it is and how far, what happens, who is waited for, both clocks.

use jiff::{SignedDuration, Timestamp};

use super::{
    cell::{Line, Tone, seen, wrapped},
    screen::{Rows, rank},
    summary::{UNMEASURED, are_unmeasured},
};
use crate::{Live, LiveClocks, Phase, shown};

/// How old what is shown may be; a run that goes on writes every second.
const OLD_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// Returns whether the run has ended.
pub(super) fn has_ended(live: &Live) -> bool {
    live.phase.is_over()
}

/// Returns a phase as it is shown, with what it means.
pub(super) fn phase(live: &Live) -> (Tone, String) {
    let tone = match live.phase {
        Phase::Go => Tone::Active,
        Phase::Kept => Tone::Good,
        Phase::Hold | Phase::RolledBack | Phase::Aborted => Tone::Warning,
        Phase::RollingBack | Phase::RollbackFailed => Tone::Bad,
        Phase::Draft | Phase::Gates => Tone::Strong,
    };
    (tone, live.phase.as_str().to_uppercase().replace('-', " "))
}

/// The width below which fewer and shorter parts are shown.
pub(super) const NARROW: usize = 60;

pub(super) fn head(rows: &mut Rows, live: &Live, now: Timestamp, columns: usize) {
    let (tone, word) = phase(live);
    let line = Line::of(tone, word).and(Tone::Plain, "  ").and(Tone::Strong, &live.runbook);
    let is_narrow = columns < NARROW;
    let time = if is_narrow { shown::clock(now) + "Z" } else { shown::second(now) };
    rows.add(rank::PHASE, line.right(Tone::Faint, time));
    rows.add(rank::RUN, Line::of(Tone::Faint, run(live, now)));
    if let Some(why) = &live.why {
        rows.add(rank::CURRENT, Line::of(tone, format_args!("why   {why}")));
    }
    let age = now.duration_since(live.at);
    if age > OLD_AFTER && !has_ended(live) {
        let (pid, age) = (live.pid, shown::length(age));
        let text = format!("the conductor (pid {pid}) last wrote {age} ago");
        for part in wrapped(&text, columns) {
            rows.add(rank::OLD, Line::of(Tone::Bad, part));
        }
    }
    rows.add(rank::NOW, Line::of(Tone::Faint, "now   ").and(Tone::Plain, &live.now));
    if let Some(text) = next(live, now) {
        rows.add(rank::NEXT, Line::of(Tone::Faint, "next  ").and(Tone::Plain, text));
    }
}

/// Returns the run's name, its mode and its times.
fn run(live: &Live, now: Timestamp) -> String {
    let mut parts = vec![live.mode.clone()];
    match live.t0 {
        Some(t0) if t0 > now => parts.push(format!("T0 in {}", shown::between(now, t0))),
        Some(t0) => parts.push(format!("T0 + {}", shown::between(t0, now))),
        None => parts.push(format!("for {}", shown::between(live.begun_at, now))),
    }
    if !live.pace.is_as_planned() {
        let times = shown::number(live.pace.times());
        parts.push(format!("waiting times pass {times} times as fast"));
    }
    parts.push(live.run.clone());
    parts.join(" · ")
}

/// Returns what comes next, and when.
pub(super) fn next(live: &Live, now: Timestamp) -> Option<String> {
    let next = live.next.as_ref()?;
    let when = match next.at {
        Some(at) if at > now => format!(" in {}", shown::between(now, at)),
        Some(at) => format!(" due since {}", shown::between(at, now)),
        None => String::new(),
    };
    // The time is of more use than the end of a long text.
    Some(format!("{}{when}: {}", next.step, next.text))
}

/// Adds who is waited for, each with the whole command that they type.
pub(super) fn waits(rows: &mut Rows, live: &Live, columns: usize) {
    for wait in &live.waiting {
        let about = wait.about.as_ref().map(|about| format!(" of {about}")).unwrap_or_default();
        let who = if wait.who.is_empty() { "anybody".to_owned() } else { wait.who.join(", ") };
        let line = Line::of(Tone::Warning, format_args!("wait  {}{about}", wait.choice));
        let line = line.and(Tone::Strong, format_args!(" by {who}"));
        rows.add(rank::NOW, line.and(Tone::Plain, format_args!(": {}", wait.text)));
        let indent = if columns < NARROW { "  " } else { "      " };
        let others = wait.others.iter().map(|it| format!("or {}: {}", it.choice, it.command));
        // A small screen has no room for them: `status` names them all.
        let others = others.filter(|_| columns >= NARROW).map(|text| (rank::OTHER, text));
        for (rank, text) in std::iter::once((rank::COMMAND, wait.command.clone())).chain(others) {
            for part in wrapped(&seen(&text), columns.saturating_sub(indent.len())) {
                rows.add(rank, Line::of(Tone::Plain, indent).and(Tone::Active, part));
            }
        }
    }
}

/// Adds both clocks of the way back beside what was promised.
pub(super) fn clocks(rows: &mut Rows, live: &Live, columns: usize) {
    let Some(clocks) = &live.clocks else { return };
    let hand = |stands: Option<u64>| match stands {
        Some(ms) => (clock_tone(clocks, ms), format!("✔ {}", shown::of_ms(ms))),
        None if live.phase == Phase::RollingBack => {
            (Tone::Active, format!("▶ {}", shown::of_ms(clocks.since_ms)))
        }
        None => (Tone::Bad, "✘ not reached".to_owned()),
    };
    let promised = clocks.promised_ms.map(|ms| format!("RTO {}", shown::of_ms(ms)));
    let promised = promised.unwrap_or_default();
    if are_unmeasured(live) {
        let line = Line::of(Tone::Faint, "clock ").and(Tone::Plain, UNMEASURED);
        rows.add(rank::CLOCKS, line.right(Tone::Faint, promised));
        return;
    }
    let ((new_tone, new), (old_tone, old)) =
        (hand(clocks.new_traffic_ms), hand(clocks.residual_ms));
    let first = Line::of(Tone::Faint, "clock ").and(Tone::Plain, "new traffic ").and(new_tone, new);
    if columns < NARROW {
        rows.add(rank::CLOCKS, first);
        let second = Line::of(Tone::Plain, "      residual ").and(old_tone, old);
        rows.add(rank::CLOCKS, second.right(Tone::Faint, promised));
    } else {
        let line = first.and(Tone::Plain, "   residual ").and(old_tone, old);
        rows.add(rank::CLOCKS, line.right(Tone::Faint, promised));
    }
}

fn clock_tone(clocks: &LiveClocks, ms: u64) -> Tone {
    match clocks.promised_ms {
        Some(promised) if ms > promised => Tone::Bad,
        _ => Tone::Good,
    }
}
