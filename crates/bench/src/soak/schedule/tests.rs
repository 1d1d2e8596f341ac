//! What is published follows from the seed, and comes near every limit.

use rand::SeedableRng;

use super::*;
use crate::soak::phase::PhaseName;

fn ops(seconds: u64, seed: u64) -> (Phases, Vec<Op>) {
    let phases = Phases::of(Duration::from_secs(seconds));
    let scheduling = Scheduling { phases: &phases, streams: 100, rate: 100, burst: 10 };
    let ops = scheduling.ops(&mut StdRng::seed_from_u64(seed));
    (phases, ops)
}

/// Returns the events a second of a phase.
fn rate(phases: &Phases, ops: &[Op], name: PhaseName) -> f64 {
    let phase = phases.get(name);
    let is_in = |op: &&Op| (phase.from..phase.to).contains(&op.at);
    let events: u32 = ops.iter().filter(is_in).map(|op| op.events).sum();
    f64::from(events) / phase.length().as_secs_f64()
}

#[test]
fn the_same_seed_makes_the_same_schedule() {
    assert_eq!(ops(60, 1).1, ops(60, 1).1);
    assert_ne!(ops(60, 1).1, ops(60, 2).1);
}

#[test]
fn each_phase_has_its_rate() {
    let (phases, ops) = ops(240, 1);
    assert!(ops.is_sorted_by_key(|op| op.at));
    for name in [PhaseName::Steady, PhaseName::ChurnStorm, PhaseName::Calm] {
        let rate = rate(&phases, &ops, name);
        assert!((95.0..105.0).contains(&rate), "{name:?}: {rate}");
    }
    assert!(rate(&phases, &ops, PhaseName::Bursts) > 300.0);
    assert!(rate(&phases, &ops, PhaseName::Everything) > 360.0);
}

#[test]
fn every_limit_is_come_near_and_none_is_crossed() {
    for seconds in [4, 240] {
        let (phases, ops) = ops(seconds, 2);
        let is_near = |op: &Op| phases.at(op.at).name.load().near_limits;
        for size in Size::ALL {
            let of_size = ops.iter().filter(|op| op.size == size).count();
            assert!(of_size > 0, "{size:?} in {seconds} s");
        }
        assert!(ops.iter().any(|op| op.events == BATCH_EVENTS_MAX && op.size == Size::Ordinary));
        for op in &ops {
            assert!(op.size != Size::Max || is_near(op), "{op:?}");
            assert!(op.events <= BATCH_EVENTS_MAX, "{op:?}");
            assert!(op.size.bytes(200) <= PAYLOAD_BYTES_MAX, "{op:?}");
        }
    }
}
