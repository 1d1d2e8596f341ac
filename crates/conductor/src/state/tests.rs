//! Tests of the rules, over one small plan.

mod closing;
mod order;
mod watched;

use evidence::Choice;
use runbook::{Class, Mode, Options, plan};

use super::*;
use crate::{
    Effect, Ending,
    kit::{self, about, apply, follow, intent, outcome, planned},
};

const RUNBOOK: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
roles:
  operator: Ana
  lead: Bo
---
# T

## Gates <!-- run: section gates -->

- Ready? <!-- run: sign-off id=G1 -->

## Steps <!-- run: section steps -->

1. Look at `/health`. <!-- run: http-expect id=S1 -->
2. Set `A=1`. <!-- run: flag id=S2 -->
3. Tell. <!-- run: notify id=S3 -->

```toml guard
id = \"down\"
measure = \"down\"
source = \"/health\"
within = \"1m\"
```

## Rollback <!-- run: section rollback -->

1. Set `A=0`. <!-- run: flag id=R1 -->
2. Set `A=2`. <!-- run: flag id=R2 way=fallback -->
";

fn state() -> State {
    state_of(RUNBOOK)
}

/// Carries steps out that pass.
fn pass(state: &mut State, steps: &[&str]) {
    for step in steps {
        follow(state, &[intent(step, 1), outcome(step, 1, Verdict::Pass)]);
    }
}

fn decided(choice: Choice) -> Event {
    about(choice, (choice == Choice::Waive).then_some("G1"))
}

fn state_of(text: &str) -> State {
    State::new(&planned(text)).unwrap()
}

fn judged(verdict: Verdict) -> Event {
    kit::judged(("down", "/health"), verdict)
}

fn read_back(step: &str, happened: Effect) -> Event {
    kit::read_back(step, 1, happened)
}

fn waived(what: &str) -> Event {
    about(Choice::Waive, Some(what))
}

fn approved(state: &State) -> Event {
    kit::approved(state.outline.plan)
}

fn begun(state: &State) -> Event {
    Event::begun("r", state.outline.plan, Mode::Rehearsal)
}

/// Returns a run that was told to go on.
fn gone() -> State {
    gone_with(RUNBOOK)
}

fn gone_with(text: &str) -> State {
    let mut state = state_of(text);
    let events = [
        begun(&state),
        approved(&state),
        intent("G1", 1),
        outcome("G1", 1, Verdict::Pass),
        decided(Choice::Go),
    ];
    follow(&mut state, &events);
    state
}

/// Expects that an event is refused and changes nothing.
fn refused(state: &State, event: &Event) -> Refused {
    let mut after = state.clone();
    let refused = apply(&mut after, event).unwrap_err();
    assert_eq!(format!("{after:?}"), format!("{state:?}"));
    refused
}

#[test]
fn a_run_begins_once_with_its_plan() {
    let mut state = state();
    assert_eq!(refused(&state, &intent("G1", 1)), Refused::Begin);
    let other = Event::begun("r", Hash::of(b""), Mode::Rehearsal);
    assert_eq!(refused(&state, &other), Refused::Plan(Hash::of(b"")));
    for run in ["", "a b", "a\u{200b}b", "a\u{202e}b"] {
        let unnamed = Event::begun(run, state.outline.plan, Mode::Rehearsal);
        assert_eq!(refused(&state, &unnamed), Refused::Name);
    }
    let begun = begun(&state);
    follow(&mut state, std::slice::from_ref(&begun));
    assert_eq!((state.phase(), state.run()), (Phase::Gates, Some("r")));
    assert_eq!(refused(&state, &begun), Refused::Begin);
    let other = Event::Approved { role: "lead".into(), person: "Bo".into(), plan: Hash::of(b"") };
    assert_eq!(refused(&state, &other), Refused::Plan(Hash::of(b"")));
}

#[test]
fn nothing_is_changed_before_every_gate_passed_and_people_said_go() {
    let mut state = state();
    let begun = begun(&state);
    follow(&mut state, &[begun]);
    assert!(matches!(refused(&state, &intent("S2", 1)), Refused::Phase { .. }));
    assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Gate("G1".into()));
    follow(&mut state, &[intent("S1", 1), outcome("S1", 1, Verdict::Pass)]);
    follow(&mut state, &[intent("G1", 1), outcome("G1", 1, Verdict::Insufficient)]);
    assert_eq!(state.phase(), Phase::Hold);
    assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Gate("G1".into()));
    let mut waived = state.clone();
    follow(&mut waived, &[decided(Choice::Waive)]);
    assert_eq!(refused(&waived, &decided(Choice::Go)), Refused::NotApproved);
    follow(&mut state, &[intent("G1", 2), outcome("G1", 2, Verdict::Pass)]);
    let approved = approved(&state);
    follow(&mut state, &[approved, decided(Choice::Go), intent("S2", 1)]);
}

#[test]
fn a_waiver_is_for_the_outcome_that_was_waived() {
    let mut state = state();
    let (begun, approved) = (begun(&state), approved(&state));
    follow(&mut state, &[begun, approved]);
    follow(&mut state, &[intent("G1", 1), outcome("G1", 1, Verdict::Insufficient)]);
    follow(&mut state, &[decided(Choice::Waive)]);
    let mut gone = state.clone();
    follow(&mut gone, &[decided(Choice::Go)]);
    follow(&mut state, &[intent("G1", 2), outcome("G1", 2, Verdict::Fail)]);
    assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Gate("G1".into()));
    // Also where it was lost with a process, and found not to have happened.
    follow(&mut gone, &[intent("G1", 2), Event::Resumed { torn_bytes: 0 }]);
    let (step, text) = ("G1".into(), String::new());
    follow(
        &mut gone,
        &[Event::ReadBack { step, attempt: 2, happened: Effect::No, seen_by: None, text }],
    );
    assert_eq!(refused(&gone, &decided(Choice::Go)), Refused::Gate("G1".into()));
}

#[test]
fn a_gate_that_changes_something_is_never_begun() {
    let mut plan = plan(RUNBOOK, &Options::default()).plan.unwrap();
    plan.gates[0].class = Class::Converge;
    let mut state = State::new(&plan).unwrap();
    let begun = begun(&state);
    follow(&mut state, &[begun]);
    let (step, phase) = ("G1".to_owned(), Phase::Gates);
    assert_eq!(refused(&state, &intent("G1", 1)), Refused::Phase { step, phase });
}

#[test]
fn only_people_of_a_role_speak_for_it() {
    let state = gone();
    let (role, person) = ("lead".to_owned(), "Ana".to_owned());
    let event =
        Event::Approved { role: role.clone(), person: person.clone(), plan: state.outline.plan };
    assert_eq!(refused(&state, &event), Refused::Person { role, person });
}

#[test]
fn one_step_at_a_time_each_with_its_outcome() {
    let mut state = gone();
    follow(&mut state, &[intent("S1", 1)]);
    assert_eq!(refused(&state, &intent("S2", 1)), Refused::Open("S1".into()));
    assert!(matches!(refused(&state, &outcome("S1", 2, Verdict::Pass)), Refused::Attempt { .. }));
    assert!(matches!(refused(&state, &outcome("S2", 1, Verdict::Pass)), Refused::Attempt { .. }));
    assert_eq!(refused(&state, &intent("S9", 1)), Refused::NoSuch("S9".into()));
    follow(&mut state, &[outcome("S1", 1, Verdict::Pass), intent("S1", 2)]);
}

#[test]
fn what_has_no_outcome_after_a_crash_is_read_back_before_anything_else() {
    let mut state = gone();
    pass(&mut state, &["S1", "S2"]);
    follow(&mut state, &[intent("S3", 1), Event::Resumed { torn_bytes: 7 }]);
    assert_eq!(state.status("S3"), Some(Status::Unknown(1)));
    assert_eq!(state.unknown().collect::<Vec<_>>(), ["S3"]);
    assert_eq!(refused(&state, &intent("S3", 2)), Refused::Open("S3".into()));
    assert!(matches!(refused(&state, &outcome("S3", 1, Verdict::Pass)), Refused::Attempt { .. }));
    let mut happened = state.clone();
    follow(&mut happened, &[read_back("S3", Effect::Yes)]);
    assert_eq!(refused(&happened, &intent("S3", 2)), Refused::Twice("S3".into()));
    let mut unclear = state.clone();
    follow(&mut unclear, &[read_back("S3", Effect::Unclear)]);
    assert_eq!((unclear.phase(), unclear.unknown().count()), (Phase::Hold, 1));
    follow(&mut state, &[read_back("S3", Effect::No), intent("S3", 2)]);
}

#[test]
fn what_must_not_be_done_twice_is_read_back_before_it_is_tried_again() {
    for verdict in [Verdict::Fail, Verdict::Error, Verdict::Insufficient] {
        let mut state = gone();
        pass(&mut state, &["S1", "S2"]);
        follow(&mut state, &[intent("S3", 1), outcome("S3", 1, verdict), decided(Choice::Go)]);
        assert_eq!(refused(&state, &intent("S3", 2)), Refused::NotReadBack("S3".into()));
        let mut unclear = state.clone();
        follow(&mut unclear, &[read_back("S3", Effect::Unclear)]);
        assert_eq!(unclear.phase(), Phase::Hold);
        follow(&mut unclear, &[decided(Choice::Go)]);
        assert_eq!(refused(&unclear, &intent("S3", 2)), Refused::NotReadBack("S3".into()));
        let mut happened = state.clone();
        follow(&mut happened, &[read_back("S3", Effect::Yes)]);
        assert_eq!(refused(&happened, &intent("S3", 2)), Refused::Twice("S3".into()));
        // Nor is it read back again once that is known.
        assert!(matches!(
            refused(&happened, &read_back("S3", Effect::No)),
            Refused::Attempt { .. }
        ));
        follow(&mut state, &[read_back("S3", Effect::No), intent("S3", 2)]);
    }
    // What may be done as often as one likes is simply done again.
    let mut state = gone();
    pass(&mut state, &["S1"]);
    follow(&mut state, &[intent("S2", 1), outcome("S2", 1, Verdict::Fail), decided(Choice::Go)]);
    assert!(matches!(refused(&state, &read_back("S2", Effect::No)), Refused::Attempt { .. }));
    follow(&mut state, &[intent("S2", 2)]);
}

#[test]
fn a_guard_that_fails_sends_the_run_back_also_while_it_holds() {
    for hold in [false, true] {
        let mut state = gone();
        pass(&mut state, &["S1"]);
        follow(&mut state, &[intent("S2", 1)]);
        if hold {
            follow(&mut state, &[decided(Choice::Hold)]);
        }
        follow(&mut state, &[judged(Verdict::Fail)]);
        assert_eq!(state.phase(), Phase::RollingBack);
        // The open step does not keep it from going back, and nothing makes it go on.
        assert!(matches!(refused(&state, &intent("S1", 1)), Refused::Phase { .. }));
        assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Choice(Phase::RollingBack));
        follow(&mut state, &[intent("R1", 1), judged(Verdict::Pass)]);
        assert_eq!(state.phase(), Phase::RollingBack);
        assert_eq!(refused(&state, &intent("R2", 1)), Refused::Open("R1".into()));
    }
    let mut before = gone();
    follow(&mut before, &[judged(Verdict::Fail)]);
    assert_eq!(before.phase(), Phase::Hold);
    assert_eq!(refused(&before, &decided(Choice::Go)), Refused::Guard("down".into()));
    let mut silent = gone();
    follow(&mut silent, &[judged(Verdict::Error)]);
    assert_eq!(silent.phase(), Phase::Hold);
}

#[test]
fn a_run_ends_kept_back_failed_or_given_up() {
    let mut state = gone();
    assert_eq!(
        refused(&state, &Event::Ended { how: Ending::Kept }),
        Refused::NotPassed("S1".into())
    );
    pass(&mut state, &["S1", "S2", "S3"]);
    follow(&mut state, &[judged(Verdict::Pass)]);
    assert_eq!(refused(&state, &decided(Choice::Abort)), Refused::Choice(Phase::Go));
    let mut kept = state.clone();
    follow(&mut kept, &[Event::Ended { how: Ending::Kept }]);
    assert_eq!(refused(&kept, &intent("S1", 2)), Refused::Ended);
    follow(&mut state, &[decided(Choice::Rollback), intent("R1", 1)]);
    let back = Event::Ended { how: Ending::RolledBack };
    assert_eq!(refused(&state, &back), Refused::Open("R1".into()));
    follow(&mut state, &[outcome("R1", 1, Verdict::Fail)]);
    assert_eq!(refused(&state, &back), Refused::NotPassed("R1".into()));
    let mut failed = state.clone();
    follow(&mut failed, &[Event::Ended { how: Ending::RollbackFailed }]);
    assert_eq!(failed.phase(), Phase::RollbackFailed);
    follow(&mut state, &[intent("R2", 1), outcome("R2", 1, Verdict::Pass), back]);
    assert_eq!(state.phase(), Phase::RolledBack);
    let mut given_up = self::state();
    let begun = begun(&given_up);
    follow(&mut given_up, &[begun, Event::Ended { how: Ending::Aborted }]);
    assert_eq!(given_up.phase(), Phase::Aborted);
}

#[test]
fn readiness_withholds_what_changes_something() {
    let options = Options { mode: Some(Mode::Readiness), environment: None };
    let mut state = State::new(&plan(RUNBOOK, &options).plan.unwrap()).unwrap();
    let begun = Event::begun("r", state.outline.plan, Mode::Readiness);
    follow(&mut state, &[begun]);
    assert_eq!(refused(&state, &intent("S2", 1)), Refused::Withheld("S2".into()));
}
