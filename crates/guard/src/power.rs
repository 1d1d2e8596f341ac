//! What a guard can see: the chance that it fails a canary that is so much worse, and that it passes one
//! that is not.
//!
//! Errors are taken as Poisson counts at constant rates over what an [`Outlook`] expects to be counted.
//! The evidence is taken as half its mean over the whole time, which it never falls below. The canary's
//! share of the exposure differs from error to error; as the evidence is a convex function of it, taking
//! its mean over the errors is a lower bound of the mean.

use crate::{Alpha, Effect, Outlook, eprocess::log_whole, noninferiority, outlook::Expected};

/// The chance with which a guard shall see what matters.
pub const DETECTION_POWER: f64 = 0.8;

/// How far from the mean counts are looked at, in standard deviations.
const DEVIATIONS: f64 = 6.0;

/// How many counts are looked at, so that the work does not grow with the traffic.
const STEPS: f64 = 200.0;

/// Beyond so many expected errors a Poisson count is taken as a normal one.
const NORMAL_FROM: f64 = 200.0;

/// Returns the least chance with which a canary with this rate of errors fails by the end. Rates are
/// errors for each unit of the outlook's exposure; where one is no number, nothing is seen.
pub fn detection_power(alpha: Alpha, outlook: &Outlook, stable_rate: f64, canary_rate: f64) -> f64 {
    if !(stable_rate >= 0.0 && canary_rate >= 0.0 && stable_rate.is_finite()) {
        return 0.0;
    }
    outlook.mean(stable_rate, canary_rate, |expected| {
        let mut least = 0.0;
        over_poisson(expected.stable * stable_rate, |stable_errors| {
            least = failing_errors(alpha, expected.share, stable_errors, least);
            poisson_at_least(expected.canary * canary_rate, least)
        })
    })
}

/// Returns the chance with which a canary that is as good as the stable arm passes at the end.
pub fn passing_power(alpha: Alpha, effect: Effect, outlook: &Outlook, stable_rate: f64) -> f64 {
    if !(stable_rate >= 0.0 && stable_rate.is_finite()) {
        return 0.0;
    }
    outlook.mean(stable_rate, stable_rate, |expected| {
        over_poisson(expected.stable * stable_rate, |stable_errors| {
            let most = passing_errors(alpha, effect, &expected, stable_errors);
            most.map_or(0.0, |most| {
                1.0 - poisson_at_least(expected.canary * stable_rate, most + 1.0)
            })
        })
    })
}

/// Returns the smallest rate of errors of the canary that is seen with [`DETECTION_POWER`], where
/// there is one up to `rate_max`. Rates are as in [`detection_power`].
pub fn detectable_rate(
    alpha: Alpha,
    outlook: &Outlook,
    stable_rate: f64,
    rate_max: f64,
) -> Option<f64> {
    let seen = |rate| detection_power(alpha, outlook, stable_rate, rate) >= DETECTION_POWER;
    // With clients that are left out, much more errors may be seen less often than some more.
    let mut yes = stable_rate.max(1e-12);
    while !seen(yes) {
        if yes >= rate_max || !yes.is_finite() {
            return None;
        }
        yes = (yes * 1.3).min(rate_max);
    }
    let mut not = stable_rate.min(yes / 1.3);
    while yes - not > 1e-3 * yes {
        let middle = not.midpoint(yes);
        if seen(middle) { yes = middle } else { not = middle }
    }
    Some(yes)
}

/// Returns the mean of a chance over a Poisson count, which grows from call to call.
fn over_poisson(mean: f64, mut chance: impl FnMut(f64) -> f64) -> f64 {
    let deviation = mean.sqrt();
    let step = (2.0 * DEVIATIONS * deviation / STEPS).ceil().max(1.0);
    let first = (mean - DEVIATIONS * deviation).floor().max(0.0);
    let most = mean + DEVIATIONS * deviation + 6.0;
    let (mut sum, mut weights) = (0.0, 0.0);
    for index in 0..=((most - first) / step) as usize {
        let count = first + index as f64 * step;
        let weight = poisson(mean, count);
        sum += weight * chance(count);
        weights += weight;
    }
    if weights > 0.0 { (sum / weights).min(1.0) } else { 0.0 }
}

/// Returns the greatest number of errors of the canary that passes beside so many of the stable arm.
fn passing_errors(
    alpha: Alpha,
    effect: Effect,
    expected: &Expected,
    stable_errors: f64,
) -> Option<f64> {
    let Expected { canary, share, .. } = *expected;
    let passes = |a: f64| {
        let log = noninferiority::log_evidence(effect, share, canary, a, a + stable_errors);
        log >= alpha.log_threshold()
    };
    if !passes(0.0) {
        return None;
    }
    let (mut yes, mut not) = (0.0, 1.0);
    while passes(not) && not < 1e15 {
        (yes, not) = (not, not * 2.0);
    }
    while not - yes > 1.0 {
        let middle = f64::midpoint(yes, not).floor();
        if passes(middle) { yes = middle } else { not = middle }
    }
    Some(yes)
}

/// Returns the least number of errors of the canary that fails beside so many of the stable arm; the
/// search begins at `from`, which is known to be no more.
pub(crate) fn failing_errors(alpha: Alpha, share: f64, stable_errors: f64, from: f64) -> f64 {
    let fails = |a: f64| log_whole(share, a, a + stable_errors) >= alpha.log_threshold();
    let mut step = 1.0;
    while !fails(from + step) && step < 1e15 {
        step *= 2.0;
    }
    let (mut not, mut yes) = (from - 1.0, from + step);
    while yes - not > 1.0 {
        let middle = ((not + yes) / 2.0).floor();
        if middle >= 0.0 && fails(middle) { yes = middle } else { not = middle }
    }
    yes
}

fn poisson(mean: f64, count: f64) -> f64 {
    if mean <= 0.0 {
        return if count == 0.0 { 1.0 } else { 0.0 };
    }
    (count * mean.ln() - mean - log_factorial(count)).exp()
}

fn poisson_at_least(mean: f64, least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    if mean > NORMAL_FROM {
        return normal((mean - least + 0.5) / mean.sqrt());
    }
    let mut term = (-mean).exp();
    let mut below = 0.0;
    let mut count = 0.0;
    while count < least {
        below += term;
        count += 1.0;
        term *= mean / count;
        if term == 0.0 && count > mean {
            break;
        }
    }
    (1.0 - below).max(0.0)
}

/// Stirling's series; below 10 the product itself.
fn log_factorial(n: f64) -> f64 {
    if n < 10.0 {
        return (1..=n as u32).map(|i| f64::from(i).ln()).sum();
    }
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n)
        - 1.0 / (360.0 * n.powi(3))
}

/// The normal distribution, by formula 7.1.26 of Abramowitz and Stegun: good to 1.5e-7.
pub(crate) fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let series = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let half = 0.5 * series * (-x * x).exp();
    if z > 0.0 { 1.0 - half } else { half }
}

#[cfg(test)]
mod tests;
