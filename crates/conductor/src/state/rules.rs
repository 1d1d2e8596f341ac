//! What may follow what.

use evidence::{Choice, Envelope, Hash};
use guard::Verdict;
use runbook::{Mode, OnFail};

use super::{Known, Log, Phase, Place, Refused, State, Status, signed};
use crate::{Event, Happened, How};

pub(super) fn apply(state: &mut State, event: &Event, log: Log<'_>) -> Result<(), Refused> {
    if let Event::Begun { run, plan, mode } = event {
        return begin(state, run, *plan, *mode);
    }
    match state.phase {
        Phase::Draft => return Err(Refused::Begin),
        Phase::Kept | Phase::RolledBack | Phase::RollbackFailed | Phase::Aborted => {
            return Err(Refused::Ended);
        }
        Phase::Gates | Phase::Go | Phase::Hold | Phase::RollingBack => {}
    }
    follow(state, event, log)?;
    if is_news(event) {
        state.news = log.size + 1;
    }
    Ok(())
}

/// Returns whether somebody who lets the run go on has to have seen it.
fn is_news(event: &Event) -> bool {
    match event {
        Event::Outcome { .. } | Event::ReadBack { .. } | Event::Resumed { .. } => true,
        Event::Decided { choice, .. } => *choice == Choice::Hold,
        Event::Judged(judged) => matches!(judged.verdict, Verdict::Fail | Verdict::Error),
        _ => false,
    }
}

fn follow(state: &mut State, event: &Event, log: Log<'_>) -> Result<(), Refused> {
    match event {
        Event::Begun { .. } => Err(Refused::Begin),
        Event::Resumed { .. } => {
            resume(state);
            Ok(())
        }
        Event::Approved { role, person, plan } => {
            signed::may_be_unsigned(state, role, person)?;
            approve(state, role, person, *plan)
        }
        Event::Intent { step, attempt } => intend(state, step, *attempt),
        Event::Outcome { step, attempt, verdict, .. } => end(state, step, *attempt, *verdict),
        Event::ReadBack { step, attempt, happened, .. } => {
            read_back(state, step, *attempt, *happened)
        }
        Event::Judged(judged) => judge(state, &judged.guard, judged.verdict),
        Event::Decided { choice, role, person, gate, .. } => {
            signed::may_be_unsigned(state, role, person)?;
            decide(state, *choice, gate.as_deref())
        }
        Event::Signed { role, envelope } => sign(state, role, envelope, log),
        Event::Ended { how } => finish(state, *how),
    }
}

fn begin(state: &mut State, run: &str, plan: Hash, mode: Mode) -> Result<(), Refused> {
    if state.phase != Phase::Draft {
        return Err(Refused::Begin);
    }
    if plan != state.plan || mode != state.mode {
        return Err(Refused::Plan(plan));
    }
    if run.is_empty() || run.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Refused::Name);
    }
    state.run = Some(run.to_owned());
    state.phase = Phase::Gates;
    Ok(())
}

/// Whoever wrote the intents is gone; what became of them is not known.
fn resume(state: &mut State) {
    for status in state.steps.values_mut() {
        if let Status::Open(attempt) = *status {
            *status = Status::Unknown(attempt);
        }
    }
}

fn approve(state: &mut State, role: &str, person: &str, plan: Hash) -> Result<(), Refused> {
    if plan != state.plan {
        return Err(Refused::Plan(plan));
    }
    state.approvals.insert((person.to_owned(), role.to_owned()));
    Ok(())
}

/// Takes in what people signed, once it is known to be theirs, of this run and of this plan.
fn sign(state: &mut State, role: &str, envelope: &Envelope, log: Log<'_>) -> Result<(), Refused> {
    let said = signed::check(state, role, envelope, log)?;
    match said.decision.decision {
        Choice::Approve => {
            let plan = state.plan;
            said.people.iter().try_for_each(|person| approve(state, role, person, plan))?;
        }
        choice => {
            let seen = said.decision.log.size;
            if matches!(choice, Choice::Go | Choice::Waive) && seen < state.news {
                return Err(Refused::Stale { seen, needed: state.news });
            }
            if matches!(choice, Choice::Go | Choice::Waive)
                && !may_let_go(state, said.people.iter().map(|person| (role, person.as_str())))
            {
                return Err(Refused::OwnWork);
            }
            decide(state, choice, said.decision.gate.as_deref())?;
        }
    }
    if said.decision.decision == Choice::Hold {
        state.news = log.size + 1;
    }
    state.statements.insert(said.digest);
    Ok(())
}

/// Returns whether somebody approved who may.
fn is_approved(state: &State) -> bool {
    let approvals = state.approvals.iter();
    may_let_go(state, approvals.map(|(person, role)| (role.as_str(), person.as_str())))
}

/// Returns whether one of these people, each in a role, may let the run go on: in production one who
/// does not carry the plan out, under whatever name.
fn may_let_go<'p>(state: &State, mut people: impl Iterator<Item = (&'p str, &'p str)>) -> bool {
    people.any(|(role, name)| state.mode != Mode::Production || !is_operator(state, role, name))
}

fn is_operator(state: &State, role: &str, name: &str) -> bool {
    let people = state.people.get(role).into_iter().flatten();
    let mut known = people.filter(|person| person.name == name);
    known.any(|person| state.operators.iter().any(|operator| operator.is(person)))
}

fn known(state: &State, step: &str) -> Result<Known, Refused> {
    state.known.get(step).copied().ok_or_else(|| Refused::NoSuch(step.to_owned()))
}

fn intend(state: &mut State, step: &str, attempt: u32) -> Result<(), Refused> {
    let known = known(state, step)?;
    if !known.is_carried_out {
        return Err(Refused::Withheld(step.to_owned()));
    }
    if let Some(other) = pending(state).find(|other| blocks(state, other)) {
        return Err(Refused::Open(other.to_owned()));
    }
    has_place(state, step, known)?;
    let next = match state.steps.get(step) {
        None => 1,
        Some(Status::Done(_, Verdict::Pass)) if known.class.is_grave() => {
            return Err(Refused::Twice(step.to_owned()));
        }
        // It may have taken effect all the same.
        Some(Status::Done(..)) if known.class.is_grave() => {
            return Err(Refused::NotReadBack(step.to_owned()));
        }
        Some(
            Status::Done(last, _)
            | Status::Undone(last)
            | Status::Open(last)
            | Status::Unknown(last),
        ) => last + 1,
    };
    if attempt != next {
        return Err(Refused::Attempt { step: step.to_owned(), given: attempt });
    }
    state.has_changed |= known.class.changes();
    state.steps.insert(step.to_owned(), Status::Open(attempt));
    Ok(())
}

/// Returns the steps that have no outcome.
fn pending(state: &State) -> impl Iterator<Item = &str> {
    let is_pending = |status: &Status| matches!(status, Status::Open(_) | Status::Unknown(_));
    state.steps.iter().filter(move |(_, status)| is_pending(status)).map(|(id, _)| id.as_str())
}

/// One step is carried out at a time; but what is left open on the way there never keeps a run from
/// going back.
fn blocks(state: &State, other: &str) -> bool {
    let place = state.known.get(other).map(|known| known.place);
    state.phase != Phase::RollingBack || matches!(place, Some(Place::Back | Place::Fallback))
}

/// Nothing is changed before people said that it goes on, nor ever by a gate, and on the way back nothing but that.
fn has_place(state: &State, step: &str, known: Known) -> Result<(), Refused> {
    let is_here = match (known.place, state.phase) {
        (Place::Gate, Phase::Gates | Phase::Hold | Phase::Go) => !known.class.changes(),
        (Place::Run, Phase::Go) => true,
        (Place::Run, Phase::Gates) => !known.class.changes(),
        (Place::Back | Place::Fallback, Phase::RollingBack) => true,
        (Place::Beside | Place::Closing, _) => !known.class.changes() || state.phase == Phase::Go,
        _ => false,
    };
    let (step, phase) = (step.to_owned(), state.phase);
    if is_here { Ok(()) } else { Err(Refused::Phase { step, phase }) }
}

fn end(state: &mut State, step: &str, attempt: u32, verdict: Verdict) -> Result<(), Refused> {
    let known = known(state, step)?;
    if state.steps.get(step) != Some(&Status::Open(attempt)) {
        return Err(Refused::Attempt { step: step.to_owned(), given: attempt });
    }
    state.steps.insert(step.to_owned(), Status::Done(attempt, verdict));
    state.waived.remove(step);
    hold_unless_passed(state, known, verdict);
    Ok(())
}

/// A gate or a step that is not PASS means HOLD.
fn hold_unless_passed(state: &mut State, known: Known, verdict: Verdict) {
    let stops = matches!(known.place, Place::Gate | Place::Run);
    if stops && !verdict.is_pass() && state.phase != Phase::RollingBack {
        state.phase = Phase::Hold;
    }
}

fn read_back(
    state: &mut State,
    step: &str,
    attempt: u32,
    happened: Happened,
) -> Result<(), Refused> {
    let known = known(state, step)?;
    let may_be = match state.steps.get(step) {
        Some(Status::Unknown(last)) => *last == attempt,
        Some(Status::Done(last, verdict)) => {
            *last == attempt && !verdict.is_pass() && known.class.is_grave()
        }
        _ => false,
    };
    if !may_be {
        return Err(Refused::Attempt { step: step.to_owned(), given: attempt });
    }
    let status = match happened {
        Happened::Yes => Status::Done(attempt, Verdict::Pass),
        Happened::No => Status::Undone(attempt),
        Happened::Unclear => {
            hold_unless_passed(state, known, Verdict::Error);
            return Ok(());
        }
    };
    state.steps.insert(step.to_owned(), status);
    state.waived.remove(step);
    Ok(())
}

fn judge(state: &mut State, guard: &str, verdict: Verdict) -> Result<(), Refused> {
    let on_fail = *state.guards.get(guard).ok_or_else(|| Refused::NoSuch(guard.to_owned()))?;
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

fn decide(state: &mut State, choice: Choice, gate: Option<&str>) -> Result<(), Refused> {
    let phase = state.phase;
    match choice {
        Choice::Go if matches!(phase, Phase::Gates | Phase::Hold | Phase::Go) => {
            if let Some(gate) = state.closed_gates().next() {
                return Err(Refused::Gate(gate.to_owned()));
            }
            if let Some(guard) = state.failed_guards.iter().next() {
                return Err(Refused::Guard(guard.clone()));
            }
            if !is_approved(state) {
                return Err(Refused::NotApproved);
            }
            state.phase = Phase::Go;
        }
        Choice::Hold if phase != Phase::RollingBack => state.phase = Phase::Hold,
        Choice::Waive if phase != Phase::RollingBack => {
            let gate = gate.unwrap_or_default();
            if known(state, gate)?.place != Place::Gate {
                return Err(Refused::NoSuch(gate.to_owned()));
            }
            state.waived.insert(gate.to_owned());
        }
        Choice::Rollback if state.has_changed => state.phase = Phase::RollingBack,
        // What was changed is not left as it is by giving up.
        Choice::Abort if !state.has_changed => state.phase = Phase::Aborted,
        _ => return Err(Refused::Choice(phase)),
    }
    Ok(())
}

fn finish(state: &mut State, how: How) -> Result<(), Refused> {
    let next = match (how, state.phase) {
        (How::Kept, Phase::Go) => Phase::Kept,
        (How::RolledBack, Phase::RollingBack) => Phase::RolledBack,
        (How::RollbackFailed, Phase::RollingBack) => Phase::RollbackFailed,
        (How::Aborted, Phase::Gates | Phase::Hold) if !state.has_changed => Phase::Aborted,
        (_, phase) => return Err(Refused::End(phase)),
    };
    // A way back that is stuck may well be so over a step that nobody knows the end of.
    if next != Phase::RollbackFailed
        && let Some(step) = pending(state).next()
    {
        return Err(Refused::Open(step.to_owned()));
    }
    let lacks = match next {
        Phase::Kept => state.lacking(Place::Run).chain(state.lacking(Place::Closing)).next(),
        Phase::RolledBack => {
            let by_fallback =
                state.has(Place::Fallback) && state.lacking(Place::Fallback).next().is_none();
            state.lacking(Place::Back).next().filter(|_| !by_fallback)
        }
        _ => None,
    };
    if let Some(step) = lacks {
        return Err(Refused::NotPassed(step.to_owned()));
    }
    state.phase = next;
    Ok(())
}

#[cfg(test)]
mod tests;
