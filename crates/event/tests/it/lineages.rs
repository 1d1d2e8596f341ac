//! Lineage: what a cursor of an earlier owner is worth.

use event::{
    Epoch, Fork, ForkKind, GapReason, Lineage, LineageError, Position, Seq, Standing,
    limits::LINEAGE_EPOCHS_MAX,
};
use proptest::prelude::*;

use ForkKind::{Lossy, Whole};

fn epoch(bits: u64) -> Epoch {
    Epoch::from_bits(bits)
}

fn at(bits: u64, seq: u64) -> Position {
    Position::new(epoch(bits), Seq(seq))
}

/// Epoch 1 from the start, then each next one after the number given.
fn lineage(forks: &[(u64, ForkKind)]) -> Lineage {
    let mut lineage = Lineage::origin(epoch(1));
    for (index, (after, kind)) in forks.iter().enumerate() {
        lineage.fork(epoch(index as u64 + 2), Seq(*after), *kind);
    }
    lineage
}

fn past(shared: Position, reason: GapReason) -> Standing {
    Standing::PastEnd { shared, reason }
}

#[test]
fn standings() {
    let log = lineage(&[(5, Whole), (9, Lossy)]);
    let table = [
        (at(1, 0), Standing::Good),
        (at(1, 5), Standing::Good),
        (at(1, 6), past(at(1, 5), GapReason::Diverged)),
        (at(2, 6), Standing::Good),
        (at(2, 9), Standing::Good),
        (at(2, 10), past(at(2, 9), GapReason::DataLoss)),
        (at(3, 9), Standing::Good),
        (at(3, 12), Standing::Good),
        (at(3, 13), past(at(3, 12), GapReason::Diverged)),
        (at(3, u64::MAX), past(at(3, 12), GapReason::Diverged)),
        (at(4, 1), Standing::Unknown),
    ];
    for (place, expected) in table {
        assert_eq!(log.standing(place, Seq(12)), expected, "{place}");
    }
}

#[test]
fn places_of_numbers() {
    let log = lineage(&[(5, Whole), (9, Lossy)]);
    let table = [(0, 1, 1), (1, 1, 1), (5, 1, 1), (6, 2, 2), (9, 2, 3), (10, 3, 3), (99, 3, 3)];
    for (seq, of_event, last) in table {
        assert_eq!(log.position_at(Seq(seq)), at(of_event, seq));
        assert_eq!(log.last_at(Seq(seq)), at(last, seq));
    }
}

#[test]
fn holes_ahead() {
    let log = lineage(&[(3, Lossy), (5, Whole), (5, Lossy), (5, Lossy), (7, Whole)]);
    let table = [
        (at(1, 0), Some(3)),
        (at(1, 3), Some(3)),
        (at(2, 3), Some(5)),
        (at(2, 5), Some(5)),
        (at(4, 5), Some(5)),
        (at(5, 5), None),
        (at(6, 8), None),
        (at(9, 1), None),
    ];
    for (place, hole) in table {
        assert_eq!(log.hole_after(place), hole.map(Seq), "{place}");
    }
    assert_eq!(log.last_at(Seq(5)), at(5, 5), "beyond all of them");
}

#[test]
fn a_lossy_origin_is_a_log_whose_past_is_gone() {
    let log = Lineage::lossy_origin(epoch(1));
    assert!(log.lost_its_past() && !lineage(&[(0, Lossy)]).lost_its_past());
    assert_eq!(log.hole_after(at(1, 0)), None, "its own first place lies beyond");
}

#[test]
fn epochs_that_nobody_can_name_leave_no_trace() {
    type Row = (&'static [(u64, ForkKind)], &'static [u64]);
    let table: [Row; 6] = [
        (&[(0, Whole)], &[1, 2]),
        (&[(5, Whole), (5, Whole), (5, Whole)], &[1, 4]),
        (&[(5, Whole), (6, Whole)], &[1, 2, 3]),
        // The place beyond a hole was given to readers.
        (&[(5, Lossy), (5, Whole)], &[1, 2, 3]),
        (&[(5, Lossy), (5, Whole), (5, Whole)], &[1, 2, 4]),
        // Nobody knows whether the one before had appended what is lost.
        (&[(5, Whole), (5, Lossy)], &[1, 2, 3]),
    ];
    for (forks, epochs) in table {
        let log = lineage(forks);
        let left: Vec<_> = log.forks().iter().map(|fork| fork.epoch.bits()).collect();
        assert_eq!(left, epochs, "{forks:?}");
    }
}

#[test]
fn the_oldest_epochs_are_forgotten() {
    let forks: Vec<_> = (1..=100).map(|after| (after, Whole)).collect();
    let log = lineage(&forks);
    assert_eq!(log.forks().len(), LINEAGE_EPOCHS_MAX);
    assert_eq!(log.standing(at(1, 1), Seq(100)), Standing::Unknown);
    assert_eq!(log.standing(at(101, 100), Seq(100)), Standing::Good);
    assert_eq!(log.current(), epoch(101));
}

#[test]
fn forks_that_are_no_lineage_are_refused() {
    let fork = |bits, after| Fork { epoch: epoch(bits), after: Seq(after), kind: Whole };
    let many = |count| (1..=count).map(|bits| fork(bits, bits)).collect::<Vec<_>>();
    let table = [
        (vec![], Some(LineageError::Empty)),
        (many(65), Some(LineageError::TooLong)),
        (vec![fork(1, 3), fork(2, 2)], Some(LineageError::Disordered)),
        (vec![fork(1, 0), fork(2, 2), fork(1, 3)], Some(LineageError::Repeated)),
        (vec![fork(1, 7)], None),
        (vec![fork(1, 0), fork(2, 0), fork(3, 0)], None),
        (many(64), None),
    ];
    for (forks, expected) in table {
        assert_eq!(Lineage::from_forks(forks).err(), expected);
    }
}

/// How many numbers an epoch appends before the next one begins, and how that one takes over.
fn histories(
    kinds: impl Strategy<Value = ForkKind>,
) -> impl Strategy<Value = Vec<(u64, ForkKind)>> {
    proptest::collection::vec((0..4_u64, kinds), 0..40)
}

proptest! {
    #[test]
    fn places_outlive_whole_forks(history in histories(Just(Whole)), more in 0..5_u64) {
        let mut log = Lineage::origin(epoch(1));
        let (mut head, mut given) = (0, vec![at(1, 0)]);
        for (index, (appends, kind)) in history.into_iter().enumerate() {
            for _ in 0..appends {
                head += 1;
                given.push(Position::new(log.current(), Seq(head)));
            }
            given.push(log.last_at(Seq(head)));
            log.fork(epoch(index as u64 + 2), Seq(head), kind);
            given.push(log.last_at(Seq(head)));
        }
        for place in given {
            prop_assert_eq!(log.standing(place, Seq(head + more)), Standing::Good);
            prop_assert_eq!(log.position_at(place.seq), place);
            prop_assert_eq!(log.hole_after(place), None);
        }
    }

    #[test]
    fn what_a_crash_took_is_told(history in histories(prop_oneof![Just(Whole), Just(Lossy)]), lost in 1..9_u64) {
        let mut log = Lineage::origin(epoch(1));
        let mut head = 0;
        for (index, (appends, kind)) in history.into_iter().enumerate() {
            head += appends;
            log.fork(epoch(index as u64 + 2), Seq(head), kind);
        }
        let owner = log.current();
        log.fork(epoch(1000), Seq(head), Lossy);
        let gone = Position::new(owner, Seq(head + lost));
        let standing = log.standing(gone, Seq(head));
        let reason = GapReason::DataLoss;
        prop_assert_eq!(standing, Standing::PastEnd { shared: log.position_at(Seq(head)), reason });
        prop_assert_eq!(log.hole_after(Position::new(owner, Seq(head))), Some(Seq(head)));
        let beyond = log.last_at(Seq(head));
        prop_assert_eq!((beyond, log.hole_after(beyond)), (at(1000, head), None));
    }

    #[test]
    fn any_history_is_a_lineage(history in histories(prop_oneof![Just(Whole), Just(Lossy)])) {
        let mut log = Lineage::origin(epoch(1));
        let mut head = 0;
        for (index, (appends, kind)) in history.into_iter().enumerate() {
            head += appends;
            log.fork(epoch(index as u64 + 2), Seq(head), kind);
            prop_assert!(log.forks().len() <= LINEAGE_EPOCHS_MAX);
            prop_assert_eq!(log.current(), epoch(index as u64 + 2));
        }
        prop_assert_eq!(Lineage::from_forks(log.forks().to_vec()), Ok(log));
    }
}
