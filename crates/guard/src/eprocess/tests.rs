//! The promise by arithmetic: on average a look multiplies the evidence by at most 1.

use super::*;
use crate::Counts;

fn binomial(n: u32, k: u32, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product();
    choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

/// Whatever the share and the number of errors, and for a canary that is as good or better.
#[test]
fn a_look_at_a_good_canary_gains_nothing_on_average() {
    for share in [0.001, 0.05, 0.1, 0.5, 0.9] {
        for errors in [1u32, 2, 5, 20] {
            for better in [1.0, 0.7, 0.1, 0.0] {
                for ratio in RATIOS {
                    let p = share * better;
                    let mean: f64 = (0..=errors)
                        .map(|a| {
                            let log = log_step(ratio, share, f64::from(a), f64::from(errors));
                            binomial(errors, a, p) * log.exp()
                        })
                        .sum();
                    assert!(mean <= 1.0 + 1e-9, "share {share} errors {errors} ψ {ratio}: {mean}");
                }
            }
        }
    }
}

/// Every weight together is 1 at any time: errors at a share of nearly nothing multiply nothing, and
/// the evidence stays 1 however many products have begun.
#[test]
fn the_weights_of_beginnings_are_one_together() {
    let mut process = EProcess::default();
    assert!(process.log_evidence().abs() < 1e-12);
    let even = Look {
        canary: Counts::of_requests(1.0, 0.0).unwrap(),
        stable: Counts::of_requests(1e15, 1.0).unwrap(),
    };
    for looks in 1..=1000 {
        process.observe(&even);
        assert!(process.log_evidence().abs() < 1e-9, "{looks}: {}", process.log_evidence());
    }
    assert_eq!(process.looks_with_errors, 1000.0);
}

/// By hand: one error of the canary at a share of a tenth.
#[test]
fn one_error_counts_as_by_hand() {
    let mut process = EProcess::default();
    process.observe(&Look {
        canary: Counts::of_requests(10.0, 1.0).unwrap(),
        stable: Counts::of_requests(90.0, 0.0).unwrap(),
    });
    let gain: f64 = RATIOS.iter().map(|ratio| ratio / (0.1 * ratio + 0.9)).sum::<f64>() / 7.0;
    let expected = 0.5 * gain + 0.5 * (0.5 * gain + 0.5);
    assert!((process.log_evidence() - expected.ln()).abs() < 1e-12);
}

#[test]
fn a_look_without_one_arm_says_nothing() {
    let mut process = EProcess::default();
    let only = |canary: bool| {
        let some = Counts::of_requests(10.0, 10.0).unwrap();
        let none = Counts::default();
        if canary {
            Look { canary: some, stable: none }
        } else {
            Look { canary: none, stable: some }
        }
    };
    process.observe(&only(true));
    process.observe(&only(false));
    assert_eq!(process, EProcess::default());
}

#[test]
fn nothing_overflows() {
    let mut process = EProcess::default();
    let look = |a: f64, b: f64| Look {
        canary: Counts::of_seconds(1.0, a).unwrap(),
        stable: Counts::of_seconds(1e9, b).unwrap(),
    };
    process.observe(&look(1e12, 0.0));
    assert!(process.log_evidence().is_finite() && process.log_evidence() > 1e12);
    process.observe(&look(0.0, 1e15));
    process.observe(&look(0.0, 1e15));
    assert!(!process.log_evidence().is_nan());
}
