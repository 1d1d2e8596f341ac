//! The rules by tables, and the model that drives them.

mod model;

use event::{Epoch, Fork, ForkKind, Lineage, Seq};

use super::{
    Ask, Asked, NotSwitched, Placement, Plan, Record, Resume, Stage, Target, Work, hides_loss,
    placement, resume,
};

fn lineage(forks: &[(u64, u64)]) -> Lineage {
    let fork = |&(epoch, after): &(u64, u64)| Fork {
        epoch: Epoch::from_bits(epoch),
        after: Seq(after),
        kind: ForkKind::Whole,
    };
    Lineage::from_forks(forks.iter().map(fork).collect()).unwrap()
}

type Log<'a> = (&'a [(u64, u64)], u64);

/// The record, the saved window, what Redis has, whether that is merged, what is expected.
type Start<'a> = (Record, Option<Log<'a>>, Option<Log<'a>>, bool, Resume);

#[test]
fn a_log_takes_the_place_of_what_it_grew_out_of() {
    let cases: [(Log<'_>, Option<Log<'_>>, Placement); 8] = [
        ((&[(1, 0)], 5), None, Placement::Whole),
        ((&[(1, 0)], 5), Some((&[(1, 0)], 5)), Placement::There),
        ((&[(1, 0)], 5), Some((&[(1, 0), (2, 5)], 9)), Placement::There),
        ((&[(1, 0)], 5), Some((&[(1, 0)], 3)), Placement::Whole),
        // A fence that took no event does not stand in the way.
        ((&[(1, 0), (3, 3)], 5), Some((&[(1, 0), (2, 3)], 3)), Placement::Whole),
        ((&[(1, 0), (3, 3)], 5), Some((&[(1, 0), (2, 3)], 4)), Placement::Branch(Seq(3))),
        ((&[(1, 0)], 5), Some((&[(2, 0)], 4)), Placement::Branch(Seq(0))),
        // Readers elsewhere may have been given the place before the first event.
        ((&[(1, 0)], 5), Some((&[(2, 0)], 0)), Placement::Branch(Seq(0))),
    ];
    for (ours, theirs, expected) in cases {
        let (mine, their) = (lineage(ours.0), theirs.map(|(forks, head)| (lineage(forks), head)));
        let their = their.as_ref().map(|(lineage, head)| (lineage, Seq(*head)));
        assert_eq!(placement((&mine, Seq(ours.1)), their), expected, "{ours:?} {theirs:?}");
    }
}

#[test]
fn a_loss_is_told_once_also_where_the_other_log_has_forgotten_it() {
    let lossy = |forks: &[(u64, u64)], lossy: u64| {
        let mut forks = lineage(forks).forks().to_vec();
        let of = forks.iter_mut().filter(|fork| fork.epoch == Epoch::from_bits(lossy));
        of.for_each(|fork| fork.kind = ForkKind::Lossy);
        Lineage::from_forks(forks).unwrap()
    };
    let ours = lossy(&[(1, 0), (2, 5), (3, 7)], 2);
    for (theirs, hides) in [
        (lineage(&[(1, 0)]), true),
        (lossy(&[(1, 0), (2, 5)], 2), false),
        (lineage(&[(3, 7), (4, 9)]), false),
        (lineage(&[(2, 5), (3, 7), (4, 9)]), false),
        (lineage(&[(9, 0)]), true),
    ] {
        assert_eq!(hides_loss(&ours, &theirs), hides, "{theirs:?}");
    }
}

#[test]
fn a_start_takes_what_redis_may_own() {
    let owns = Record {
        to: Target::Redis,
        stage: Stage::Switched,
        redis_may_own: true,
        memory_leads: false,
    };
    let leads = Record { memory_leads: true, ..owns };
    let not = Record { redis_may_own: false, ..owns };
    let (whole, lossy) = (Resume::Take(ForkKind::Whole), Resume::Take(ForkKind::Lossy));
    let cases: [Start<'_>; 9] = [
        (not, Some((&[(1, 0)], 3)), Some((&[(1, 0)], 5)), false, Resume::Keep),
        (owns, Some((&[(1, 0)], 3)), Some((&[(1, 0)], 5)), false, whole),
        (leads, Some((&[(1, 0)], 3)), Some((&[(1, 0)], 5)), false, lossy),
        (owns, Some((&[(1, 0)], 5)), Some((&[(1, 0)], 5)), false, whole),
        (owns, Some((&[(1, 0)], 5)), Some((&[(1, 0)], 3)), false, Resume::Keep),
        (owns, Some((&[(1, 0)], 5)), None, false, Resume::KeepLossy),
        (owns, None, Some((&[(1, 0)], 3)), false, whole),
        (owns, Some((&[(1, 0)], 5)), Some((&[(2, 0)], 9)), true, whole),
        (owns, Some((&[(1, 0)], 5)), Some((&[(2, 0)], 9)), false, Resume::Keep),
    ];
    for (record, ours, theirs, is_merged, expected) in cases {
        let made = |log: Option<Log<'_>>| log.map(|(forks, head)| (lineage(forks), Seq(head)));
        let (mine, their) = (made(ours), made(theirs));
        let found = resume(
            record,
            mine.as_ref().map(|(lineage, head)| (lineage, *head)),
            their.as_ref().map(|(lineage, head)| (lineage, *head)),
            is_merged,
        );
        assert_eq!(found, expected, "{record:?} {ours:?} {theirs:?} {is_merged}");
    }
}

/// Does all the work there is and returns it.
fn work_through(plan: &mut Plan) -> Vec<Work> {
    let mut done = Vec::new();
    while plan.next() != Work::Rest {
        let work = plan.next();
        if work == Work::Move {
            plan.moves();
        }
        done.push(work);
        plan.done(work);
        assert!(done.len() < 20, "it does not end: {done:?}");
    }
    done
}

#[test]
fn a_switch_goes_through_its_stages() {
    let mut plan = Plan::at_rest(Target::Memory);
    assert_eq!(plan.ask(Ask::Cutover(Target::Memory)), Ok(Asked::Already));
    assert_eq!(plan.ask(Ask::Undo), Ok(Asked::Already));
    assert_eq!(plan.ask(Ask::Finalise), Ok(Asked::Already));
    assert_eq!(plan.ask(Ask::Cutover(Target::Redis)), Ok(Asked::Work));
    assert_eq!(plan.ask(Ask::Finalise), Err(NotSwitched));
    use Work::{Compare, Copy, Drop, Lease, Move, Record, Save};
    let expected = [Lease, Copy, Compare, Record, Record, Move, Save, Record];
    assert_eq!(work_through(&mut plan), expected);
    assert_eq!((plan.stage(), plan.default_owner()), (Stage::Switched, Target::Redis));
    assert_eq!(plan.ask(Ask::Cutover(Target::Redis)), Ok(Asked::Already));
    assert_eq!(plan.ask(Ask::Finalise), Ok(Asked::Work));
    assert_eq!(work_through(&mut plan), [Drop, Record]);
    assert_eq!((plan.stage(), plan.default_owner()), (Stage::Idle, Target::Redis));
    assert_eq!(plan.ask(Ask::Undo), Ok(Asked::Already));
}

#[test]
fn every_stage_can_be_undone() {
    for steps in 0..=8 {
        let mut plan = Plan::at_rest(Target::Memory);
        plan.ask(Ask::Cutover(Target::Redis)).unwrap();
        for _ in 0..steps {
            let work = plan.next();
            if work == Work::Move {
                plan.moves();
            }
            plan.done(work);
        }
        plan.ask(Ask::Undo).unwrap();
        work_through(&mut plan);
        let ended = (plan.stage(), plan.default_owner(), plan.record().redis_may_own);
        assert_eq!(ended, (Stage::Idle, Target::Memory, false), "after {steps} steps");
        assert_eq!(plan.ask(Ask::Undo), Ok(Asked::Already));
    }
}

#[test]
fn what_memory_leads_by_is_said_while_streams_are_here_and_there() {
    let mut plan = Plan::at_rest(Target::Redis);
    plan.ask(Ask::Cutover(Target::Memory)).unwrap();
    while plan.next() != Work::Move {
        assert!(plan.record().redis_may_own);
        plan.done(plan.next());
    }
    plan.moves();
    assert!(plan.record().memory_leads);
    // Turned back amid it.
    plan.ask(Ask::Undo).unwrap();
    while plan.next() != Work::Move {
        assert!(plan.record().memory_leads && plan.record().redis_may_own, "{plan:?}");
        plan.done(plan.next());
    }
    work_through(&mut plan);
    assert!(plan.record().redis_may_own && !plan.record().memory_leads);
    assert_eq!((plan.stage(), plan.default_owner()), (Stage::Idle, Target::Redis));
}

#[test]
fn a_cutover_the_other_way_turns_an_undo_round() {
    let mut plan = Plan::at_rest(Target::Memory);
    plan.ask(Ask::Cutover(Target::Redis)).unwrap();
    work_through(&mut plan);
    plan.ask(Ask::Undo).unwrap();
    plan.done(plan.next());
    assert_eq!(plan.ask(Ask::Cutover(Target::Redis)), Ok(Asked::Work));
    assert_eq!(work_through(&mut plan), [Work::Drop, Work::Record]);
    assert_eq!((plan.stage(), plan.default_owner()), (Stage::Idle, Target::Redis));
}
