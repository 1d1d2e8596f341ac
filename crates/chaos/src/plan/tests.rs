//! The same seed gives the same plan, and every plan keeps its rules.

use std::collections::BTreeSet;

use super::*;

fn plan(seed: u64, seconds: u64) -> Plan {
    Plan::from_seed(seed, seconds, &Settings::default())
}

#[test]
fn the_same_seed_gives_the_same_plan_byte_for_byte() {
    assert_eq!(plan(7, 300).text(), plan(7, 300).text());
    assert_ne!(plan(7, 300).acts, plan(8, 300).acts);
    assert_eq!(Plan::parse(&plan(7, 300).text()), Ok(plan(7, 300)));
}

#[test]
fn a_plan_is_what_it_was() {
    // A plan that changed makes the seeds in documents and reports mean something else.
    let plan = plan(1, 20);
    let shown: Vec<_> = plan.acts.iter().map(|act| act.shown()).collect();
    assert_eq!(plan.mode, Mode::Loose);
    assert_eq!(shown, GOLDEN, "{shown:#?}");
}

const GOLDEN: &[&str] = &[
    "#0 way.bandwidth replica 1 level 178 for 6.0 s",
    "#1 readers.slow level 696",
    "#2 readers.switch level 66",
    "#3 backend.memory replica 1 level 2 for 4.5 s",
    "#4 backend.undo replica 2 level 1 for 0.2 s",
    "#5 replica.kill replica 2 level 0 for 1.8 s",
    "#6 readers.storm level 46",
    "#7 backend.undo replica 0 level 0 for 0.1 s",
    "#8 way.latency replica 2 level 117 for 2.7 s",
    "#9 replica.kill replica 1 level 0 for 0.7 s",
    "#10 readers.storm level 85",
    "#11 backend.memory replica 0 level 2 for 1.0 s",
];

#[test]
fn every_fault_ends_with_its_storm() {
    for seed in 0..200 {
        let plan = plan(seed, 120);
        assert_eq!(plan.phases[plan.phases.len() - 1].end_ms, 120_000);
        for act in &plan.acts {
            let inside = |phase: &&Phase| {
                !phase.is_calm && phase.begin_ms <= act.begin_ms && act.end_ms <= phase.end_ms
            };
            assert!(plan.phases.iter().any(|phase| inside(&phase)), "{act:?}");
        }
    }
}

#[test]
fn nothing_is_broken_twice_at_once_and_a_replica_is_left() {
    for seed in 0..100 {
        let plan = plan(seed, 300);
        for act in &plan.acts {
            let kind = Kind::of(act).expect("it was drawn");
            let beside = plan.acts.iter().filter(|other| {
                other.id != act.id
                    && other.begin_ms <= act.end_ms
                    && act.begin_ms <= other.end_ms
                    && Kind::of(other).is_some_and(|other| other.place == kind.place)
            });
            let beside: Vec<_> = beside.collect();
            match kind.place {
                Place::Traffic => {}
                Place::Redis => assert!(beside.is_empty(), "{act:?} {beside:?}"),
                Place::Way | Place::Replica | Place::Backend => {
                    let same =
                        |other: &&&Act| other.replica == act.replica || other.replica.is_none();
                    assert_eq!(beside.iter().find(same), None, "{act:?}");
                }
            }
        }
        let down = |at| {
            let is_down = |act: &&Act| act.begin_ms <= at && at <= act.end_ms;
            let acts = plan.acts.iter().filter(|act| act.kind.starts_with("replica."));
            acts.filter(is_down).count()
        };
        assert!((0..300_000).step_by(250).all(|at| down(at) < 3), "seed {seed}");
    }
}

#[test]
fn every_kind_comes_and_both_modes_do() {
    let plans: Vec<_> = (0..40).map(|seed| plan(seed, 300)).collect();
    let drawn: BTreeSet<_> = plans.iter().flat_map(|plan| &plan.acts).map(|a| &a.kind).collect();
    let missing: Vec<_> = names().into_iter().filter(|n| !drawn.iter().any(|d| d == n)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let strict = plans.iter().filter(|plan| plan.mode == Mode::Strict).count();
    assert!((5..35).contains(&strict), "{strict}");
}

#[test]
fn what_is_left_out_does_not_come() {
    let settings = Settings { without: vec!["redis.".into()], ..Settings::default() };
    let plan = Plan::from_seed(3, 600, &settings);
    assert!(!plan.acts.is_empty() && plan.acts.iter().all(|act| !act.kind.starts_with("redis.")));
    let settings = Settings { only: vec!["redis.stop".into()], ..Settings::default() };
    let plan = Plan::from_seed(3, 600, &settings);
    assert!(!plan.acts.is_empty() && plan.acts.iter().all(|act| act.kind == "redis.stop"));
}

#[test]
fn a_plan_that_names_nonsense_is_refused() {
    let refused = |change: fn(&mut Act)| {
        let mut plan = plan(1, 60);
        change(&mut plan.acts[0]);
        Plan::parse(&plan.text()).expect_err("it is nonsense")
    };
    assert!(refused(|act| act.kind = "redis.burn".into()).contains("redis.burn"));
    assert!(refused(|act| act.replica = Some(3)).contains("replica"));
    assert!(refused(|act| act.end_ms = 0).contains("before it begins"));
    assert!(Plan::parse("{}").is_err());
}
