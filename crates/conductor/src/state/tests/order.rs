//! Steps in their order, what was read back of them, and the way back.

use super::*;

#[test]
fn a_gate_that_was_read_back_has_not_passed() {
    for effect in [Effect::Yes, Effect::No] {
        let mut state = state();
        let (begun, approved) = (begun(&state), approved(&state));
        follow(&mut state, &[begun, approved, intent("G1", 1), Event::Resumed { torn_bytes: 0 }]);
        follow(&mut state, &[read_back("G1", effect)]);
        assert_eq!(state.status("G1"), Some(Status::NoEffect(1)));
        assert_eq!(refused(&state, &decided(Choice::Go)), Refused::Gate("G1".into()));
        assert!(matches!(
            refused(&state, &outcome("G1", 1, Verdict::Pass)),
            Refused::Attempt { .. }
        ));
        follow(&mut state, &[intent("G1", 2), outcome("G1", 2, Verdict::Pass)]);
        follow(&mut state, &[decided(Choice::Go)]);
    }
}

#[test]
fn what_took_effect_has_not_passed_before_it_was_judged() {
    let mut state = gone();
    pass(&mut state, &["S1"]);
    follow(&mut state, &[intent("S2", 1), Event::Resumed { torn_bytes: 0 }]);
    follow(&mut state, &[read_back("S2", Effect::Yes)]);
    assert_eq!(state.status("S2"), Some(Status::TookEffect(1)));
    assert_eq!(refused(&state, &intent("S3", 1)), Refused::NotPassed("S2".into()));
    // What may be done twice may be done again; everything may be judged as it is.
    let mut again = state.clone();
    follow(&mut again, &[intent("S2", 2)]);
    let mut failed = state.clone();
    follow(&mut failed, &[outcome("S2", 1, Verdict::Fail)]);
    assert_eq!(failed.phase(), Phase::Hold);
    follow(&mut state, &[outcome("S2", 1, Verdict::Pass), intent("S3", 1)]);
}

#[test]
fn a_grave_step_that_failed_does_not_pass_by_being_read_back() {
    let mut state = gone();
    pass(&mut state, &["S1", "S2"]);
    follow(&mut state, &[judged(Verdict::Pass)]);
    follow(&mut state, &[intent("S3", 1), outcome("S3", 1, Verdict::Fail)]);
    follow(&mut state, &[read_back("S3", Effect::Yes), decided(Choice::Go)]);
    let kept = Event::Ended { how: Ending::Kept };
    assert_eq!(refused(&state, &kept), Refused::NotPassed("S3".into()));
    assert_eq!(refused(&state, &intent("S3", 2)), Refused::Twice("S3".into()));
    // People may go on from it, or it is judged.
    let mut gone_on = state.clone();
    follow(&mut gone_on, &[waived("S3"), kept.clone()]);
    follow(&mut state, &[outcome("S3", 1, Verdict::Pass), kept]);
}

#[test]
fn steps_are_carried_out_in_their_order() {
    let mut state = gone();
    assert_eq!(refused(&state, &intent("S2", 1)), Refused::NotPassed("S1".into()));
    assert_eq!(refused(&state, &intent("S3", 1)), Refused::NotPassed("S1".into()));
    // A failure is not passed by being told to go on.
    follow(&mut state, &[intent("S1", 1), outcome("S1", 1, Verdict::Fail), decided(Choice::Go)]);
    assert_eq!(refused(&state, &intent("S2", 1)), Refused::NotPassed("S1".into()));
    let mut waived = state.clone();
    follow(&mut waived, &[super::waived("S1"), intent("S2", 1)]);
    follow(&mut state, &[intent("S1", 2), outcome("S1", 2, Verdict::Pass)]);
    pass(&mut state, &["S2"]);
    // What was looked at may be looked at again, and nothing is changed behind the back of it.
    follow(&mut state, &[intent("S2", 2), outcome("S2", 2, Verdict::Pass), intent("S3", 1)]);
    follow(&mut state, &[outcome("S3", 1, Verdict::Pass), intent("S1", 3)]);
    follow(&mut state, &[outcome("S1", 3, Verdict::Pass)]);
    let (step, later) = ("S2".to_owned(), "S3".to_owned());
    assert_eq!(refused(&state, &intent("S2", 3)), Refused::Behind { step, later });
}

#[test]
fn the_order_counts_before_people_say_go_as_well() {
    let text = RUNBOOK.replace("3. Tell. <!-- run: notify", "3. Tell. <!-- run: sign-off");
    let mut state = state_of(&text);
    let begun = begun(&state);
    follow(&mut state, &[begun]);
    assert_eq!(refused(&state, &intent("S3", 1)), Refused::NotPassed("S1".into()));
    pass(&mut state, &["S1"]);
    assert_eq!(refused(&state, &intent("S3", 1)), Refused::NotPassed("S2".into()));
}

#[test]
fn what_comes_after_another_waits_for_it() {
    let second =
        "- Ready? <!-- run: sign-off id=G1 -->\n- Still? <!-- run: sign-off id=G2 after=G1 -->";
    let mut state = state_of(&RUNBOOK.replace("- Ready? <!-- run: sign-off id=G1 -->", second));
    let begun = begun(&state);
    follow(&mut state, &[begun]);
    assert_eq!(refused(&state, &intent("G2", 1)), Refused::NotPassed("G1".into()));
    follow(&mut state, &[intent("G1", 1), outcome("G1", 1, Verdict::Insufficient)]);
    assert_eq!(refused(&state, &intent("G2", 1)), Refused::NotPassed("G1".into()));
    follow(&mut state, &[waived("G1"), intent("G2", 1)]);
}

#[test]
fn only_an_outcome_that_is_there_and_is_no_pass_is_waived() {
    let mut state = state();
    let begun = begun(&state);
    follow(&mut state, &[begun]);
    let no_outcome = Refused::Unwaivable("G1".into());
    assert_eq!(refused(&state, &waived("G1")), no_outcome);
    follow(&mut state, &[intent("G1", 1)]);
    assert_eq!(refused(&state, &waived("G1")), no_outcome);
    follow(&mut state, &[outcome("G1", 1, Verdict::Pass)]);
    assert_eq!(refused(&state, &waived("G1")), no_outcome);
    assert_eq!(refused(&state, &waived("S2")), Refused::Unwaivable("S2".into()));
    assert_eq!(refused(&state, &waived("G9")), Refused::NoSuch("G9".into()));
    follow(&mut state, &[intent("G1", 2), outcome("G1", 2, Verdict::Error), waived("G1")]);
}

const UNDOING: &str = "
   ```toml undo
   what = \"put A back\"
   flags = [\"A=0\"]
   ```
";

#[test]
fn what_a_step_brings_along_takes_it_back() {
    let (text, _) = RUNBOOK.split_once("## Rollback").unwrap();
    let text = text
        .replace("id=S2 -->\n", &format!("id=S2 -->\n{UNDOING}\n"))
        .replace("3. Tell. <!-- run: notify", "3. Set `B=1`. <!-- run: flag")
        .replace("id=S3 -->\n", &format!("id=S3 -->\n{UNDOING}\n"));
    let mut state = gone_with(&text);
    pass(&mut state, &["S1"]);
    follow(&mut state, &[intent("S2", 1), outcome("S2", 1, Verdict::Fail)]);
    follow(&mut state, &[decided(Choice::Rollback)]);
    let back = Event::Ended { how: Ending::RolledBack };
    assert_eq!(refused(&state, &back), Refused::NotPassed("undo:S2".into()));
    // What was not begun is not taken back.
    let (step, undone) = ("undo:S3".to_owned(), "S3".to_owned());
    assert_eq!(refused(&state, &intent("undo:S3", 1)), Refused::NotBegun { step, undone });
    follow(&mut state, &[intent("undo:S2", 1), outcome("undo:S2", 1, Verdict::Fail)]);
    assert_eq!(refused(&state, &back), Refused::NotPassed("undo:S2".into()));
    follow(&mut state, &[intent("undo:S2", 2), outcome("undo:S2", 2, Verdict::Pass), back]);
    assert_eq!(state.phase(), Phase::RolledBack);
}

#[test]
fn the_way_back_has_an_order_too() {
    let text = format!("{RUNBOOK}3. Look. <!-- run: sign-off id=R3 -->\n");
    let mut state = gone_with(&text);
    pass(&mut state, &["S1"]);
    follow(&mut state, &[intent("S2", 1), decided(Choice::Rollback)]);
    assert_eq!(refused(&state, &intent("R3", 1)), Refused::NotPassed("R1".into()));
    // A primary way that is stuck keeps nobody from the fallback.
    follow(&mut state, &[intent("R1", 1), outcome("R1", 1, Verdict::Fail)]);
    assert_eq!(refused(&state, &intent("R3", 1)), Refused::NotPassed("R1".into()));
    assert_eq!(refused(&state, &waived("R1")), Refused::Choice(Phase::RollingBack));
    let mut fallback = state.clone();
    follow(&mut fallback, &[intent("R2", 1)]);
    follow(&mut state, &[intent("R1", 2), outcome("R1", 2, Verdict::Pass), intent("R3", 1)]);
}

#[test]
fn it_is_known_whether_there_is_a_return() {
    let text = RUNBOOK.replace("notify id=S3", "notify class=irreversible id=S3");
    let mut state = gone_with(&text);
    pass(&mut state, &["S1", "S2"]);
    assert!(!state.is_past_no_return());
    follow(&mut state, &[intent("S3", 1)]);
    assert!(state.is_past_no_return());
    follow(&mut state, &[Event::Resumed { torn_bytes: 0 }]);
    assert!(state.is_past_no_return());
    let mut happened = state.clone();
    follow(&mut happened, &[read_back("S3", Effect::Yes)]);
    assert!(happened.is_past_no_return());
    follow(&mut state, &[read_back("S3", Effect::No)]);
    assert!(!state.is_past_no_return());
    assert!(!gone().is_past_no_return());
}
