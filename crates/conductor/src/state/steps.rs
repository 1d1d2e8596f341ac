//! Steps: when one may begin, how it ends, and what becomes of one whose end nobody knows.

use guard::Verdict;

use super::{Known, Phase, Place, Refused, State, Status, guards};
use crate::{Effect, Witness};

pub(super) fn begin(state: &mut State, step: &str, attempt: u32) -> Result<(), Refused> {
    let known = state.known(step)?;
    if !known.is_carried_out {
        return Err(Refused::Withheld(step.to_owned()));
    }
    if let Some(other) = pending(state).find(|other| blocks(state, other)) {
        return Err(Refused::Open(other.to_owned()));
    }
    has_place(state, step, &known)?;
    has_turn(state, step, &known)?;
    if attempt != next_attempt(state, step, &known)? {
        return Err(Refused::Attempt { step: step.to_owned(), given: attempt });
    }
    state.has_changed |= known.class.changes();
    state.steps.insert(step.to_owned(), Status::Open(attempt));
    state.begun_at.insert(step.to_owned(), state.clock);
    state.attested.remove(step);
    state.witnessed.remove(step);
    forget_what_was_fresh(state, &known);
    Ok(())
}

fn next_attempt(state: &State, step: &str, known: &Known) -> Result<u32, Refused> {
    match state.steps.get(step) {
        None => Ok(1),
        Some(Status::Done(_, Verdict::Pass) | Status::TookEffect(_)) if known.class.is_grave() => {
            Err(Refused::Twice(step.to_owned()))
        }
        // It may have taken effect all the same.
        Some(Status::Done(..)) if known.class.is_grave() => {
            Err(Refused::NotReadBack(step.to_owned()))
        }
        Some(
            Status::Done(last, _)
            | Status::NoEffect(last)
            | Status::TookEffect(last)
            | Status::Open(last)
            | Status::Unknown(last),
        ) => Ok(last + 1),
    }
}

/// Returns the steps that have no outcome.
pub(super) fn pending(state: &State) -> impl Iterator<Item = &str> {
    let is_pending = |status: &Status| matches!(status, Status::Open(_) | Status::Unknown(_));
    state.steps.iter().filter(move |(_, status)| is_pending(status)).map(|(id, _)| id.as_str())
}

/// One step is carried out at a time; but what is left open on the way there never keeps a run from
/// going back.
fn blocks(state: &State, other: &str) -> bool {
    let place = state.outline.steps.get(other).map(|known| known.place);
    let is_back = matches!(place, Some(Place::Back | Place::Fallback | Place::After));
    state.phase != Phase::RollingBack || is_back
}

/// Nothing is changed before people said that it goes on, nor ever by a gate, and on the way back
/// nothing but that.
fn has_place(state: &State, step: &str, known: &Known) -> Result<(), Refused> {
    let is_here = match (known.place, state.phase) {
        (Place::Gate, Phase::Gates | Phase::Hold | Phase::Go) => !known.class.changes(),
        (Place::Run, Phase::Go) => true,
        (Place::Run, Phase::Gates) => !known.class.changes(),
        (Place::Back | Place::Fallback, Phase::RollingBack) => true,
        (Place::After, Phase::RollingBack | Phase::Go) => true,
        (Place::Beside | Place::Closing, _) => !known.class.changes() || state.phase == Phase::Go,
        _ => false,
    };
    let (step, phase) = (step.to_owned(), state.phase);
    if is_here { Ok(()) } else { Err(Refused::Phase { step, phase }) }
}

/// What comes before a step is over when it begins: the steps of the run and of each way back stand in
/// an order, so that what verifies a change comes behind it, and the others come after what they name.
fn has_turn(state: &State, step: &str, known: &Known) -> Result<(), Refused> {
    let is_back = matches!(known.place, Place::Back | Place::Fallback);
    let before: Vec<&str> = match known.place {
        Place::Run | Place::Back | Place::Fallback => {
            let lacking = state.lacking(known.place);
            lacking.filter(|other| stands_before(state, other, known)).collect()
        }
        Place::After => {
            let first = if state.phase == Phase::RollingBack {
                lacking_back(state)
            } else {
                state.lacking(Place::Run).next()
            };
            let here = state.lacking(Place::After);
            first
                .into_iter()
                .chain(here.filter(|other| stands_before(state, other, known)))
                .collect()
        }
        // What changes something at the end is not what the steps before it are verified with.
        Place::Closing if known.class.changes() => state.lacking(Place::Run).collect(),
        Place::Gate | Place::Beside | Place::Closing => Vec::new(),
    };
    // What was not passed of the run never keeps it from going back, nor from being looked at behind that.
    let is_looked_at = known.place == Place::Closing && state.phase == Phase::RollingBack;
    let after = known.after.iter().filter(|_| !is_back && !is_looked_at).map(String::as_str);
    let is_due = |other: &&str| {
        let other_known = state.outline.steps.get(*other);
        other_known.is_some_and(|it| it.is_carried_out) && !state.is_over(other)
    };
    if let Some(other) = before.into_iter().chain(after.filter(is_due)).next() {
        return Err(Refused::NotPassed(other.to_owned()));
    }
    if let Some(undone) = known.undoes.as_ref().filter(|undone| !state.was_begun(undone)) {
        return Err(Refused::NotBegun { step: step.to_owned(), undone: undone.clone() });
    }
    let later = state.outline.in_order(Place::Run);
    let mut begun = later.filter(|(id, it)| it.position > known.position && state.was_begun(id));
    if known.place == Place::Run
        && known.class.changes()
        && let Some((later, _)) = begun.next()
    {
        let (step, later) = (step.to_owned(), later.to_owned());
        return Err(Refused::Behind { step, later });
    }
    Ok(())
}

fn stands_before(state: &State, other: &str, known: &Known) -> bool {
    state.outline.steps.get(other).is_some_and(|other| other.position < known.position)
}

/// Returns a step that keeps the run from being back: one of the primary way, unless the fallback is
/// whole.
pub(super) fn lacking_back(state: &State) -> Option<&str> {
    let by_fallback =
        state.outline.has(Place::Fallback) && state.lacking(Place::Fallback).next().is_none();
    state.lacking(Place::Back).next().filter(|_| !by_fallback)
}

/// What holds at the end is looked at behind the last change.
fn forget_what_was_fresh(state: &mut State, known: &Known) {
    if known.class.changes() {
        state.fresh.clear();
    }
}

pub(super) fn end(
    state: &mut State,
    step: &str,
    attempt: u32,
    verdict: Verdict,
) -> Result<(), Refused> {
    let known = state.known(step)?;
    // What took effect before a crash is judged like everything else.
    let is_this = match state.steps.get(step) {
        Some(Status::Open(last) | Status::TookEffect(last)) => *last == attempt,
        _ => false,
    };
    if !is_this {
        return Err(Refused::Attempt { step: step.to_owned(), given: attempt });
    }
    if verdict.is_pass() {
        may_pass(state, step, &known)?;
    }
    if !verdict.is_pass() && state.was_begun_going_back(step) {
        *state.tries.entry(step.to_owned()).or_default() += 1;
    }
    state.steps.insert(step.to_owned(), Status::Done(attempt, verdict));
    state.waived.remove(step);
    state.stale.remove(step);
    forget_what_was_fresh(state, &known);
    if known.place == Place::Closing {
        state.fresh.insert(step.to_owned());
    }
    hold_unless_passed(state, &known, verdict);
    Ok(())
}

/// A step that waits for guards passes where they did, since it began; one that is a person's word,
/// where an owner has given it.
fn may_pass(state: &State, step: &str, known: &Known) -> Result<(), Refused> {
    let begun_at = state.begun_at.get(step).copied().unwrap_or_default();
    for guard in &known.guards {
        guards::has_passed_since(state, guard, begun_at)?;
    }
    // On the way back it is enough that what people would look at was seen to be so.
    let is_seen = known.is_external && is_back(state, known) && state.witnessed.contains(step);
    if known.is_attested && !is_seen && !state.unvouched(step).is_empty() {
        return Err(Refused::NotAttested(step.to_owned()));
    }
    Ok(())
}

/// Returns whether a step is carried out on the way back.
fn is_back(state: &State, known: &Known) -> bool {
    let has_place = matches!(known.place, Place::Back | Place::Fallback | Place::After);
    has_place && state.phase == Phase::RollingBack
}

/// A gate or a step that is not PASS means HOLD.
fn hold_unless_passed(state: &mut State, known: &Known, verdict: Verdict) {
    if matches!(known.place, Place::Gate | Place::Run | Place::After) && !verdict.is_pass() {
        hold(state);
    }
}

/// Stops until people decide; a run that goes back goes on with that.
pub(super) fn hold(state: &mut State) {
    if state.phase != Phase::RollingBack {
        state.phase = Phase::Hold;
    }
}

/// A step that was not begun when it was due waits for people, once.
pub(super) fn come_late(state: &mut State, step: &str) -> Result<(), Refused> {
    let known = state.known(step)?;
    let is_to_come = known.place == Place::Run && !state.was_begun(step);
    if !is_to_come || !state.late.insert(step.to_owned()) {
        let (step, phase) = (step.to_owned(), state.phase);
        return Err(Refused::Phase { step, phase });
    }
    hold(state);
    Ok(())
}

/// Whoever wrote the intents is gone; what became of them is not known.
pub(super) fn resume(state: &mut State) {
    state.resumed_at = state.clock;
    for status in state.steps.values_mut() {
        if let Status::Open(attempt) = *status {
            *status = Status::Unknown(attempt);
        }
    }
}

pub(super) fn read_back(
    state: &mut State,
    step: &str,
    attempt: u32,
    (effect, witness): (Effect, Option<Witness>),
) -> Result<(), Refused> {
    let known = state.known(step)?;
    let may_be = match state.steps.get(step) {
        Some(Status::Unknown(last)) => *last == attempt,
        // What the run acts on did what people do, and says that it is so.
        Some(Status::Open(last)) => {
            let is_so = effect == Effect::Yes && witness == Some(Witness::World);
            *last == attempt && is_so && known.is_external && is_back(state, &known)
        }
        Some(Status::Done(last, verdict)) => {
            *last == attempt && !verdict.is_pass() && known.class.is_grave()
        }
        _ => false,
    };
    if !may_be {
        return Err(Refused::Attempt { step: step.to_owned(), given: attempt });
    }
    let status = match effect {
        Effect::Yes if known.class.changes() => Status::TookEffect(attempt),
        // That something was looked at tells nobody what was seen.
        Effect::Yes | Effect::No => Status::NoEffect(attempt),
        Effect::Unclear => {
            // People say what became of it.
            hold(state);
            return Ok(());
        }
    };
    if effect == Effect::Yes && witness == Some(Witness::World) {
        state.witnessed.insert(step.to_owned());
    }
    state.steps.insert(step.to_owned(), status);
    state.waived.remove(step);
    Ok(())
}

/// Takes in that a step that was begun was not done, as one of its owners says.
pub(super) fn deny(state: &mut State, step: &str) -> Result<(), Refused> {
    let Some(Status::Unknown(attempt)) = state.status(step) else {
        return Err(Refused::NotUnknown(step.to_owned()));
    };
    state.steps.insert(step.to_owned(), Status::NoEffect(attempt));
    state.attested.remove(step);
    Ok(())
}
