//! What tests of the rules and of what is due have in common: plans and events in short, of the people
//! Ana (`operator`) and Bo (`lead`).

use evidence::{Choice, Hash, Tree};
use guard::{Judgement, Verdict, Window};
use runbook::{Options, Plan, plan};

use crate::{Effect, Event, JournalView, Refused, State};

/// Another process goes on.
pub(crate) const GONE: Event = Event::Resumed { torn_bytes: 0 };

/// Returns the plan of a runbook.
pub(crate) fn planned(text: &str) -> Plan {
    let planned = plan(text, &Options::default());
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

pub(crate) fn intent(step: &str, attempt: u32) -> Event {
    Event::Intent { step: step.into(), attempt }
}

pub(crate) fn outcome(step: &str, attempt: u32, verdict: Verdict) -> Event {
    Event::Outcome { step: step.into(), attempt, verdict, text: String::new() }
}

pub(crate) fn read_back(step: &str, attempt: u32, happened: Effect) -> Event {
    Event::ReadBack { step: step.into(), attempt, happened, seen_by: None, text: String::new() }
}

/// The lead approves of a plan.
pub(crate) fn approved(plan: Hash) -> Event {
    Event::Approved { role: "lead".into(), person: "Bo".into(), plan }
}

/// The lead decides something.
pub(crate) fn about(choice: Choice, about: Option<&str>) -> Event {
    let (role, person) = ("lead".into(), "Bo".into());
    let about = about.map(ToOwned::to_owned);
    Event::Decided { choice, role, person, reason: "so".into(), about }
}

/// A guard says something of what its source says.
pub(crate) fn judged((guard, source): (&str, &str), verdict: Verdict) -> Event {
    Event::Judged(Judgement {
        guard: guard.into(),
        verdict,
        unit: String::new(),
        value: None,
        baseline: None,
        bound: None,
        n: 0.0,
        left_out: None,
        refused: 0,
        window: Window::default(),
        source: source.into(),
        sentence: String::new(),
    })
}

/// Takes an event in behind a journal of which nothing is signed.
pub(crate) fn apply(state: &mut State, event: &Event) -> Result<(), Refused> {
    state.apply(event, JournalView::whole(&Tree::default()))
}

/// Takes events in that have to count.
#[track_caller]
pub(crate) fn follow(state: &mut State, events: &[Event]) {
    for event in events {
        apply(state, event).unwrap_or_else(|refused| panic!("{event:?}: {refused}"));
    }
}
