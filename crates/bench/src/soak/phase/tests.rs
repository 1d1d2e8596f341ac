//! The phases fill the run, whatever its length.

use super::*;
use crate::{
    args::SOAK_SECONDS_DEFAULT,
    soak::{limits::WINDOW_SECONDS, report::LEVEL_PART},
};

#[test]
fn phases_follow_each_other_without_a_hole() {
    for seconds in [4, 7, 180, 7200] {
        let time = Duration::from_secs(seconds);
        let phases = Phases::of(time);
        let mut at = Duration::ZERO;
        for phase in phases.all() {
            assert_eq!(phase.from, at, "{phase:?}");
            assert!(phase.to > phase.from, "{phase:?}");
            at = phase.to;
        }
        assert_eq!(at, time);
    }
}

#[test]
fn in_a_run_of_the_usual_length_the_window_has_turned_over_when_memory_is_judged() {
    let forgets = |seconds: u32| {
        let phases = Phases::of(Duration::from_secs(seconds.into()));
        let calm = phases.get(PhaseName::Calm);
        let level_from = calm.to - calm.length() / LEVEL_PART as u32;
        level_from - calm.from >= Duration::from_secs(WINDOW_SECONDS.into())
    };
    assert!(forgets(167) && !forgets(166), "it is as the shares say");
    assert!(forgets(SOAK_SECONDS_DEFAULT));
}

#[test]
fn a_time_has_its_phase() {
    let phases = Phases::of(Duration::from_secs(100));
    let check = |second: u64, name: PhaseName| {
        assert_eq!(phases.at(Duration::from_secs(second)).name, name, "{second}");
    };
    check(0, PhaseName::RampUp);
    check(8, PhaseName::Steady);
    check(27, PhaseName::Bursts);
    check(28, PhaseName::ChurnStorm);
    check(47, PhaseName::Slow);
    check(48, PhaseName::Everything);
    check(60, PhaseName::Calm);
    check(500, PhaseName::Calm);
    assert_eq!(phases.get(PhaseName::Slow).from, Duration::from_secs(38));
}

#[test]
fn the_phases_that_are_compared_have_the_same_load() {
    assert_eq!(PhaseName::Steady.load(), PhaseName::Calm.load());
    assert_eq!(PhaseName::Calm.load(), Load::default());
}

#[test]
fn short_phases_have_their_churn_too() {
    let storm = |seconds: f64| STORM.leaves_per_second(Duration::from_secs_f64(seconds));
    assert_eq!(storm(0.5), 3.0);
    assert_eq!(storm(300.0), 0.05);
}
