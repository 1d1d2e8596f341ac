//! What is signed and has to hold at the end.

use super::*;

fn with_closing() -> State {
    gone_with(&format!(
        "{RUNBOOK}\n## Checklist <!-- run: section checklist -->\n\n\
         - [ ] Seen. <!-- run: sign-off id=C1 -->\n- [ ] Swept. <!-- run: external class=once id=C2 -->\n\n\
         ## Criteria <!-- run: section criteria -->\n\n- Well. <!-- run: sign-off id=E1 -->\n"
    ))
}

const KEPT: Event = Event::Ended { how: Ending::Kept };

#[test]
fn what_is_kept_was_signed_and_holds_at_the_end() {
    let mut state = with_closing();
    pass(&mut state, &["S1", "S2", "S3"]);
    follow(&mut state, &[judged(Verdict::Pass)]);
    assert_eq!(refused(&state, &KEPT), Refused::NotPassed("C1".into()));
    pass(&mut state, &["C2", "C1"]);
    follow(&mut state, &[intent("E1", 1), outcome("E1", 1, Verdict::Fail)]);
    assert_eq!(refused(&state, &KEPT), Refused::NotPassed("E1".into()));
    // It has to hold: nobody waives that.
    assert_eq!(refused(&state, &waived("E1")), Refused::Unwaivable("E1".into()));
    follow(&mut state, &[intent("E1", 2), outcome("E1", 2, Verdict::Pass), KEPT]);
    assert_eq!(state.phase(), Phase::Kept);
}

#[test]
fn what_was_seen_before_the_last_change_does_not_count_at_the_end() {
    let mut state = with_closing();
    // Once at the start, once while the last change is under way.
    pass(&mut state, &["E1", "S1", "S2"]);
    follow(&mut state, &[judged(Verdict::Pass)]);
    pass(&mut state, &["C1", "S3", "C2"]);
    assert_eq!(refused(&state, &KEPT), Refused::NotPassed("C1".into()));
    follow(&mut state, &[intent("C1", 2), outcome("C1", 2, Verdict::Pass)]);
    assert_eq!(refused(&state, &KEPT), Refused::NotPassed("E1".into()));
    follow(&mut state, &[intent("E1", 2), outcome("E1", 2, Verdict::Pass), KEPT]);
}

#[test]
fn what_changes_something_at_the_end_comes_behind_the_run() {
    let mut state = with_closing();
    pass(&mut state, &["S1", "S2"]);
    assert_eq!(refused(&state, &intent("C2", 1)), Refused::NotPassed("S3".into()));
    pass(&mut state, &["S3", "C2"]);
}
