//! Steps that pass by a person's word: by a signature of an owner, who saw that the step was begun.

use conductor::{Event, Refused, Status};
use evidence::{Choice, Decision};
use guard::Verdict;
use runbook::{Mode, Options, plan};

use super::cast::{Running, document, judged, key};

/// A plan with a decision of the lead's before what is changed, and somebody who watches.
fn decided(mode: Mode) -> Running {
    let decided = "1. Decide. <!-- run: decision id=D1 owner=lead -->\n2. Set `MODE=new`.";
    let watch = format!("roles:\n  watch: Di Sol {}\n", key("di").verifier());
    let document = document().replace("1. Set `MODE=new`.", decided).replace("roles:\n", &watch);
    let planned = plan(&document, &Options { mode: Some(mode), environment: None });
    Running::begin(planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)))
}

fn intent(step: &str) -> Event {
    Event::Intent { step: step.into(), attempt: 1 }
}

fn passed(step: &str) -> Event {
    let (verdict, text) = (Verdict::Pass, "So.".into());
    Event::Outcome { step: step.into(), attempt: 1, verdict, text }
}

fn by(run: &Running, (role, name): (&str, &str), (choice, about): (Choice, &str)) -> Event {
    let (role, about) = (role.to_owned(), Some(about.to_owned()));
    let decision = Decision { role, about, ..run.decision(choice) };
    Event::signed(decision, &key(name)).unwrap()
}

/// A run of which the gate has passed.
fn gated(mode: Mode) -> Running {
    let mut run = decided(mode);
    match mode {
        Mode::Production => run.vouched("G1", "bo"),
        _ => run.step("G1", Verdict::Pass, Vec::new()),
    }
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    run
}

#[test]
fn a_decision_passes_by_the_word_of_an_owner() {
    for mode in [Mode::Rehearsal, Mode::Production] {
        let mut run = gated(mode);
        let early = run.attested("D1", "bo");
        assert_eq!(run.refused(&early), Refused::NotUnderWay("D1".into()));
        run.follow(intent("D1"), Vec::new());
        // One that was signed before the step was begun is not about it.
        assert!(matches!(run.refused(&early), Refused::Stale { .. }));
        assert_eq!(run.refused(&passed("D1")), Refused::NotAttested("D1".into()));
        let (step, role) = ("D1".to_owned(), "watch".to_owned());
        let other = by(&run, ("watch", "di"), (Choice::Attest, "D1"));
        assert_eq!(run.refused(&other), Refused::NotOwner { step, role });
        assert!(matches!(run.refused(&run.attested("D1", "ana")), Refused::Signature { .. }));
        run.follow(run.attested("D1", "bo"), Vec::new());
        run.follow(passed("D1"), Vec::new());
        assert_eq!(run.state.status("D1"), Some(Status::Done(1, Verdict::Pass)));
        // It is for that attempt.
        run.follow(Event::Intent { step: "D1".into(), attempt: 2 }, Vec::new());
        let (verdict, text) = (Verdict::Pass, "So.".into());
        let again = Event::Outcome { step: "D1".into(), attempt: 2, verdict, text };
        assert_eq!(run.refused(&again), Refused::NotAttested("D1".into()));
    }
}

#[test]
fn in_production_so_does_what_people_sign_off() {
    let mut run = decided(Mode::Production);
    run.follow(intent("G1"), Vec::new());
    assert_eq!(run.refused(&passed("G1")), Refused::NotAttested("G1".into()));
    // That it is not well needs nobody's word.
    let (verdict, text) = (Verdict::Fail, "No.".into());
    let failed = Event::Outcome { step: "G1".into(), attempt: 1, verdict, text };
    run.state.clone().apply(&failed, conductor::JournalView::whole(&Default::default())).unwrap();
    run.follow(run.attested("G1", "bo"), Vec::new());
    run.follow(passed("G1"), Vec::new());
}

#[test]
fn who_owns_no_decision_does_not_let_the_run_go_on() {
    let mut run = gated(Mode::Rehearsal);
    run.follow(intent("D1"), Vec::new());
    run.follow(run.attested("D1", "bo"), Vec::new());
    run.follow(passed("D1"), Vec::new());
    let other = by(&run, ("watch", "di"), (Choice::Go, "D1"));
    assert_eq!(run.refused(&other), Refused::NotDecider("watch".into()));
    run.follow(run.by_lead(Choice::Go), Vec::new());
    run.follow(judged(Verdict::Insufficient, "So."), Vec::new());
    let other = by(&run, ("watch", "di"), (Choice::Waive, "health"));
    assert_eq!(run.refused(&other), Refused::NotDecider("watch".into()));
    run.follow(by(&run, ("lead", "bo"), (Choice::Waive, "health")), Vec::new());
    // Whoever sees the need may stop it and send it back.
    run.follow(intent("S1"), Vec::new());
    run.follow(by(&run, ("watch", "di"), (Choice::Hold, "S1")), Vec::new());
    run.follow(by(&run, ("watch", "di"), (Choice::Rollback, "S1")), Vec::new());
}

#[test]
fn in_production_who_carries_it_out_does_not_decide_alone() {
    let text = document().replace(
        "1. Set `MODE=new`.",
        "1. Decide. <!-- run: decision id=D1 owner=lead,operator -->\n2. Set `MODE=new`.",
    );
    let planned = plan(&text, &Options { mode: Some(Mode::Production), environment: None });
    let mut run = Running::begin(planned.plan.unwrap());
    run.vouched("G1", "bo");
    run.follow(intent("D1"), Vec::new());
    run.follow(by(&run, ("operator", "ana"), (Choice::Attest, "D1")), Vec::new());
    assert_eq!(run.refused(&passed("D1")), Refused::NotAttested("D1".into()));
    run.follow(run.attested("D1", "bo"), Vec::new());
    run.follow(passed("D1"), Vec::new());
}

/// A production run in which two roles decide jointly, of which these are the people.
fn joint(watch: (&str, &str)) -> Running {
    let watch = format!("{} {}", watch.0, key(watch.1).verifier());
    let text = document().replace("roles:\n", &format!("roles:\n  watch: {watch}\n")).replace(
        "1. Set `MODE=new`.",
        "1. Decide. <!-- run: decision id=D1 owner=lead,watch -->\n2. Set `MODE=new`.",
    );
    let planned = plan(&text, &Options { mode: Some(Mode::Production), environment: None });
    let mut run = Running::begin(planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)));
    run.vouched("G1", "bo");
    run.follow(intent("D1"), Vec::new());
    run
}

#[test]
fn a_joint_decision_is_one_of_every_role() {
    let mut run = joint(("Di Sol", "di"));
    assert_eq!(run.state.unvouched("D1"), ["lead", "watch"]);
    run.follow(run.attested("D1", "bo"), Vec::new());
    assert_eq!(run.state.unvouched("D1"), ["watch"]);
    assert_eq!(run.refused(&passed("D1")), Refused::NotAttested("D1".into()));
    run.follow(by(&run, ("watch", "di"), (Choice::Attest, "D1")), Vec::new());
    run.follow(passed("D1"), Vec::new());
}

#[test]
fn one_person_is_not_two_roles() {
    let mut run = joint(("Bo Lind", "bo"));
    run.follow(run.attested("D1", "bo"), Vec::new());
    run.follow(by(&run, ("watch", "bo"), (Choice::Attest, "D1")), Vec::new());
    assert_eq!(run.state.unvouched("D1"), ["lead", "watch"]);
    assert_eq!(run.refused(&passed("D1")), Refused::NotAttested("D1".into()));
}
