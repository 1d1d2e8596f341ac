//! The evidence that the canary fails more often than the stable arm, good at every look.
//!
//! In a look with exposures n_A, n_B and errors a, b the canary's share of the errors is, if it is
//! no worse, at most θ = n_A / (n_A + n_B). For each ratio ψ of [`RATIOS`]
//! `L_ψ = ψ^a / (ψθ + 1 − θ)^(a+b)` is then at most 1 on average, so that products over looks, means
//! over ψ and over the look with which one begins are nonnegative supermartingales that begin at 1,
//! and exceed 1/α at any time with a probability of at most α (Ville's inequality).
//!
//! Two means are taken half and half: over the whole time, and the burst scan over every beginning.
//! The j-th look with an error begins with weight 1/(j(j+1)); what has not begun yet counts as 1.
//! Without the second, a long good time would have to be undone before a burst is seen.

use crate::Look;

/// How many times worse: the alternatives that are watched for, with equal weight.
pub const RATIOS: [f64; 7] = [1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 40.0];

/// The evidence so far. All of it is kept as logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct EProcess {
    whole: [f64; 7],
    bursts: [f64; 7],
    looks_with_errors: f64,
}

impl Default for EProcess {
    fn default() -> Self {
        EProcess { whole: [0.0; 7], bursts: [f64::NEG_INFINITY; 7], looks_with_errors: 0.0 }
    }
}

impl EProcess {
    /// Takes a look in. One in which an arm was not exposed, or nothing failed, says nothing.
    pub fn observe(&mut self, look: &Look) {
        let (a, b) = (look.canary.errors(), look.stable.errors());
        let Some(share) = look.share().filter(|_| a + b > 0.0) else { return };
        self.step(share, a, a + b);
    }

    /// Takes `a` errors of the canary among `errors` in, at a share that was known before them.
    pub(crate) fn step(&mut self, share: f64, a: f64, errors: f64) {
        self.looks_with_errors += 1.0;
        let weight = -(self.looks_with_errors * (self.looks_with_errors + 1.0)).ln();
        for (index, ratio) in RATIOS.into_iter().enumerate() {
            let step = log_step(ratio, share, a, errors);
            self.whole[index] += step;
            self.bursts[index] = log_add(self.bursts[index], weight) + step;
        }
    }

    /// Returns the natural logarithm of the evidence.
    pub fn log_evidence(&self) -> f64 {
        let not_begun = -(self.looks_with_errors + 1.0).ln();
        log_add(log_mean(&self.whole), log_add(log_mean(&self.bursts), not_begun)) - 2f64.ln()
    }
}

/// Returns ln L_ψ for `a` errors of the canary among `errors`.
pub(crate) fn log_step(ratio: f64, share: f64, a: f64, errors: f64) -> f64 {
    a * ratio.ln() - errors * (ratio * share + 1.0 - share).ln()
}

/// Returns the logarithm of half the mean over ψ after these errors at one share: the least that the
/// evidence then is.
pub(crate) fn log_whole(share: f64, a: f64, errors: f64) -> f64 {
    log_mean(&RATIOS.map(|ratio| log_step(ratio, share, a, errors))) - 2f64.ln()
}

fn log_add(one: f64, other: f64) -> f64 {
    let (least, most) = if one < other { (one, other) } else { (other, one) };
    if least == f64::NEG_INFINITY { most } else { most + (least - most).exp().ln_1p() }
}

pub(crate) fn log_mean(logs: &[f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
    most + (sum / logs.len() as f64).ln()
}

#[cfg(test)]
mod tests;
