//! What people say: that the plan is one to carry out, that a step is as it has to be, how it goes on.

use std::collections::BTreeSet;

use evidence::{Choice, Envelope, Hash};
use guard::Verdict;
use runbook::Mode;

use super::{JournalView, Known, Phase, Place, Refused, State, Status, guards, signed, steps};

/// What somebody decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'s> {
    pub(super) choice: Choice,
    /// In which role.
    pub(super) role: &'s str,
    /// The gate, step or guard that it is about.
    pub(super) about: Option<&'s str>,
    /// Who.
    pub(super) people: &'s [String],
    /// How long the journal was that was seen, where that is signed.
    pub(super) seen: Option<u64>,
}

pub(super) fn approve(
    state: &mut State,
    role: &str,
    person: &str,
    plan: Hash,
) -> Result<(), Refused> {
    if plan != state.outline.plan {
        return Err(Refused::Plan(plan));
    }
    state.approvals.insert((person.to_owned(), role.to_owned()));
    Ok(())
}

/// Takes in what people signed, once it is known to be theirs, of this run and of this plan.
pub(super) fn sign(
    state: &mut State,
    role: &str,
    envelope: &Envelope,
    journal: JournalView<'_>,
) -> Result<(), Refused> {
    let signed = signed::check(state, role, envelope, journal)?;
    let (decision, plan) = (&signed.decision, state.outline.plan);
    if decision.decision == Choice::Approve {
        signed.people.iter().try_for_each(|person| approve(state, role, person, plan))?;
    } else {
        let (choice, seen) = (decision.decision, decision.log.size);
        let lets_go = matches!(choice, Choice::Go | Choice::Waive);
        if lets_go && seen < state.news {
            return Err(Refused::Stale { seen, needed: state.news });
        }
        let is_own_work =
            !may_let_go(state, signed.people.iter().map(|person| (role, person.as_str())));
        if is_own_work && (lets_go || is_decision(state, choice, decision.about.as_deref())) {
            return Err(Refused::OwnWork);
        }
        let about = decision.about.as_deref();
        decide(state, Said { choice, role, about, people: &signed.people, seen: Some(seen) })?;
        if choice == Choice::Hold {
            state.news = journal.size + 1;
        }
    }
    state.statements.insert(signed.digest);
    Ok(())
}

/// Returns whether somebody vouches alone for a step in which it is decided how to go on.
fn is_decision(state: &State, choice: Choice, about: Option<&str>) -> bool {
    let step = about.and_then(|about| state.outline.steps.get(about));
    let decides_alone = |step: &Known| step.is_decision && step.owners.len() == 1;
    choice == Choice::Attest && step.is_some_and(decides_alone)
}

/// Returns whether somebody approved who may.
pub(super) fn is_approved(state: &State) -> bool {
    let approvals = state.approvals.iter();
    may_let_go(state, approvals.map(|(person, role)| (role.as_str(), person.as_str())))
}

/// Returns whether one of these people, each in a role, may let the run go on: in production one who
/// does not carry the plan out, under whatever name.
fn may_let_go<'p>(state: &State, mut people: impl Iterator<Item = (&'p str, &'p str)>) -> bool {
    let is_production = state.outline.mode == Mode::Production;
    people.any(|(role, name)| !is_production || !is_operator(state, role, name))
}

fn is_operator(state: &State, role: &str, name: &str) -> bool {
    let people = state.outline.people.get(role).into_iter().flatten();
    let mut known = people.filter(|person| person.name == name);
    known.any(|person| state.outline.operators.iter().any(|operator| operator.is(person)))
}

pub(super) fn decide(state: &mut State, said: Said<'_>) -> Result<(), Refused> {
    let phase = state.phase;
    match said.choice {
        Choice::Go if matches!(phase, Phase::Gates | Phase::Hold | Phase::Go) => {
            is_deciders(state, said.role)?;
            if let Some(gate) = state.closed_gates().next() {
                return Err(Refused::Gate(gate.to_owned()));
            }
            if let Some(guard) = state.failed_guards.iter().next() {
                return Err(Refused::Guard(guard.clone()));
            }
            if let Some(guard) = guards::blind(state).next() {
                return Err(Refused::GuardNotPassed(guard.to_owned()));
            }
            if !is_approved(state) {
                return Err(Refused::NotApproved);
            }
            state.phase = Phase::Go;
        }
        Choice::Hold if phase != Phase::RollingBack => state.phase = Phase::Hold,
        Choice::Waive if phase != Phase::RollingBack => {
            is_deciders(state, said.role)?;
            waive(state, said.about.unwrap_or_default())?;
        }
        Choice::Attest => attest(state, said)?,
        Choice::Deny => deny(state, said)?,
        Choice::Rollback if state.has_changed => guards::go_back(state),
        // What was changed is not left as it is by giving up.
        Choice::Abort if !state.has_changed => state.phase = Phase::Aborted,
        _ => return Err(Refused::Choice(phase)),
    }
    Ok(())
}

/// Where the plan says who decides how the run goes on, nobody else does.
fn is_deciders(state: &State, role: &str) -> Result<(), Refused> {
    let deciders = &state.outline.deciders;
    if deciders.is_empty() || deciders.contains(role) {
        Ok(())
    } else {
        Err(Refused::NotDecider(role.to_owned()))
    }
}

/// Goes on from an outcome or a verdict that is there and is no pass; not from what holds at the end,
/// nor from the way back.
fn waive(state: &mut State, about: &str) -> Result<(), Refused> {
    let Some(known) = state.outline.steps.get(about) else { return guards::waive(state, about) };
    let is_lacking = match state.steps.get(about) {
        Some(Status::Done(_, verdict)) => *verdict != Verdict::Pass,
        Some(Status::TookEffect(_)) => true,
        _ => false,
    };
    if !(is_lacking && matches!(known.place, Place::Gate | Place::Run)) {
        return Err(Refused::Unwaivable(about.to_owned()));
    }
    state.waived.insert(about.to_owned());
    Ok(())
}

/// Takes in that an owner vouches for a step, having seen that it was begun.
fn attest(state: &mut State, said: Said<'_>) -> Result<(), Refused> {
    let step = said.about.unwrap_or_default();
    let known = state.known(step)?;
    let is_under_way = match state.steps.get(step) {
        Some(Status::Open(_) | Status::TookEffect(_)) => true,
        // What people were doing when the process ended only they know, and what can't be told they find out.
        Some(Status::Unknown(_)) => known.is_personal || known.class.is_grave(),
        _ => false,
    };
    if !is_under_way {
        return Err(Refused::NotUnderWay(step.to_owned()));
    }
    is_owner(&known, step, said.role)?;
    let needed = state.begun_at.get(step).map_or(0, |at| at + 1);
    if let Some(seen) = said.seen.filter(|seen| *seen < needed) {
        return Err(Refused::Stale { seen, needed });
    }
    let said_by = state.attested.entry(step.to_owned()).or_default();
    said_by.entry(said.role.to_owned()).or_default().extend(said.people.iter().cloned());
    Ok(())
}

/// Takes in that an owner says that a step was not done, having seen that nobody else knows: it is begun
/// again then.
fn deny(state: &mut State, said: Said<'_>) -> Result<(), Refused> {
    let step = said.about.unwrap_or_default();
    let known = state.known(step)?;
    if !(known.is_personal || known.class.is_grave()) {
        return Err(Refused::NotUnknown(step.to_owned()));
    }
    is_owner(&known, step, said.role)?;
    let needed = state.resumed_at + 1;
    if let Some(seen) = said.seen.filter(|seen| *seen < needed) {
        return Err(Refused::Stale { seen, needed });
    }
    steps::deny(state, step)
}

fn is_owner(known: &Known, step: &str, role: &str) -> Result<(), Refused> {
    if known.owners.iter().any(|owner| owner == role) {
        return Ok(());
    }
    Err(Refused::NotOwner { step: step.to_owned(), role: role.to_owned() })
}

/// Returns whether those who vouched for a step may do so together. In production the roles that own it
/// are spoken for by different people, and a decision by somebody too who does not carry the run out.
pub(super) fn is_quorum(state: &State, step: &str) -> bool {
    let (Some(said), Some(known)) = (state.attested.get(step), state.outline.steps.get(step))
    else {
        return true;
    };
    if state.outline.mode != Mode::Production {
        return true;
    }
    let names = said.iter().flat_map(|(role, people)| {
        people.iter().map(move |person| (role.as_str(), person.as_str()))
    });
    let may_decide = !known.is_decision || may_let_go(state, names);
    may_decide && has_own_person(&said.values().collect::<Vec<_>>(), &[])
}

/// Returns whether each group can be given a person of its own.
fn has_own_person(groups: &[&BTreeSet<String>], taken: &[&String]) -> bool {
    let Some((first, rest)) = groups.split_first() else { return true };
    first.iter().filter(|person| !taken.contains(person)).any(|person| {
        let taken: Vec<_> = taken.iter().copied().chain([person]).collect();
        has_own_person(rest, &taken)
    })
}
