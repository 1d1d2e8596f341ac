//! Whether the canary is no slower: measurements in pairs, taken in turn, compared by their medians.
//!
//! For each pair the logarithm of canary over stable is looked at, so that what slows the machine
//! down for a while slows both. If the median of the pairs' ratio is m, then at most half of them lie
//! below m. A bet of p against ½ on "below", ∏ 2p or 2(1 − p), gains nothing then; the mean over
//! [`BETS`] exceeds 1/α at any time with a probability of at most α. The k-th smallest ratio is
//! thus an upper bound for the median as soon as k below and n − k above exceed 1/α, at every look,
//! and whatever the distribution is. The lower bound is the same from the other side.

use serde::Serialize;

use crate::{Alpha, At, Judgement, Verdict, Window, eprocess::log_mean};

/// The shares that are bet on, with equal weight.
const BETS: [f64; 5] = [0.55, 0.65, 0.75, 0.85, 0.95];

/// Pairs that are kept; further ones change nothing.
const PAIRS_MAX: usize = 10_000;

/// What a comparison is told once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairSettings {
    /// The guard's name.
    pub guard: String,
    /// Where its numbers come from.
    pub source: String,
    /// What is measured, as `ms`.
    pub unit: String,
    /// The chance of an error in either direction.
    pub alpha: Alpha,
    /// How much worse is allowed: 1.1 for ten per cent.
    pub margin: f64,
}

/// A comparison of paired measurements of which less is better.
#[derive(Clone, Debug)]
pub struct PairGuard {
    settings: PairSettings,
    log_ratios: Vec<f64>,
    canary: Vec<f64>,
    stable: Vec<f64>,
    window: Option<Window>,
    failed: Option<At>,
    bad: Option<String>,
}

impl PairGuard {
    /// Returns a comparison that has seen nothing.
    ///
    /// # Errors
    /// Fails on a margin that is not a number from 1 on.
    pub fn new(settings: PairSettings) -> Result<Self, crate::SettingsError> {
        if !(settings.margin.is_finite() && settings.margin >= 1.0) {
            return Err(crate::SettingsError::Margin(settings.margin));
        }
        Ok(PairGuard {
            settings,
            log_ratios: Vec::new(),
            canary: Vec::new(),
            stable: Vec::new(),
            window: None,
            failed: None,
            bad: None,
        })
    }

    /// Takes a pair in that was measured one after the other. Numbers that are none, or not above
    /// zero, make the guard say so, as does a pair of the past.
    pub fn pair(&mut self, at: At, canary: f64, stable: f64) {
        let sound = |value: f64| value.is_finite() && value > 0.0;
        if !sound(canary) || !sound(stable) {
            self.bad = Some(format!("{canary} beside {stable} is no pair of measurements"));
            return;
        }
        if self.window.is_some_and(|window| at <= window.to_ms) {
            self.bad = Some("a pair came that is not later than the last one".to_owned());
            return;
        }
        self.bad = None;
        let from_ms = self.window.map_or(at, |window| window.from_ms);
        self.window = Some(Window { from_ms, to_ms: at });
        if self.log_ratios.len() < PAIRS_MAX {
            insert(&mut self.log_ratios, (canary / stable).ln());
            insert(&mut self.canary, canary);
            insert(&mut self.stable, stable);
        }
        let (lower, _) = self.bounds();
        if self.failed.is_none() && lower.is_some_and(|lower| lower > self.settings.margin) {
            self.failed = Some(at);
        }
    }

    /// Returns the bounds between which the median ratio lies: each is wrong with a chance of α.
    pub fn bounds(&self) -> (Option<f64>, Option<f64>) {
        let n = self.log_ratios.len();
        let Some(k) = least_count(self.settings.alpha, n) else { return (None, None) };
        let at = |index: usize| self.log_ratios.get(index).map(|log| log.exp());
        (at(n - k), at(k - 1))
    }

    /// Judges what was seen until now.
    pub fn judge(&self) -> Judgement {
        let (lower, upper) = self.bounds();
        let (canary, stable) = (median(&self.canary), median(&self.stable));
        let (verdict, sentence) = self.verdict(lower, upper);
        Judgement {
            guard: self.settings.guard.clone(),
            verdict,
            value: canary,
            baseline: stable,
            bound: upper,
            n: self.log_ratios.len() as f64,
            window: self.window.unwrap_or_default(),
            source: self.settings.source.clone(),
            sentence,
        }
    }

    fn verdict(&self, lower: Option<f64>, upper: Option<f64>) -> (Verdict, String) {
        let margin = self.settings.margin;
        if self.failed.is_some() {
            let least = lower.unwrap_or(margin);
            let text = format!("The canary is slower than allowed: at least {least:.3} times");
            return (Verdict::Fail, format!("{text} {}, {margin} is allowed.", self.medians()));
        }
        if let Some(why) = &self.bad {
            return (Verdict::Error, format!("The source can't be trusted: {why}."));
        }
        match (lower, upper) {
            (Some(_), Some(upper)) if upper <= margin => {
                let text =
                    format!("The canary is no slower than allowed: at most {upper:.3} times");
                (Verdict::Pass, format!("{text} {}, {margin} is allowed.", self.medians()))
            }
            (Some(lower), Some(upper)) => {
                let text = format!("Too noisy to tell: between {lower:.3} and {upper:.3} times");
                (Verdict::Insufficient, format!("{text} {}, {margin} is allowed.", self.medians()))
            }
            _ => {
                let pairs = self.log_ratios.len();
                (Verdict::Insufficient, format!("Too few pairs to tell: {pairs}."))
            }
        }
    }

    fn medians(&self) -> String {
        let shown = |values| median(values).unwrap_or(0.0);
        let (canary, stable) = (shown(&self.canary), shown(&self.stable));
        let unit = &self.settings.unit;
        format!("as slow (medians {canary:.3} {unit} and {stable:.3} {unit})")
    }
}

fn insert(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|other| *other <= value);
    sorted.insert(at, value);
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len().checked_sub(1)? / 2;
    let upper = sorted.len() / 2;
    Some((sorted[middle] + sorted[upper]) / 2.0)
}

/// Returns how many of `n` have to lie on one side, where so many can.
fn least_count(alpha: Alpha, n: usize) -> Option<usize> {
    let log = |k: usize| {
        let (k, rest) = (k as f64, (n - k) as f64);
        log_mean(&BETS.map(|p| k * (2.0 * p).ln() + rest * (2.0 * (1.0 - p)).ln()))
    };
    // It grows with k in the upper half, and never reaches the threshold in the lower one.
    let (mut not, mut yes) = (n / 2, n);
    if n == 0 || log(n) < alpha.log_threshold() {
        return None;
    }
    while yes - not > 1 {
        let middle = usize::midpoint(not, yes);
        if log(middle) >= alpha.log_threshold() { yes = middle } else { not = middle }
    }
    Some(yes)
}
