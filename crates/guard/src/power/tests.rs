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

/// So many requests, of which the canary gets a part, without clients.
fn outlook(requests: f64, share: f64) -> Outlook {
    Outlook {
        exposure_per_second: requests / 1800.0,
        share,
        seconds: 1800.0,
        look_s: 1.0,
        exposure_min: crate::EXPOSURE_MIN,
        clients: None,
    }
}

#[test]
fn more_traffic_and_worse_canaries_are_seen_better() {
    let power = |requests: f64, ratio: f64| {
        detection_power(Alpha::ONE_PERCENT, &outlook(requests, 0.1), 0.005, 0.005 * ratio)
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
fn fewer_clients_are_seen_worse() {
    let power = |count: u32| {
        let clients = Some(crate::OutlookClients { count, again_after_s: 600.0 });
        let outlook = Outlook { clients, ..outlook(36_000.0, 0.1) };
        let see = detection_power(Alpha::ONE_PERCENT, &outlook, 0.005, 0.02);
        (see, passing_power(Alpha::ONE_PERCENT, Effect::new(4.0, 0.0).unwrap(), &outlook, 0.005))
    };
    let (few, some, many) = (power(20), power(200), power(20_000));
    assert!(few.0 < some.0 && some.0 < many.0, "{few:?} {some:?} {many:?}");
    assert!(few.1 < some.1 && some.1 < many.1, "{few:?} {some:?} {many:?}");
    assert_eq!(power(1).0, 0.0, "with one client there is nothing to compare");
}

#[test]
fn the_detectable_rate_is_the_one_that_is_seen_in_four_of_five() {
    let rate = detectable_rate(Alpha::ONE_PERCENT, &outlook(36_000.0, 0.1), 0.005, 1.0).unwrap();
    assert!((0.007..0.02).contains(&rate), "{rate}");
    let seen = detection_power(Alpha::ONE_PERCENT, &outlook(36_000.0, 0.1), 0.005, rate);
    near(seen, 0.8, 0.02);
    assert_eq!(detectable_rate(Alpha::ONE_PERCENT, &outlook(20.0, 0.1), 0.005, 1.0), None);
    let none = detectable_rate(Alpha::ONE_PERCENT, &outlook(36_000.0, 0.1), 0.0, 1.0).unwrap();
    assert!((0.0005..0.005).contains(&none), "{none} beside no errors");
}

#[test]
fn a_good_canary_passes_where_there_is_enough() {
    let power = |requests: f64, ratio: f64, rate_min: f64, stable: f64| {
        let effect = Effect::new(ratio, rate_min).unwrap();
        passing_power(Alpha::ONE_PERCENT, effect, &outlook(requests, 0.1), stable)
    };
    assert!(power(100.0, 4.0, 0.0, 0.005) < 0.01);
    assert!(power(200_000.0, 4.0, 0.0, 0.005) > 0.99);
    assert_eq!(power(200_000.0, 4.0, 0.0, 0.0), 0.0, "no error, no comparison");
    assert!(power(200_000.0, 4.0, 0.001, 0.0) > 0.99, "but a rate is ruled out");
    assert!(power(200_000.0, 4.0, 0.0, 0.005) > power(20_000.0, 2.0, 0.0, 0.005));
}

#[test]
fn what_can_not_be_sees_nothing() {
    let alpha = Alpha::ONE_PERCENT;
    for outlook in [
        outlook(0.0, 0.1),
        outlook(1e4, 0.0),
        outlook(1e4, 1.0),
        outlook(f64::NAN, 0.1),
        outlook(1e4, f64::NAN),
        Outlook { seconds: f64::INFINITY, ..outlook(1e4, 0.1) },
    ] {
        assert_eq!(detection_power(alpha, &outlook, 0.1, 1.0), 0.0, "{outlook:?}");
        assert_eq!(detectable_rate(alpha, &outlook, 0.1, 1.0), None, "{outlook:?}");
    }
    let sound = outlook(1e4, 0.1);
    for (stable, canary) in [(f64::NAN, 1.0), (0.1, f64::NAN), (-1.0, 0.5), (f64::INFINITY, 1.0)] {
        assert_eq!(detection_power(alpha, &sound, stable, canary), 0.0, "{stable} {canary}");
    }
    let huge = outlook(f64::MAX, 0.1);
    assert!(detection_power(alpha, &huge, 0.1, 0.2).is_finite(), "it comes to an end");
}
