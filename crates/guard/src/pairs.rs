//! Whether the canary is no slower: measurements in pairs, taken in turn, compared by their medians.
//!
//! For each pair the logarithm of canary over stable is looked at, so that what slows the machine
//! down for a while slows both. If the median of the pairs' ratio is m, then at most half of them lie
//! below m. A bet of p against ½ on "below", ∏ 2p or 2(1 − p), gains nothing then; the mean over
//! [`BETS`] exceeds 1/α at any time with a probability of at most α. The k-th smallest ratio is
//! thus an upper bound for the median as soon as k below and n − k above exceed 1/α, at every look,
//! and whatever the distribution is. The lower bound is the same from the other side.
//!
//! Two sets of pairs are looked at, of which the second begins when the first is half full and takes
//! its place when that is full, so that a slowdown late in a long run is seen. The j-th set has a part
//! of α of its own, and all parts together are α.

use serde::Serialize;

use crate::{
    Alpha, At, Judgement, SettingsError, ShortNumber, Verdict, Window,
    eprocess::log_mean,
    seen::{Numbers, Seen},
};

/// The shares that are bet on, with equal weight.
const BETS: [f64; 5] = [0.55, 0.65, 0.75, 0.85, 0.95];

/// Pairs of a set.
const PAIRS_MAX: usize = 10_000;

/// The part of α that the first set has.
const FIRST_ALPHA: f64 = 0.9;

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
    /// How long no pair may come.
    pub silent_ms_max: u64,
}

/// A comparison of paired measurements of which less is better.
#[derive(Clone, Debug)]
pub struct PairGuard {
    settings: PairSettings,
    seen: Seen,
    pairs: PairSet,
    next: Option<PairSet>,
    failed: Option<Failure>,
}

/// What a failure was made of.
#[derive(Clone, Debug)]
struct Failure {
    least: f64,
    medians: String,
}

/// Pairs that are judged together, each list in order of size.
#[derive(Clone, Debug)]
struct PairSet {
    number: u32,
    log_threshold: f64,
    window: Option<Window>,
    log_ratios: Vec<f64>,
    canary: Vec<f64>,
    stable: Vec<f64>,
}

impl PairSet {
    fn new(alpha: Alpha, number: u32) -> Self {
        // 1/(1·2) + 1/(2·3) + … = 1, for all but the first.
        let part = match number {
            1 => FIRST_ALPHA,
            _ => (1.0 - FIRST_ALPHA) / (f64::from(number) * f64::from(number - 1)),
        };
        PairSet {
            number,
            log_threshold: alpha.log_threshold() - part.ln(),
            window: None,
            log_ratios: Vec::new(),
            canary: Vec::new(),
            stable: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.log_ratios.len()
    }

    fn insert(&mut self, at: At, canary: f64, stable: f64) {
        let from_ms = self.window.map_or(at, |window| window.from_ms);
        self.window = Some(Window { from_ms, to_ms: at });
        insert(&mut self.log_ratios, canary.ln() - stable.ln());
        insert(&mut self.canary, canary);
        insert(&mut self.stable, stable);
    }

    fn bounds(&self) -> (Option<f64>, Option<f64>) {
        let n = self.len();
        let Some(k) = least_count(self.log_threshold, n) else { return (None, None) };
        let at = |index: usize| self.log_ratios.get(index).map(|log| log.exp());
        (at(n - k), at(k - 1))
    }
}

impl PairGuard {
    /// Returns a comparison that has seen nothing.
    ///
    /// # Errors
    /// Fails on a margin that is not a number from 1 on.
    pub fn new(settings: PairSettings) -> Result<Self, SettingsError> {
        if !(settings.margin.is_finite() && settings.margin >= 1.0) {
            return Err(SettingsError::Margin(settings.margin));
        }
        let seen = Seen::new(&settings.guard, &settings.source, settings.silent_ms_max);
        let pairs = PairSet::new(settings.alpha, 1);
        Ok(PairGuard { settings, seen, pairs, next: None, failed: None })
    }

    /// Takes a pair in that was measured one after the other. Numbers that are none, or not above
    /// zero, make the guard say so, as does a pair of the past.
    pub fn observe(&mut self, at: At, canary: f64, stable: f64) {
        self.seen.begin(at);
        let sound = |value: f64| value.is_finite() && value > 0.0;
        if !sound(canary) || !sound(stable) {
            let why = format!("{canary} beside {stable} is no pair of measurements");
            self.seen.refuse(why);
            return;
        }
        if !self.seen.look(at) {
            return;
        }
        if self.pairs.len() == PAIRS_MAX
            && let Some(next) = self.next.take()
        {
            self.pairs = next;
        }
        self.pairs.insert(at, canary, stable);
        if self.pairs.len() > PAIRS_MAX / 2 {
            let number = self.pairs.number + 1;
            let next = self.next.get_or_insert_with(|| PairSet::new(self.settings.alpha, number));
            next.insert(at, canary, stable);
        }
        if self.failed.is_none() {
            self.failed = std::iter::once(&self.pairs).chain(&self.next).find_map(|pairs| {
                let least = pairs.bounds().0.filter(|least| *least > self.settings.margin)?;
                Some(Failure { least, medians: self.medians(pairs) })
            });
        }
    }

    /// Returns the bounds between which the median ratio lies: each is wrong with a chance of α.
    pub fn bounds(&self) -> (Option<f64>, Option<f64>) {
        self.pairs.bounds()
    }

    /// Judges what was seen until now, by the pairs of the set that is judged.
    pub fn judge(&self, now: At) -> Judgement {
        let (lower, upper) = self.bounds();
        let numbers = Numbers {
            unit: self.settings.unit.clone(),
            value: median(&self.pairs.canary),
            baseline: median(&self.pairs.stable),
            bound: upper,
            n: self.pairs.len() as f64,
            left_out: None,
        };
        let mut judgement = self.seen.judgement(self.verdict(now, lower, upper), numbers);
        judgement.window = self.pairs.window.unwrap_or_default();
        judgement
    }

    fn verdict(&self, now: At, lower: Option<f64>, upper: Option<f64>) -> (Verdict, String) {
        let margin = ShortNumber(self.settings.margin);
        if let Some(Failure { least, medians }) = &self.failed {
            let text = format!("The canary is slower than allowed: at least {least:.3} times");
            return (Verdict::Fail, format!("{text} {medians}, {margin} is allowed."));
        }
        if let Some(trouble) = self.seen.trouble(now) {
            return trouble;
        }
        let medians = self.medians(&self.pairs);
        match (lower, upper) {
            (Some(_), Some(upper)) if upper <= self.settings.margin => {
                let text =
                    format!("The canary is no slower than allowed: at most {upper:.3} times");
                (Verdict::Pass, format!("{text} {medians}, {margin} is allowed."))
            }
            (Some(lower), Some(upper)) => {
                let text = format!("Too noisy to tell: between {lower:.3} and {upper:.3} times");
                (Verdict::Insufficient, format!("{text} {medians}, {margin} is allowed."))
            }
            _ => {
                let pairs = self.pairs.len();
                (Verdict::Insufficient, format!("Too few pairs to tell: {pairs}."))
            }
        }
    }

    fn medians(&self, pairs: &PairSet) -> String {
        let shown = |values| median(values).unwrap_or(0.0);
        let (canary, stable) = (shown(&pairs.canary), shown(&pairs.stable));
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
fn least_count(log_threshold: f64, n: usize) -> Option<usize> {
    let log = |k: usize| {
        let (k, rest) = (k as f64, (n - k) as f64);
        log_mean(&BETS.map(|p| k * (2.0 * p).ln() + rest * (2.0 * (1.0 - p)).ln()))
    };
    // It grows with k in the upper half, and never reaches the threshold in the lower one.
    let (mut not, mut yes) = (n / 2, n);
    if n == 0 || log(n) < log_threshold {
        return None;
    }
    while yes - not > 1 {
        let middle = usize::midpoint(not, yes);
        if log(middle) >= log_threshold { yes = middle } else { not = middle }
    }
    Some(yes)
}
