//! The guard over a ratio: errors of requests, or breaks of connections, against the other arm.

use serde::Serialize;

use crate::{
    Alpha, At, DETECTION_POWER, EProcess, Effect, Exposures, Judgement, Look, Verdict, Window,
    detection_power, power::failing_errors,
};

/// Growth of the exposure after which is looked anew whether enough was seen.
const ENOUGH_AGAIN: f64 = 1.02;

/// What a guard over a ratio is told once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RatioSettings {
    /// The guard's name.
    pub guard: String,
    /// Where its numbers come from.
    pub source: String,
    /// What is exposed, in the plural: `requests`, `connection-seconds`.
    pub unit: String,
    /// The share of good releases that may fail.
    pub alpha: Alpha,
    /// What has to be seen before the guard passes.
    pub effect: Effect,
    /// The greatest rate there can be: 1 for requests, none for connections.
    pub rate_max: Option<f64>,
    /// How long no data may come.
    pub silent_ms_max: u64,
}

/// A guard over a ratio.
///
/// It passes once what matters would have been seen with a chance of four in five and was not, and
/// fails for good as soon as the evidence passes 1/α.
#[derive(Clone, Debug)]
pub struct RatioGuard {
    settings: RatioSettings,
    process: EProcess,
    total: Look,
    window: Option<Window>,
    began: Option<At>,
    failed: Option<At>,
    bad: Option<String>,
    is_enough: bool,
    looked_at: Exposures,
}

impl RatioGuard {
    /// Returns a guard that has seen nothing.
    pub fn new(settings: RatioSettings) -> Self {
        RatioGuard {
            settings,
            process: EProcess::default(),
            total: Look::default(),
            window: None,
            began: None,
            failed: None,
            bad: None,
            is_enough: false,
            looked_at: Exposures { canary: 0.0, stable: 0.0 },
        }
    }

    /// Takes a look in; one that is not later than the last is refused and makes the guard say so.
    pub fn look(&mut self, at: At, look: &Look) {
        self.began.get_or_insert(at);
        if self.window.is_some_and(|window| at <= window.to_ms) {
            self.bad = Some("a look came that is not later than the last one".to_owned());
            return;
        }
        self.bad = None;
        let from_ms = self.window.map_or(at, |window| window.from_ms);
        self.window = Some(Window { from_ms, to_ms: at });
        self.total = self.total.and(*look);
        self.process.look(look);
        if self.failed.is_none() && self.has_failed() {
            self.failed = Some(at);
        }
        self.look_for_enough();
    }

    /// Takes in that the source gave numbers that can't be trusted.
    pub fn bad(&mut self, at: At, why: impl Into<String>) {
        self.began.get_or_insert(at);
        self.bad = Some(why.into());
    }

    /// Returns the evidence that the canary is worse, as a natural logarithm.
    pub fn log_evidence(&self) -> f64 {
        self.process.log_evidence()
    }

    /// Returns when it failed.
    pub const fn failed(&self) -> Option<At> {
        self.failed
    }

    /// Returns all that was counted.
    pub const fn total(&self) -> &Look {
        &self.total
    }

    /// Judges what was seen until now.
    pub fn judge(&self, now: At) -> Judgement {
        let (verdict, sentence) = self.verdict(now);
        let (canary, stable) = (self.total.canary, self.total.stable);
        let bound = self.total.share().map(|share| {
            let errors = failing_errors(self.settings.alpha, share, stable.errors(), 0.0);
            errors / canary.exposure()
        });
        let rate_max = self.settings.rate_max.unwrap_or(f64::INFINITY);
        Judgement {
            guard: self.settings.guard.clone(),
            verdict,
            value: canary.rate(),
            baseline: stable.rate(),
            bound: bound.filter(|bound| *bound <= rate_max),
            n: canary.exposure() + stable.exposure(),
            window: self.window.unwrap_or_default(),
            source: self.settings.source.clone(),
            sentence,
        }
    }

    fn has_failed(&self) -> bool {
        self.process.log_evidence() >= self.settings.alpha.log_threshold()
    }

    fn verdict(&self, now: At) -> (Verdict, String) {
        if let Some(at) = self.failed {
            return (Verdict::Fail, self.failure(at));
        }
        if let Some(why) = &self.bad {
            return (Verdict::Error, format!("The source can't be trusted: {why}."));
        }
        let last = self.window.map(|window| window.to_ms).or(self.began);
        let silent_ms = last.map_or(0, |last| now.since_ms(last));
        if silent_ms > self.settings.silent_ms_max {
            let seconds = silent_ms as f64 / 1000.0;
            return (Verdict::Error, format!("No data has come for {seconds:.0} seconds."));
        }
        if self.is_enough {
            return (Verdict::Pass, self.success());
        }
        (Verdict::Insufficient, self.too_little())
    }

    fn look_for_enough(&mut self) {
        let seen = self.exposures();
        let grew = seen.canary >= self.looked_at.canary * ENOUGH_AGAIN
            || seen.stable >= self.looked_at.stable * ENOUGH_AGAIN;
        if !grew || seen.canary <= 0.0 || seen.stable <= 0.0 {
            return;
        }
        self.looked_at = seen;
        let (stable, target) = self.target();
        let power = detection_power(self.settings.alpha, seen, stable, target);
        self.is_enough = power >= DETECTION_POWER;
    }

    fn exposures(&self) -> Exposures {
        Exposures { canary: self.total.canary.exposure(), stable: self.total.stable.exposure() }
    }

    /// Returns the stable arm's rate, half an error added as one may be just about to come, and the
    /// canary's rate that has to be seen.
    fn target(&self) -> (f64, f64) {
        let stable = (self.total.stable.errors() + 0.5) / self.total.stable.exposure();
        let rate_max = self.settings.rate_max.unwrap_or(f64::INFINITY);
        (stable, self.settings.effect.rate(stable).min(rate_max))
    }

    fn failure(&self, at: At) -> String {
        let seconds = self.window.map_or(0.0, |window| at.since_ms(window.from_ms) as f64 / 1000.0);
        format!(
            "The canary is worse: {}; the evidence passed {:.0} to 1 after {seconds:.0} seconds.",
            self.rates(),
            1.0 / self.settings.alpha.get()
        )
    }

    fn success(&self) -> String {
        format!(
            "The canary is not seen to be worse: {}; {} times the stable rate would have been seen.",
            self.rates(),
            self.settings.effect.ratio()
        )
    }

    fn too_little(&self) -> String {
        if self.total.share().is_none() {
            let arm = if self.total.canary.exposure() > 0.0 { "stable arm" } else { "canary" };
            return format!("The {arm} has had no {} yet.", self.settings.unit);
        }
        format!(
            "Too little was seen to tell: {}; {} times the stable rate could still be missed.",
            self.rates(),
            self.settings.effect.ratio()
        )
    }

    fn rates(&self) -> String {
        let arm = |counts: crate::Counts| {
            let rate = counts.rate().unwrap_or(0.0) * 100.0;
            let (errors, exposure) = (counts.errors(), counts.exposure());
            format!("{errors:.0} of {exposure:.0} {} ({rate:.3} %)", self.settings.unit)
        };
        let (canary, stable) = (arm(self.total.canary), arm(self.total.stable));
        format!("canary {canary}, stable {stable}")
    }
}
