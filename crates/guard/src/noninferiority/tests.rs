//! The promise by arithmetic: beside a canary as bad as what matters the evidence does not grow.

use super::*;

fn binomial(n: u32, k: u32, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product();
    choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

#[test]
fn a_look_at_a_bad_canary_gains_nothing_on_average() {
    for (share, ratio, worse) in [0.01, 0.1, 0.5, 0.9]
        .into_iter()
        .flat_map(|s| [(s, 2.0, 1.0), (s, 4.0, 1.5), (s, 10.0, 3.0)])
    {
        let effect = Effect::new(ratio, 0.0).unwrap();
        for errors in [1u32, 3, 12] {
            let bad = ratio * worse;
            let p = bad * share / (bad * share + 1.0 - share);
            let mean = |index: usize| -> f64 {
                let of = |a: u32| {
                    let steps = ratio_steps(effect, share, f64::from(a), f64::from(errors));
                    binomial(errors, a, p) * steps[index].exp()
                };
                (0..=errors).map(of).sum()
            };
            for mean in (0..3).map(mean) {
                assert!(mean <= 1.0 + 1e-9, "share {share} ratio {ratio} errors {errors}: {mean}");
            }
        }
    }
}

#[test]
fn requests_of_a_canary_with_the_rate_that_matters_gain_nothing_on_average() {
    for (rate, worse) in [(0.001, 1.0), (0.01, 2.0), (0.2, 1.0), (0.5, 2.0)] {
        let effect = Effect::new(2.0, rate).unwrap();
        for requests in [1u32, 5, 30] {
            for index in 0..3 {
                let of = |a: u32| {
                    let step = rate_steps(effect, f64::from(requests), f64::from(a))[index];
                    binomial(requests, a, rate * worse) * step.exp()
                };
                let mean: f64 = (0..=requests).map(of).sum();
                assert!(mean <= 1.0 + 1e-9, "rate {rate} of {requests}: {mean}");
            }
        }
    }
}

#[test]
fn what_is_summed_is_what_is_computed_at_once() {
    let effect = Effect::new(4.0, 0.01).unwrap();
    let mut summed = NonInferiority::new(effect);
    for _ in 0..10 {
        summed.step(0.1, 0.0, 2.0);
        summed.expose(50.0, 0.0);
    }
    let at_once = log_evidence(effect, 0.1, 500.0, 0.0, 20.0);
    assert!((summed.log_evidence() - at_once).abs() < 1e-9);
    assert!(at_once > 0.0);
}
