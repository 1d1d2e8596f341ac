//! The guard over a ratio: errors of requests, or breaks of connections, against the other arm.

use serde::Serialize;

use crate::{
    Alpha, Arm, At, ClientLook, Counts, CountsError, EProcess, Effect, Exposed, Judgement, Look,
    ShortNumber, Verdict,
    clients::{Capped, ClientCap},
    noninferiority::NonInferiority,
    pool::Pool,
    power::failing_errors,
    seen::{Numbers, Seen},
};

/// What a guard over a ratio is told once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RatioSettings {
    /// The guard's name.
    pub guard: String,
    /// Where its numbers come from.
    pub source: String,
    /// What is exposed to errors.
    pub exposed: Exposed,
    /// The share of good releases that may fail, and of bad ones that may pass.
    pub alpha: Alpha,
    /// What has to be ruled out before the guard passes.
    pub effect: Effect,
    /// How much each arm is exposed at least before its errors are compared: looks are put together
    /// until then. [`EXPOSURE_MIN`](crate::EXPOSURE_MIN) where nothing speaks for another.
    pub exposure_min: f64,
    /// After how long a client counts again that had an error.
    pub again_after_ms: u64,
    /// How long no data may come.
    pub silent_ms_max: u64,
}

/// A guard over a ratio.
///
/// It fails for good as soon as the evidence that the canary is worse passes 1/α, and passes while the
/// evidence that it is not as bad as what matters does.
#[derive(Clone, Debug)]
pub struct RatioGuard {
    settings: RatioSettings,
    seen: Seen,
    cap: ClientCap,
    pool: Pool,
    has_clients: bool,
    process: EProcess,
    noninferiority: NonInferiority,
    taken: Look,
    failed: Option<At>,
}

impl RatioGuard {
    /// Returns a guard that has seen nothing.
    pub fn new(settings: RatioSettings) -> Self {
        RatioGuard {
            seen: Seen::new(&settings.guard, &settings.source, settings.silent_ms_max),
            cap: ClientCap::new(settings.again_after_ms, settings.exposure_min),
            pool: Pool::new(settings.exposure_min),
            has_clients: false,
            process: EProcess::default(),
            noninferiority: NonInferiority::new(settings.effect),
            taken: Look::default(),
            failed: None,
            settings,
        }
    }

    /// Takes a look in; one that is not later than the last is refused and makes the guard say so.
    pub fn observe(&mut self, at: At, look: &Look) {
        if !self.seen.look(at) {
            return;
        }
        if let Some(look) = self.pool.observe(at, look) {
            self.take(at, &Capped { look, errors: Vec::new() });
        }
    }

    /// Takes a look in that tells clients apart, each of which counts until its first error; one that
    /// is not later than the last is refused and makes the guard say so.
    ///
    /// # Errors
    /// Fails where a client has more errors than requests. Nothing is counted, and the verdict is
    /// ERROR until the next look.
    pub fn observe_clients(&mut self, at: At, look: &ClientLook<'_>) -> Result<(), CountsError> {
        self.has_clients = true;
        if !self.seen.look(at) {
            return Ok(());
        }
        match self.cap.observe(at, look) {
            Ok(Some(capped)) => self.take(at, &capped),
            Ok(None) => {}
            Err(error) => {
                self.seen.refuse(error.to_string());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes in that the source gave numbers that can't be trusted.
    pub fn refuse(&mut self, at: At, why: impl Into<String>) {
        self.seen.begin(at);
        self.seen.refuse(why);
    }

    /// Returns the evidence that the canary is worse, as a natural logarithm.
    pub fn log_evidence(&self) -> f64 {
        self.process.log_evidence()
    }

    /// Returns when it failed.
    pub const fn failed(&self) -> Option<At> {
        self.failed
    }

    /// Returns whether what matters is ruled out and the guard has not failed; whether its source
    /// still speaks, only a judgement says.
    pub fn has_ruled_out(&self) -> bool {
        self.failed.is_none()
            && self.noninferiority.log_evidence() >= self.settings.alpha.log_threshold()
    }

    /// Returns all that was counted, whether both arms had enough to be compared or not; of clients,
    /// what was compared.
    pub fn total(&self) -> Look {
        self.taken + self.pool.pending()
    }

    /// Judges what was seen until now.
    pub fn judge(&self, now: At) -> Judgement {
        let total = self.total();
        let (canary, stable) = (total.canary, total.stable);
        let bound = total.share().map(|share| {
            let errors = failing_errors(self.settings.alpha, share, stable.errors(), 0.0);
            errors / canary.exposure()
        });
        let numbers = Numbers {
            unit: self.settings.exposed.rate_unit().to_owned(),
            value: canary.rate(),
            baseline: stable.rate(),
            bound: bound.filter(|bound| *bound <= self.settings.exposed.rate_max()),
            n: canary.exposure() + stable.exposure(),
            left_out: self.has_clients.then(|| self.cap.left_out()),
        };
        self.seen.judgement(self.verdict(now), numbers)
    }

    fn take(&mut self, at: At, capped: &Capped) {
        let Look { canary, stable } = capped.look;
        self.taken = self.taken + capped.look;
        self.noninferiority.expose(canary.exposure(), canary.errors());
        if capped.errors.is_empty() {
            let (a, b) = (canary.errors(), stable.errors());
            if let Some(share) = capped.look.share().filter(|_| a + b > 0.0) {
                self.step(share, a, a + b);
            }
        }
        for error in &capped.errors {
            self.step(error.share, f64::from(u8::from(error.arm == Arm::Canary)), 1.0);
        }
        let has_failed = self.process.log_evidence() >= self.settings.alpha.log_threshold();
        if self.failed.is_none() && has_failed {
            self.failed = Some(at);
        }
    }

    fn step(&mut self, share: f64, a: f64, errors: f64) {
        self.process.step(share, a, errors);
        self.noninferiority.step(share, a, errors);
    }

    fn verdict(&self, now: At) -> (Verdict, String) {
        if let Some(at) = self.failed {
            return (Verdict::Fail, self.failure(at));
        }
        if let Some(trouble) = self.seen.trouble(now) {
            return trouble;
        }
        if self.has_ruled_out() {
            return (Verdict::Pass, self.success());
        }
        (Verdict::Insufficient, self.too_little())
    }

    fn failure(&self, at: At) -> String {
        let seconds = at.since_ms(self.seen.window().from_ms) as f64 / 1000.0;
        format!(
            "The canary is worse: {}; the evidence passed {:.0} to 1 after {seconds:.0} seconds.",
            self.compared(),
            1.0 / self.settings.alpha.get()
        )
    }

    fn success(&self) -> String {
        format!(
            "The canary is not seen to be worse: {}; {} is ruled out.",
            self.compared(),
            self.what_matters(self.noninferiority.is_by_rate())
        )
    }

    fn too_little(&self) -> String {
        let total = self.total();
        let exposed = self.settings.exposed.plural();
        if total.share().is_none() {
            let arm = if total.canary.exposure() > 0.0 { Arm::Stable } else { Arm::Canary };
            return if self.has_clients {
                "Not enough requests have come yet to compare the arms.".to_owned()
            } else {
                format!("The {arm} has had no {exposed} yet.")
            };
        }
        // Both the ratio and the rate have to be there to matter; the greater one is asked for.
        let effect = self.settings.effect;
        let is_by_rate =
            total.stable.rate().is_some_and(|rate| effect.ratio() * rate < effect.rate_min());
        format!(
            "Too little was seen to tell: {}; {} is not ruled out yet.",
            self.compared(),
            self.what_matters(is_by_rate)
        )
    }

    /// Says what has to be ruled out, with the rate itself.
    fn what_matters(&self, is_by_rate: bool) -> String {
        let (effect, exposed) = (self.settings.effect, self.settings.exposed);
        if is_by_rate {
            return format!("a rate of {}", exposed.shown(effect.rate_min()));
        }
        let ratio = ShortNumber(effect.ratio());
        match self.total().stable.rate().filter(|rate| *rate > 0.0) {
            Some(stable) => {
                let rate = (effect.ratio() * stable).min(exposed.rate_max());
                format!("{ratio} times the stable rate ({})", exposed.shown(rate))
            }
            None => format!("{ratio} times the stable rate"),
        }
    }

    /// Says what was compared: the counts of both arms, and what was left out of them.
    fn compared(&self) -> String {
        let exposed = self.settings.exposed;
        let arm = |counts: Counts| {
            let (errors, exposure) = (counts.errors(), counts.exposure());
            let rate = exposed.shown(counts.rate().unwrap_or(0.0));
            format!("{errors:.0} of {exposure:.0} {} ({rate})", exposed.plural())
        };
        let total = self.total();
        let (canary, stable) = (arm(total.canary), arm(total.stable));
        let left_out = self.cap.left_out();
        let clients = left_out.canary.clients + left_out.stable.clients;
        if clients == 0 {
            return format!("canary {canary}, stable {stable}");
        }
        let arm = |arm: crate::LeftOutOfArm| {
            let word = if arm.clients == 1 { "client" } else { "clients" };
            format!(
                "{} {word} with {} failed of {} requests",
                arm.clients, arm.errors, arm.requests
            )
        };
        format!(
            "each client up to its first error, canary {canary}, stable {stable}, left out after \
             it {} and {}",
            arm(left_out.canary),
            arm(left_out.stable)
        )
    }
}
