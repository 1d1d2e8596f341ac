//! What a guard can see: the chance that it fails a canary that is so much worse.
//!
//! Errors are taken as Poisson counts at constant rates, and the evidence as half its mean over the
//! whole time at one share, which it never falls below. The chance is thus a lower bound of that at
//! the end of the time, and of that at any time before.

use crate::{Alpha, eprocess::log_whole};

/// The chance with which a guard shall see what matters.
pub const DETECTION_POWER: f64 = 0.8;

/// How far from the mean counts are looked at, in standard deviations.
const DEVIATIONS: f64 = 6.0;

/// How many counts are looked at, so that the work does not grow with the traffic.
const STEPS: f64 = 200.0;

/// Beyond so many expected errors a Poisson count is taken as a normal one.
const NORMAL_FROM: f64 = 200.0;

/// How much both arms are exposed to errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposures {
    /// The new version: requests, or seconds of connections.
    pub canary: f64,
    /// The version that is there.
    pub stable: f64,
}

impl Exposures {
    fn share(self) -> f64 {
        self.canary / (self.canary + self.stable)
    }
}

/// Returns the chance of at least how often a canary with this rate of errors fails.
pub fn detection_power(
    alpha: Alpha,
    exposures: Exposures,
    stable_rate: f64,
    canary_rate: f64,
) -> f64 {
    if !(exposures.canary > 0.0 && exposures.stable > 0.0) {
        return 0.0;
    }
    let (mean, deviation) =
        (exposures.stable * stable_rate, (exposures.stable * stable_rate).sqrt());
    let step = (2.0 * DEVIATIONS * deviation / STEPS).ceil().max(1.0);
    let mut stable_errors = (mean - DEVIATIONS * deviation).floor().max(0.0);
    let most = mean + DEVIATIONS * deviation + 6.0;
    let expected = exposures.canary * canary_rate;
    let (mut chance, mut weights) = (0.0, 0.0);
    let mut least = 0.0;
    while stable_errors <= most {
        let weight = poisson(mean, stable_errors);
        least = failing_errors(alpha, exposures.share(), stable_errors, least);
        chance += weight * poisson_at_least(expected, least);
        weights += weight;
        stable_errors += step;
    }
    if weights > 0.0 { (chance / weights).min(1.0) } else { 0.0 }
}

/// Returns the smallest rate of errors of the canary that is seen with [`DETECTION_POWER`], where
/// there is one up to `rate_max`.
pub fn detectable_rate(
    alpha: Alpha,
    exposures: Exposures,
    stable_rate: f64,
    rate_max: f64,
) -> Option<f64> {
    let seen = |rate| detection_power(alpha, exposures, stable_rate, rate) >= DETECTION_POWER;
    if !seen(rate_max) {
        return None;
    }
    let (mut not, mut yes) = (stable_rate.min(rate_max), rate_max);
    while yes - not > 1e-3 * yes {
        let middle = not.midpoint(yes);
        if seen(middle) { yes = middle } else { not = middle }
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
fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let series = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let half = 0.5 * series * (-x * x).exp();
    if z > 0.0 { 1.0 - half } else { half }
}

#[cfg(test)]
mod tests;
