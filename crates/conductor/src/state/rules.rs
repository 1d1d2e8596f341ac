//! What may follow what.

use evidence::{Choice, Hash};
use guard::Verdict;
use runbook::Mode;

use super::{JournalView, Phase, Place, Refused, State, guards, people, signed, steps};
use crate::{Ending, Event};

pub(super) fn apply(
    state: &mut State,
    event: &Event,
    journal: JournalView<'_>,
) -> Result<(), Refused> {
    if let Event::Begun { run, plan, mode, .. } = event {
        return begin(state, run, *plan, *mode);
    }
    match state.phase {
        Phase::Draft => return Err(Refused::Begin),
        Phase::Kept | Phase::RolledBack | Phase::RollbackFailed | Phase::Aborted => {
            return Err(Refused::Ended);
        }
        Phase::Gates | Phase::Go | Phase::Hold | Phase::RollingBack => {}
    }
    follow(state, event, journal)?;
    if is_news(state, event) {
        state.news = journal.size + 1;
    }
    Ok(())
}

/// Returns whether somebody who lets the run go on has to have seen it.
fn is_news(state: &State, event: &Event) -> bool {
    match event {
        Event::Outcome { .. }
        | Event::ReadBack { .. }
        | Event::Resumed { .. }
        | Event::ActsOn { .. }
        | Event::Late { .. }
        | Event::Trouble { .. } => true,
        Event::Decided { choice, .. } => *choice == Choice::Hold,
        Event::Judged(judged) => {
            let speaks_against = matches!(judged.verdict, Verdict::Fail | Verdict::Error);
            speaks_against && !state.waived_guards.contains_key(&judged.guard)
        }
        _ => false,
    }
}

fn follow(state: &mut State, event: &Event, journal: JournalView<'_>) -> Result<(), Refused> {
    match event {
        Event::Begun { .. } => Err(Refused::Begin),
        Event::Resumed { .. } => {
            steps::resume(state);
            Ok(())
        }
        Event::ActsOn { .. } => Ok(()),
        Event::GuardsAnew { guards } => guards::are_known(state, guards),
        Event::Approved { role, person, plan } => {
            signed::may_be_unsigned(state, role, person)?;
            people::approve(state, role, person, *plan)
        }
        Event::Intent { step, attempt } => steps::begin(state, step, *attempt),
        Event::Outcome { step, attempt, verdict, .. } => {
            steps::end(state, step, *attempt, *verdict)
        }
        Event::ReadBack { step, attempt, happened, seen_by, .. } => {
            steps::read_back(state, step, *attempt, (*happened, *seen_by))
        }
        Event::Late { step, .. } => steps::come_late(state, step),
        Event::Trouble { .. } => {
            steps::hold(state);
            Ok(())
        }
        Event::Judged(judged) => guards::judge(state, &judged.guard, judged.verdict),
        Event::Decided { choice, role, person, about, .. } => {
            signed::may_be_unsigned(state, role, person)?;
            let (about, people) = (about.as_deref(), std::slice::from_ref(person));
            people::decide(state, people::Said { choice: *choice, role, about, people, seen: None })
        }
        Event::Signed { role, envelope } => people::sign(state, role, envelope, journal),
        Event::Ended { how } => finish(state, *how),
    }
}

fn begin(state: &mut State, run: &str, plan: Hash, mode: Mode) -> Result<(), Refused> {
    if state.phase != Phase::Draft {
        return Err(Refused::Begin);
    }
    if plan != state.outline.plan || mode != state.outline.mode {
        return Err(Refused::Plan(plan));
    }
    if !evidence::is_log_name(run) {
        return Err(Refused::Name);
    }
    state.run = Some(run.to_owned());
    state.phase = Phase::Gates;
    Ok(())
}

fn finish(state: &mut State, how: Ending) -> Result<(), Refused> {
    let next = match (how, state.phase) {
        (Ending::Kept, Phase::Go) => Phase::Kept,
        (Ending::RolledBack, Phase::RollingBack) => Phase::RolledBack,
        (Ending::RollbackFailed, Phase::RollingBack) => Phase::RollbackFailed,
        (Ending::Aborted, Phase::Gates | Phase::Hold) if !state.has_changed => Phase::Aborted,
        (_, phase) => return Err(Refused::End(phase)),
    };
    // A way back that is stuck may well be so over a step that nobody knows the end of.
    if next != Phase::RollbackFailed
        && let Some(step) = steps::pending(state).next()
    {
        return Err(Refused::Open(step.to_owned()));
    }
    let lacks = match next {
        Phase::Kept => {
            let run = state.lacking(Place::Run).chain(state.lacking(Place::After));
            run.chain(open_at_the_end(state)).next()
        }
        Phase::RolledBack => {
            steps::lacking_back(state).into_iter().chain(state.lacking(Place::After)).next()
        }
        _ => None,
    };
    if let Some(step) = lacks {
        return Err(Refused::NotPassed(step.to_owned()));
    }
    if next == Phase::Kept {
        guards::have_passed(state)?;
    }
    state.phase = next;
    Ok(())
}

/// Returns what has to hold at the end and did not pass since something was changed for the last time.
/// What changes something there can't be looked at anew, and comes behind the run.
fn open_at_the_end(state: &State) -> impl Iterator<Item = &str> {
    let closing = state.outline.in_order(Place::Closing).map(|(id, _)| id);
    closing.filter(|id| !state.holds_at_the_end(id))
}
