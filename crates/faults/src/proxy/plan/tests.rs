//! What sets of toxics come to.

use std::time::Duration;

use super::{Exposure, Plan};
use crate::proxy::toxic::{Direction, Toxic, Toxics};

const MS: Duration = Duration::from_millis(1);

fn plan_of(toxics: &[Toxic]) -> Plan {
    let mut all = Toxics::default();
    for (number, &toxic) in toxics.iter().enumerate() {
        all.set(&number.to_string(), Direction::Upstream, toxic, 1.0);
    }
    Exposure::default().plan(&all, Direction::Upstream, 0, || 0.5)
}

#[test]
fn toxics_of_one_kind_add_up_or_the_harder_one_holds() {
    let latency = Toxic::Latency { latency: 5 * MS, jitter: MS };
    let plan = plan_of(&[latency, latency, Toxic::Bandwidth { rate: 9 }]);
    assert_eq!((plan.latency, plan.jitter, plan.rate), (10 * MS, 2 * MS, Some(9000)));
    let plan = plan_of(&[Toxic::Bandwidth { rate: 9 }, Toxic::Bandwidth { rate: 3 }]);
    assert_eq!(plan.rate, Some(3000));
    assert_eq!(plan_of(&[]), Plan::default());
}

#[test]
fn pieces_keep_every_limit_and_are_never_empty() {
    let slicer = Toxic::Slicer { average_size: 10, size_variation: 4, delay: MS };
    let plan = plan_of(&[slicer]);
    assert_eq!([0.0, 0.5, 1.0].map(|die| plan.piece(100, 0, die)), [6, 10, 14]);
    assert_eq!(plan.rest(10), MS);
    assert_eq!(plan_of(&[Toxic::Bandwidth { rate: 1 }]).piece(5000, 0, 0.5), 100);
    assert_eq!(plan_of(&[Toxic::LimitData { bytes: 7 }]).piece(100, 3, 0.5), 4);
    let nothing = Toxic::Slicer { average_size: 0, size_variation: 0, delay: MS };
    assert_eq!(plan_of(&[nothing]).piece(100, 0, 0.5), 1);
}

#[test]
fn jitter_lies_on_both_sides_and_time_does_not_run_back() {
    let plan = plan_of(&[Toxic::Latency { latency: 10 * MS, jitter: 20 * MS }]);
    assert_eq!([0.0, 0.5, 1.0].map(|die| plan.delay(die)), [Duration::ZERO, 10 * MS, 30 * MS]);
}

#[test]
fn the_dice_fall_once_for_a_toxic_and_again_when_it_changes() {
    let mut toxics = Toxics::default();
    let half = |toxics: &mut Toxics| {
        toxics.set("t", Direction::Upstream, Toxic::HalfOpen, 0.5);
    };
    half(&mut toxics);
    let mut exposure = Exposure::default();
    let mut plan =
        |toxics: &Toxics, die: f64| exposure.plan(toxics, Direction::Upstream, 0, || die).half_open;
    assert!(plan(&toxics, 0.4));
    assert!(plan(&toxics, 0.9), "it was drawn anew");
    half(&mut toxics);
    assert!(!plan(&toxics, 0.9));
    assert!(!exposure.plan(&toxics, Direction::Downstream, 0, || 0.0).half_open);
}
