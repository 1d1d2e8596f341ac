//! Against values that were computed by other means.

use super::*;

fn near(value: f64, expected: f64, within: f64) {
    assert!((value - expected).abs() <= within, "{value}, expected {expected}");
}

#[test]
fn distributions_are_those_of_the_tables() {
    near(normal(0.0), 0.5, 1e-6);
    near(normal(1.959_964), 0.975, 1e-6);
    near(normal(-2.326_348), 0.01, 1e-6);
    near(poisson(3.0, 2.0), 0.224_041_8, 1e-6);
    near(poisson_at_least(3.0, 5.0), 0.184_736_8, 1e-6);
    near(poisson_at_least(250.0, 250.0), 0.508_4, 5e-3);
    near(log_factorial(20.0), 42.335_616_46, 1e-6);
    near(log_factorial(5.0), 120f64.ln(), 1e-12);
    assert_eq!(poisson(0.0, 0.0), 1.0);
    assert_eq!(poisson_at_least(0.0, 1.0), 0.0);
}

/// By hand at a share of a tenth without errors of the stable arm: 40/4.9 = 8.2 and so on.
#[test]
fn the_failing_number_is_the_first_that_fails() {
    for share in [0.01, 0.1, 0.5] {
        for stable in [0.0, 1.0, 7.0, 300.0, 20_000.0] {
            let alpha = Alpha::ONE_PERCENT;
            let least = failing_errors(alpha, share, stable, 0.0);
            let log = |a: f64| log_whole(share, a, a + stable);
            assert!(log(least) >= alpha.log_threshold(), "{share} {stable} {least}");
            assert!(log(least - 1.0) < alpha.log_threshold(), "{share} {stable} {least}");
        }
    }
    assert_eq!(failing_errors(Alpha::ONE_PERCENT, 0.1, 0.0, 0.0), 4.0);
}

#[test]
fn more_traffic_and_worse_canaries_are_seen_better() {
    let power = |requests: f64, ratio: f64| {
        let exposures = Exposures { canary: requests * 0.1, stable: requests * 0.9 };
        detection_power(Alpha::ONE_PERCENT, exposures, 0.005, 0.005 * ratio)
    };
    for ratio in [2.0, 4.0, 10.0] {
        for requests in [100.0, 1_000.0, 10_000.0, 100_000.0] {
            assert!(power(requests * 10.0, ratio) >= power(requests, ratio) - 0.02);
            assert!(power(requests, ratio * 2.0) >= power(requests, ratio));
        }
    }
    assert!(power(1e6, 1.0) < 1e-3, "a good canary fails with {}", power(1e6, 1.0));
    assert!(power(36_000.0, 10.0) > 0.99);
    assert!(power(100.0, 10.0) < 0.1);
}

#[test]
fn the_detectable_rate_is_the_one_that_is_seen_in_four_of_five() {
    let exposures = Exposures { canary: 3_600.0, stable: 32_400.0 };
    let rate = detectable_rate(Alpha::ONE_PERCENT, exposures, 0.005, 1.0).unwrap();
    assert!((0.007..0.02).contains(&rate), "{rate}");
    near(detection_power(Alpha::ONE_PERCENT, exposures, 0.005, rate), 0.8, 0.02);
    let tiny = Exposures { canary: 2.0, stable: 18.0 };
    assert_eq!(detectable_rate(Alpha::ONE_PERCENT, tiny, 0.005, 1.0), None);
}

#[test]
fn no_exposure_sees_nothing() {
    let none = Exposures { canary: 0.0, stable: 100.0 };
    assert_eq!(detection_power(Alpha::ONE_PERCENT, none, 0.1, 1.0), 0.0);
}
