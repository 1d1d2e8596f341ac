//! What is said of replays.

use std::path::PathBuf;

use super::*;

fn words(transactions: u64, samples: &[Sample]) -> Vec<String> {
    let made = Made { file: PathBuf::new(), transactions, last: String::new() };
    let (_, verdicts) = judge(&made, samples);
    verdicts.iter().map(ToString::to_string).collect()
}

fn sample(seconds: f64, quarters_mb: [f64; 4], dropped: u64) -> Sample {
    let quarters_mb = quarters_mb.to_vec();
    Sample { seconds, cpu_seconds: 10.0, quarters_mb, records: 3_000_000, dropped }
}

#[test]
fn rate_memory_and_losses_are_judged() {
    let flat = [200.0, 300.0, 310.0, 320.0];
    let words_of = |samples: &[Sample]| words(1_000_000, samples);
    assert_eq!(
        words_of(&[sample(40.0, flat, 0), sample(20.0, flat, 0), sample(25.0, flat, 0)]),
        [
            "PASS  40,000 transactions/s, to be at least 20,000",
            "PASS  1.07 times the memory of 50 % at the end, to be at most 1.15",
            "PASS  0.00 records lost in all runs, to be at most 0.00",
        ]
    );
    let leaks = [200.0, 300.0, 400.0, 600.0];
    assert_eq!(
        words_of(&[sample(100.0, leaks, 3)]),
        [
            "BELOW 10,000 transactions/s, to be at least 20,000",
            "ABOVE 2.00 times the memory of 50 % at the end, to be at most 1.15",
            "ABOVE 3.00 records lost in all runs, to be at most 0.00",
        ]
    );
}

#[test]
fn a_short_feed_says_nothing_of_growth_and_little_is_none() {
    let words = words(20_000, &[sample(1.0, [20.0, 30.0, 40.0, 60.0], 0)]);
    assert_eq!(words.len(), 2, "{words:?}");
    assert!((growth(&sample(1.0, [20.0, 30.0, 40.0, 45.0], 0)) - 1.0).abs() < f64::EPSILON);
}
