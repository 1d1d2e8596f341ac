//! A simulation from a seed: the same seed gives the same trace, and a failing one is printed.
//!
//! `SIM_SEEDS` says how many seeds are run, `SIM_FIRST` with which one they
//! begin; one seed alone is run again with `SIM_FIRST=SEED SIM_SEEDS=1`.

use crate::support::{
    clock::SeededEpochs,
    story::{Story, drawn},
};

const SEEDS: u64 = 1_000;
const STEPS: usize = 120;

/// Tells the story of a seed and returns its trace.
fn trace_of(seed: u64) -> Vec<String> {
    let mut story = Story::begin(seed);
    let source = SeededEpochs::new(!seed);
    for number in 0..STEPS {
        let step = drawn(&source);
        if let Err(broken) = story.step(&step) {
            panic!("seed {seed}, step {number} {step:?}: {broken}\n{}", story.trace.join("\n"));
        }
    }
    if let Err(broken) = story.end() {
        panic!("seed {seed}, at the end: {broken}\n{}", story.trace.join("\n"));
    }
    story.trace
}

#[expect(clippy::disallowed_methods, reason = "a knob of this test alone, read where it is used")]
fn number_from(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
}

#[test]
fn every_seed_keeps_the_promises_and_its_trace() {
    let first = number_from("SIM_FIRST", 1);
    let seeds = number_from("SIM_SEEDS", SEEDS);
    let mut steps = 0;
    for seed in first..first + seeds {
        let trace = trace_of(seed);
        assert!(trace == trace_of(seed), "seed {seed} has two traces");
        steps += trace.len();
    }
    println!("{seeds} seeds from {first}, {steps} steps, each told twice");
}

#[test]
fn another_seed_has_another_trace() {
    assert_ne!(trace_of(1), trace_of(2));
}

/// The seeds reach what they are there for.
#[test]
fn the_seeds_reach_losses_lags_and_replays() {
    let traces: Vec<String> = (1..=40).flat_map(trace_of).collect();
    let reach = |what: &str| traces.iter().filter(|line| line.contains(what)).count();
    for what in ["DataLoss", "Expired", "UnknownCursor", "Replayed", "Crash", "JumpWall"] {
        assert!(reach(what) > 0, "no seed reaches {what}");
    }
}
