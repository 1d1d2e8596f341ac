//! What becomes of a log whose server began anew.

use event::{Epoch, Fork, ForkKind, GapReason, Lineage, Position, Seq, Standing};

use super::{State, Verdict};

fn epoch(bits: u64) -> Epoch {
    Epoch::from_bits(bits)
}

fn state(head: u64, run: &str) -> State {
    State { lineage: Lineage::origin(epoch(1)), head: Seq(head), run: run.to_owned() }
}

fn forked(verdict: Verdict) -> Lineage {
    let Verdict::Fork(lineage) = verdict else { panic!("{verdict:?}") };
    lineage
}

#[test]
fn a_log_on_its_own_server_is_used() {
    let stored = state(5, "a");
    assert_eq!(stored.judge(None, "a", ForkKind::Whole, epoch(9)), Verdict::Use);
    assert_eq!(stored.judge(Some(&state(5, "a")), "a", ForkKind::Whole, epoch(9)), Verdict::Use);
    assert_eq!(stored.judge(Some(&state(3, "a")), "a", ForkKind::Whole, epoch(9)), Verdict::Use);
}

#[test]
fn a_restart_that_lost_nothing_forks_whole() {
    for known in [None, Some(state(3, "a")), Some(state(5, "a"))] {
        let lineage = forked(state(5, "a").judge(known.as_ref(), "b", ForkKind::Whole, epoch(9)));
        assert_eq!(lineage.forks()[1].kind, ForkKind::Whole);
        assert_eq!(lineage.forks()[1].after, Seq(5));
    }
}

#[test]
fn a_log_that_went_back_forks_lossy() {
    for run in ["a", "b"] {
        let lineage =
            forked(state(5, "a").judge(Some(&state(7, "a")), run, ForkKind::Whole, epoch(9)));
        let lost = lineage.standing(Position::new(epoch(1), Seq(7)), Seq(5));
        assert!(matches!(lost, Standing::PastEnd { reason: GapReason::DataLoss, .. }));
    }
}

#[test]
fn an_epoch_that_redis_forgot_stays_in_the_lineage() {
    let mut known = state(6, "b");
    known.lineage.fork(epoch(2), Seq(5), ForkKind::Whole);
    let lineage = forked(state(5, "a").judge(Some(&known), "c", ForkKind::Whole, epoch(9)));
    let lost = lineage.standing(Position::new(epoch(2), Seq(6)), Seq(5));
    assert!(matches!(lost, Standing::PastEnd { reason: GapReason::DataLoss, .. }));
}

/// Redis came back empty at 1, went on, and came back with a copy of before that.
#[test]
fn a_log_that_is_another_history_keeps_its_own_epochs() {
    let mut known = state(6, "b");
    known.lineage.fork(epoch(2), Seq(1), ForkKind::Lossy);
    let stored = state(3, "a");
    let lineage = forked(stored.judge(Some(&known), "c", ForkKind::Whole, epoch(9)));
    assert_eq!(lineage.position_at(Seq(3)), Position::new(epoch(1), Seq(3)));
    assert_eq!(lineage.forks()[1], Fork { epoch: epoch(9), after: Seq(3), kind: ForkKind::Lossy });
}

#[test]
fn a_process_that_knew_less_makes_no_silence() {
    // Redis came back at 5; one that knew 3 goes on first, to 8; one that knew 7 comes later.
    let lineage = forked(state(5, "a").judge(Some(&state(3, "a")), "b", ForkKind::Whole, epoch(9)));
    let stored = State { lineage, head: Seq(8), run: "b".to_owned() };
    let standing = stored.lineage.standing(Position::new(epoch(1), Seq(7)), stored.head);
    assert!(matches!(standing, Standing::PastEnd { .. }), "{standing:?}");
    // Who had read less than was lost is told by a fork, once.
    let lineage = forked(stored.judge(Some(&state(7, "a")), "b", ForkKind::Whole, epoch(10)));
    assert_eq!(lineage.forks()[2], Fork { epoch: epoch(10), after: Seq(8), kind: ForkKind::Lossy });
    let told = State { lineage, ..stored };
    assert_eq!(told.judge(Some(&state(6, "a")), "b", ForkKind::Whole, epoch(11)), Verdict::Use);
}

/// Some replica of ours that may have known more did not say so.
#[test]
fn a_log_that_may_lack_something_forks_lossy() {
    for known in [None, Some(state(5, "a"))] {
        let lineage = forked(state(5, "a").judge(known.as_ref(), "b", ForkKind::Lossy, epoch(9)));
        assert_eq!(lineage.forks()[1].kind, ForkKind::Lossy);
    }
    let same = state(5, "a").judge(None, "a", ForkKind::Lossy, epoch(9));
    assert_eq!(same, Verdict::Use, "its server did not begin anew");
}
