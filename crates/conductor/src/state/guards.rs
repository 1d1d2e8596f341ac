//! Guards: they stay armed in every phase, and what they said last counts to the end.

use guard::Verdict;
use runbook::OnFail;

use super::{Phase, Refused, State};

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
    if state.phase != Phase::RollingBack {
        state.phase = next;
    }
    Ok(())
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
        None | Some((Verdict::Pass, _)) => Err(Refused::Unwaivable(guard.to_owned())),
        Some((verdict, _)) => {
            state.waived_guards.insert(guard.to_owned(), *verdict);
            state.failed_guards.remove(guard);
            Ok(())
        }
    }
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
    for (guard, watch) in &state.outline.guards {
        let is_armed = watch.armed_from.as_ref().is_none_or(|step| state.was_begun(step));
        let last = state.verdicts.get(guard);
        if is_armed && !last.is_some_and(|(verdict, _)| is_good(state, guard, *verdict)) {
            return Err(Refused::GuardNotPassed(guard.clone()));
        }
    }
    Ok(())
}

fn is_good(state: &State, guard: &str, verdict: Verdict) -> bool {
    verdict.is_pass() || state.waived_guards.get(guard) == Some(&verdict)
}
