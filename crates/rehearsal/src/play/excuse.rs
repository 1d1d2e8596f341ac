//! What clients may have seen of what was made wrong on purpose. One place, for whoever vouches for the
//! ledgers while it goes on and for who judges in the end. Pure.
//!
//! Only what the canary can have done is excused: what came, or did not, over a stream of its, which there
//! is from its start to its last connection alone, and requests that it answered. It is never silently
//! so: what is excused is counted, and told as that.

use crate::{Ledger, Shortfall, Verdict};

use super::inject::{Kind, kinds};

/// How many readers are named that lack something.
const NAMED_MAX: usize = 5;

/// What is left of a verdict where something was made wrong on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// What nobody made on purpose.
    pub(super) reasons: Vec<String>,
    /// What the candidate was told to do, each with how often it was seen.
    pub(super) excused: Vec<String>,
}

/// Returns what of a verdict nobody made on purpose, and what the candidate was told to do wrong.
pub(super) fn judge(verdict: &Verdict, injected: Option<&str>) -> Left {
    let injected = injected.unwrap_or_default();
    let (mut ledger, mut excused) = (verdict.ledger.clone(), Vec::new());
    let of = ledger.on_canary;
    for kind in kinds(injected) {
        let (count, most, what) = match kind {
            Kind::Lose => (&mut ledger.lost, of.lost, "lost"),
            Kind::Repeat => (&mut ledger.repeated, of.repeated, "repeated"),
            Kind::Reorder => (&mut ledger.reordered, of.reordered, "out of order"),
            Kind::Idempotency => {
                (&mut ledger.double_effects, of.double_effects, "with two effects")
            }
            Kind::Errors | Kind::Latency | Kind::Disconnects | Kind::Crash => continue,
        };
        let most = most.min(*count);
        *count -= most;
        if most > 0 {
            excused.push(format!("{most} {what} on the canary, which was told to ({injected})"));
        }
    }
    let is_lost_on_purpose = kinds(injected).any(|kind| kind == Kind::Lose);
    let is_open = |it: &&Shortfall| !is_lost_on_purpose || it.lacks > it.told + it.on_canary;
    let shortfalls: Vec<_> = verdict.shortfalls.iter().filter(is_open).cloned().collect();
    let told_missing = ledger.told_missing;
    let Verdict { chat, waited_ms, .. } = verdict.clone();
    let mut reasons = Verdict::of(ledger, shortfalls, chat, waited_ms).reasons;
    if told_missing > 0 {
        reasons.push(format!("{told_missing} events lay in gaps that clients were told of"));
    }
    Left { reasons, excused }
}

/// Says in one sentence what readers saw, for whoever vouches for the ledgers.
pub(super) fn seen(verdict: &Verdict, left: &Left) -> String {
    let mut text = format!("{} deliveries were checked", verdict.ledger.checked);
    if !verdict.ledger.gaps.is_empty() {
        text.push_str(&format!(", {}", gaps(&verdict.ledger)));
    }
    if !left.excused.is_empty() {
        text.push_str(&format!("; NOT whole, but on purpose: {}", left.excused.join(", ")));
    }
    text
}

/// Says in lines what readers saw in the end, and who lacks what.
pub(super) fn lines(verdict: &Verdict, left: &Left) -> Vec<String> {
    let ledger = &verdict.ledger;
    let mut lines = vec![
        format!(
            "{} deliveries checked, {} lost, {} repeated, {} out of order, {} altered, {} with two \
             effects",
            ledger.checked,
            ledger.lost,
            ledger.repeated,
            ledger.reordered,
            ledger.altered,
            ledger.double_effects
        ),
        gaps(ledger),
    ];
    if !verdict.shortfalls.is_empty() {
        let lacks: u64 = verdict.shortfalls.iter().map(|it| it.lacks).sum();
        let named: Vec<_> = verdict.shortfalls.iter().take(NAMED_MAX).map(of_reader).collect();
        let more = verdict.shortfalls.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let (readers, named) = (verdict.shortfalls.len(), named.join(", "));
        lines.push(format!("{readers} readers lack {lacks} acknowledged events: {named}{more}"));
    }
    lines.extend(left.excused.iter().map(|it| format!("excused, since on purpose: {it}")));
    lines
}

fn of_reader(it: &Shortfall) -> String {
    format!("{} lacks {}, {} of them in gaps", it.reader, it.lacks, it.told)
}

/// Says which gaps readers were told of.
fn gaps(ledger: &Ledger) -> String {
    if ledger.gaps.is_empty() {
        return "no gaps told".to_owned();
    }
    let each: Vec<_> = ledger.gaps.iter().map(|(why, count)| format!("{count} {why}")).collect();
    format!("gaps told: {} with {} events in them", each.join(", "), ledger.told_missing)
}

#[cfg(test)]
mod tests;
