//! Guards: a step that waits for one passes where it did, and nothing is kept that it has not passed.

use super::*;

const KEPT: Event = Event::Ended { how: Ending::Kept };

/// The runbook with a step that waits for the guard.
fn waiting() -> String {
    RUNBOOK.replace("3. Tell. <!-- run: notify id=S3", "3. Wait. <!-- run: guard guards=down id=S3")
}

fn holding() -> String {
    RUNBOOK.replace("within = \"1m\"", "within = \"1m\"\non_fail = \"hold\"")
}

#[test]
fn a_step_that_waits_for_a_guard_passes_where_it_did() {
    let mut state = gone_with(&waiting());
    pass(&mut state, &["S1", "S2"]);
    // A verdict from before the step began says nothing of it.
    follow(&mut state, &[judged(Verdict::Pass), intent("S3", 1)]);
    let passed = outcome("S3", 1, Verdict::Pass);
    assert_eq!(refused(&state, &passed), Refused::GuardNotPassed("down".into()));
    follow(&mut state, &[judged(Verdict::Insufficient)]);
    assert_eq!(refused(&state, &passed), Refused::GuardNotPassed("down".into()));
    follow(&mut state, &[judged(Verdict::Pass), judged(Verdict::Insufficient)]);
    assert_eq!(refused(&state, &passed), Refused::GuardNotPassed("down".into()));
    let mut short = state.clone();
    follow(&mut short, &[outcome("S3", 1, Verdict::Insufficient)]);
    follow(&mut state, &[judged(Verdict::Pass), passed, KEPT]);
}

#[test]
fn so_does_one_that_repeats_it() {
    let text =
        waiting().replace("```toml", "4. Again. <!-- run: repeat of=S3 id=S4 -->\n\n```toml");
    let mut state = gone_with(&text);
    pass(&mut state, &["S1", "S2"]);
    follow(&mut state, &[intent("S3", 1), judged(Verdict::Pass), outcome("S3", 1, Verdict::Pass)]);
    follow(&mut state, &[intent("S4", 1)]);
    let passed = outcome("S4", 1, Verdict::Pass);
    assert_eq!(refused(&state, &passed), Refused::GuardNotPassed("down".into()));
    follow(&mut state, &[judged(Verdict::Pass), passed]);
}

#[test]
fn nothing_is_kept_that_a_guard_has_not_passed() {
    let mut state = gone();
    pass(&mut state, &["S1", "S2", "S3"]);
    assert_eq!(refused(&state, &KEPT), Refused::GuardNotPassed("down".into()));
    assert_eq!(refused(&state, &waived("down")), Refused::Unwaivable("down".into()));
    follow(&mut state, &[judged(Verdict::Pass), judged(Verdict::Insufficient)]);
    assert_eq!(refused(&state, &KEPT), Refused::GuardNotPassed("down".into()));
    let mut gone_on = state.clone();
    follow(&mut gone_on, &[waived("down"), KEPT]);
    // What is waived is one verdict.
    let mut silent = state.clone();
    follow(&mut silent, &[waived("down"), judged(Verdict::Error)]);
    // Nobody goes on by a guard that sees nothing, but by a waiver of that.
    assert_eq!(refused(&silent, &decided(Choice::Go)), Refused::GuardNotPassed("down".into()));
    assert_eq!(refused(&silent, &KEPT), Refused::End(Phase::Hold));
    follow(&mut silent, &[waived("down"), decided(Choice::Go), KEPT]);
    follow(&mut state, &[judged(Verdict::Pass), KEPT]);
}

#[test]
fn a_guard_that_was_never_armed_is_not_waited_for() {
    let options = Options { mode: Some(Mode::Readiness), environment: None };
    let mut state = State::new(&plan(RUNBOOK, &options).plan.unwrap()).unwrap();
    let begun = Event::begun("r", state.outline.plan, Mode::Readiness);
    let approved = approved(&state);
    follow(&mut state, &[begun, approved]);
    pass(&mut state, &["G1", "S1"]);
    follow(&mut state, &[decided(Choice::Go), KEPT]);
}

#[test]
fn people_may_go_on_from_a_guard_that_makes_it_hold() {
    let mut state = gone_with(&holding());
    pass(&mut state, &["S1", "S2"]);
    follow(&mut state, &[judged(Verdict::Fail)]);
    assert_eq!(state.phase(), Phase::Hold);
    assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Guard("down".into()));
    follow(&mut state, &[waived("down"), decided(Choice::Go), judged(Verdict::Fail)]);
    // It says so again at every look, and people know.
    assert_eq!(state.phase(), Phase::Go);
    pass(&mut state, &["S3"]);
    let mut kept = state.clone();
    follow(&mut kept, &[KEPT]);
    follow(&mut state, &[judged(Verdict::Pass), judged(Verdict::Fail)]);
    assert_eq!(state.phase(), Phase::Hold);
    assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Guard("down".into()));
}

#[test]
fn nobody_goes_on_from_a_guard_that_sends_the_run_back() {
    let mut state = gone();
    follow(&mut state, &[judged(Verdict::Fail)]);
    assert_eq!(state.phase(), Phase::Hold);
    assert_eq!(refused(&state, &waived("down")), Refused::Guard("down".into()));
    follow(&mut state, &[judged(Verdict::Insufficient)]);
    assert_eq!(refused(&state, &waived("down")), Refused::Guard("down".into()));
}
