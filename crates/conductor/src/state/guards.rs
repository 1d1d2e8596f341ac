//! Guards: they stay armed in every phase, and what they said last counts to the end.

use std::sync::Arc;

use guard::Verdict;
use runbook::OnFail;

use super::{Phase, Place, Refused, State};

pub(super) fn judge(state: &mut State, guard: &str, verdict: Verdict) -> Result<(), Refused> {
    let watch = state.outline.guards.get(guard);
    let on_fail = watch.ok_or_else(|| Refused::NoSuch(guard.to_owned()))?.on_fail;
    state.verdicts.insert(guard.to_owned(), (verdict, state.clock));
    if state.waived_guards.get(guard) == Some(&verdict) {
        return Ok(());
    }
    // A waiver is for the verdict that was waived.
    state.waived_guards.remove(guard);
    if verdict == Verdict::Fail {
        state.failed_guards.insert(guard.to_owned());
    }
    // A guard stays armed in every phase, also while people are asked.
    let next = match (verdict, on_fail) {
        (Verdict::Fail, OnFail::Rollback) if state.has_changed => Phase::RollingBack,
        (Verdict::Fail, _) | (Verdict::Error, _) => Phase::Hold,
        (Verdict::Pass | Verdict::Insufficient, _) => state.phase,
    };
    match next {
        Phase::RollingBack => go_back(state),
        next if state.phase != Phase::RollingBack => state.phase = next,
        _ => {}
    }
    Ok(())
}

/// Checks that the plan has these guards.
pub(super) fn are_known(state: &State, guards: &[String]) -> Result<(), Refused> {
    let unknown = guards.iter().find(|guard| !state.outline.guards.contains_key(*guard));
    unknown.map_or(Ok(()), |guard| Err(Refused::NoSuch(guard.clone())))
}

/// Sends the run back. What was looked at behind the run has to be looked at again behind that.
pub(super) fn go_back(state: &mut State) {
    if state.phase == Phase::RollingBack {
        return;
    }
    state.phase = Phase::RollingBack;
    state.back_at = Some(state.clock);
    let outline = Arc::clone(&state.outline);
    let again = outline.in_order(Place::After).filter(|(_, known)| !known.class.is_grave());
    state.stale.extend(again.map(|(id, _)| id.to_owned()));
}

/// Goes on from a guard's last verdict, as people decided: from no failure of one that sends the run
/// back.
pub(super) fn waive(state: &mut State, guard: &str) -> Result<(), Refused> {
    let watch = state.outline.guards.get(guard);
    let on_fail = watch.ok_or_else(|| Refused::NoSuch(guard.to_owned()))?.on_fail;
    if on_fail == OnFail::Rollback && state.failed_guards.contains(guard) {
        return Err(Refused::Guard(guard.to_owned()));
    }
    match state.verdicts.get(guard) {
        // It failed, and says otherwise since: people go on from the failure.
        Some((Verdict::Pass, _)) if state.failed_guards.remove(guard) => Ok(()),
        None | Some((Verdict::Pass, _)) => Err(Refused::Unwaivable(guard.to_owned())),
        Some((verdict, _)) => {
            state.waived_guards.insert(guard.to_owned(), *verdict);
            state.failed_guards.remove(guard);
            Ok(())
        }
    }
}

/// Returns guards that see nothing, by what they said last, and were not waived.
pub(super) fn blind(state: &State) -> impl Iterator<Item = &str> {
    let last = state.verdicts.iter().filter(|(guard, (verdict, _))| {
        *verdict == Verdict::Error && !is_good(state, guard, *verdict)
    });
    last.map(|(guard, _)| guard.as_str())
}

/// Checks that a guard said PASS, or what people went on from, since some time.
pub(super) fn has_passed_since(state: &State, guard: &str, since: u64) -> Result<(), Refused> {
    match state.verdicts.get(guard) {
        Some((verdict, at)) if *at > since && is_good(state, guard, *verdict) => Ok(()),
        _ => Err(Refused::GuardNotPassed(guard.to_owned())),
    }
}

/// Checks that what every armed guard said last is good: no data is never a pass.
pub(super) fn have_passed(state: &State) -> Result<(), Refused> {
    match silent(state).next() {
        Some(guard) => Err(Refused::GuardNotPassed(guard.to_owned())),
        None => Ok(()),
    }
}

/// Returns armed guards of which what they said last is not good.
pub(super) fn silent(state: &State) -> impl Iterator<Item = &str> {
    let guards = state.outline.guards.iter().filter(|(guard, watch)| {
        let is_armed = watch.armed_from.as_ref().is_none_or(|step| state.was_begun(step));
        let last = state.verdicts.get(*guard);
        is_armed && !last.is_some_and(|(verdict, _)| is_good(state, guard, *verdict))
    });
    guards.map(|(guard, _)| guard.as_str())
}

fn is_good(state: &State, guard: &str, verdict: Verdict) -> bool {
    verdict.is_pass() || state.waived_guards.get(guard) == Some(&verdict)
}
