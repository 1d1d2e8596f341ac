//! The evidence that the canary is not as bad as what matters, good at every look.
//!
//! What matters is a canary whose rate is at least R times the stable one *and* at least r. For a share
//! θ of the exposure let s(ψ) = ψθ / (ψθ + 1 − θ) be the canary's share of the errors where it is ψ
//! times as bad. Against "at least R times" stands, for ψ below R,
//! `(s(ψ)/s(R))^a · ((1 − s(ψ))/(1 − s(R)))^b`; against "at least r" stands, for q below r,
//! `(q/r)^a · e^((r − q) n)` of the canary alone. Each is at most 1 on average where its rate is that
//! bad, so that the mean of all exceeds 1/α at any time with a probability of at most α if both are.

use crate::{Effect, eprocess::log_mean};

/// The alternatives below r, as parts of it.
const PARTS: [f64; 3] = [0.02, 0.15, 0.4];

/// The evidence so far, as logarithms.
#[derive(Clone, Debug)]
pub(crate) struct NonInferiority {
    effect: Effect,
    ratios: [f64; 3],
    rates: [f64; 3],
}

impl NonInferiority {
    pub(crate) fn new(effect: Effect) -> Self {
        NonInferiority { effect, ratios: [0.0; 3], rates: [0.0; 3] }
    }

    /// Takes `a` errors of the canary among `errors` in, at a share that was known before them.
    pub(crate) fn step(&mut self, share: f64, a: f64, errors: f64) {
        for (log, step) in self.ratios.iter_mut().zip(ratio_steps(self.effect, share, a, errors)) {
            *log += step;
        }
    }

    /// Takes in how much the canary was exposed, and its errors.
    pub(crate) fn expose(&mut self, exposure: f64, errors: f64) {
        for (log, step) in self.rates.iter_mut().zip(rate_steps(self.effect, exposure, errors)) {
            *log += step;
        }
    }

    /// Returns the natural logarithm of the evidence.
    pub(crate) fn log_evidence(&self) -> f64 {
        together(self.effect, &self.ratios, &self.rates)
    }

    /// Returns whether it is the rate that is ruled out rather than the ratio.
    pub(crate) fn is_by_rate(&self) -> bool {
        self.effect.rate_min() > 0.0 && log_mean(&self.rates) > log_mean(&self.ratios)
    }
}

/// Returns the logarithm of the evidence after these errors at one share.
pub(crate) fn log_evidence(effect: Effect, share: f64, exposure: f64, a: f64, errors: f64) -> f64 {
    let ratios = ratio_steps(effect, share, a, errors);
    together(effect, &ratios, &rate_steps(effect, exposure, a))
}

fn together(effect: Effect, ratios: &[f64; 3], rates: &[f64; 3]) -> f64 {
    // Where no rate is asked for, its half would say nothing.
    if effect.rate_min() > 0.0 {
        log_mean(&[log_mean(ratios), log_mean(rates)])
    } else {
        log_mean(ratios)
    }
}

fn ratio_steps(effect: Effect, share: f64, a: f64, errors: f64) -> [f64; 3] {
    let bad = effect.ratio();
    [0.5, 1.0, bad.sqrt()].map(|ratio| {
        let mixed = |ratio: f64| ratio * share + 1.0 - share;
        a * (ratio / bad).ln() + errors * (mixed(bad) / mixed(ratio)).ln()
    })
}

fn rate_steps(effect: Effect, exposure: f64, a: f64) -> [f64; 3] {
    PARTS.map(|part| a * part.ln() + (1.0 - part) * effect.rate_min() * exposure)
}

#[cfg(test)]
mod tests;
