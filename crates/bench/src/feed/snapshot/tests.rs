//! What is said of snapshots.

use super::*;

fn args() -> SnapshotArgs {
    let feed = crate::args::FeedArgs { program: None, dir: None, repeat: 1 };
    SnapshotArgs {
        transactions: 1_000,
        held: 250_000,
        held_few: 6_000,
        readers: 50,
        poll_every_ms: 1_000,
        feed,
    }
}

fn words(p99: [f64; 2], rates: [f64; 2], answers: f64) -> Vec<String> {
    let mut figures = Figures::new(&args());
    for at in 0..2 {
        figures.p99[at].push(p99[at]);
        figures.rates[at].push(rates[at]);
    }
    figures.answers.push(answers);
    figures.judge().iter().map(ToString::to_string).collect()
}

#[test]
fn the_ratio_and_the_loss_are_judged() {
    assert_eq!(
        words([6.0, 4.0], [40_000.0, 39_000.0], 500.0),
        [
            "PASS  1.50 times the p99 with few, to be at most 3.00",
            "PASS  2.50 % of the rate lost to readers, to be at most 5.00",
        ]
    );
    assert_eq!(
        words([16.0, 4.0], [40_000.0, 30_000.0], 99.0),
        [
            "ABOVE 4.00 times the p99 with few, to be at most 3.00",
            "ABOVE 25.0 % of the rate lost to readers, to be at most 5.00",
            "BELOW 99.0 answers in the shortest replay (--transactions makes it longer), \
             to be at least 100.0",
        ]
    );
}

#[test]
fn arms_take_turns_from_both_ends() {
    assert_eq!(Arm::in_turn(1)[0], Arm::in_turn(2)[3]);
    assert_eq!(Arm::in_turn(1), Arm::in_turn(3));
}

#[test]
fn quantiles_are_times_that_were_measured() {
    let mut times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
    assert_eq!([0.5, 0.99, 1.0].map(|share| quantile_ms(&mut times, share)), [50.0, 99.0, 100.0]);
    assert!(quantile_ms(&mut [], 0.5).is_nan());
}

#[test]
fn a_snapshot_without_counts_is_refused() {
    assert_eq!(included(br#"{"market_stats":{"included":7}}"#).unwrap(), 7);
    assert!(included(b"{}").is_err());
    assert!(included(b"{").is_err());
}
