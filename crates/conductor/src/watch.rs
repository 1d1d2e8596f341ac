//! A guard of a plan, fed with what was seen for it.
//!
//! Pure: sightings come in, judgements go out. What is seen, and how, is the world's.

use guard::{
    AGAIN_AFTER_MS, Alpha, At, ClientLook, DownLimit, EXPOSURE_MIN, Effect, Exposed, Judgement,
    PairGuard, PairSettings, RatioGuard, RatioSettings, RestartLimit, SettingsError, Verdict,
    ZeroLimit,
};
use runbook::{Length, Measure, PlannedGuard, Rate};

use crate::{NoSight, Pace, Sighting};

/// A guard and what it has seen.
#[derive(Debug)]
pub struct Watch {
    id: String,
    sees: Sees,
    silent_ms_max: u64,
    /// What it said before the process that watched was gone, where it had failed: that stays.
    failed: Option<Judgement>,
    /// Why the last look gave nothing.
    trouble: Option<String>,
    /// When its source was heard last, or asked for the first time.
    heard: Option<At>,
}

#[derive(Debug)]
enum Sees {
    Ratio(Box<RatioGuard>),
    Pairs(Box<PairGuard>),
    Zero(ZeroLimit),
    Down(DownLimit),
    Restarts(RestartLimit),
}

/// A guard that can't be armed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WatchError {
    /// It lacks what its measure needs; a plan without faults has it.
    #[error("the guard {guard} has no `{lacks}`")]
    Lacks {
        /// The guard.
        guard: String,
        /// The key.
        lacks: &'static str,
    },
    /// Its numbers make no sense.
    #[error("the guard {guard} makes no sense")]
    Settings {
        /// The guard.
        guard: String,
        /// Why.
        source: SettingsError,
    },
}

impl Watch {
    /// Returns a guard that has seen nothing. Limits on how long health may be away pass at the pace of
    /// the run; what is compared is compared as planned.
    ///
    /// # Errors
    /// Fails where the plan's numbers make no guard.
    pub fn new(planned: &PlannedGuard, alpha: f64, pace: Pace) -> Result<Self, WatchError> {
        let spec = &planned.spec;
        let settings = |source| WatchError::Settings { guard: spec.id.clone(), source };
        let lacks = |lacks| WatchError::Lacks { guard: spec.id.clone(), lacks };
        let alpha = Alpha::new(alpha).map_err(settings)?;
        let silent_ms_max = spec.silence.seconds() * 1000;
        let within_ms = || {
            let within = spec.within.ok_or_else(|| lacks("within"))?;
            Ok((within.seconds() as f64 * 1000.0 / pace.times()) as u64)
        };
        let sees = match spec.measure {
            Measure::Errors | Measure::Disconnects => {
                let (ratio, rate_min) = (
                    spec.ratio.ok_or_else(|| lacks("ratio"))?,
                    spec.rate_min.map_or(0.0, Rate::get),
                );
                let is_errors = spec.measure == Measure::Errors;
                Sees::Ratio(Box::new(RatioGuard::new(RatioSettings {
                    guard: spec.id.clone(),
                    source: spec.source.clone(),
                    exposed: if is_errors { Exposed::Requests } else { Exposed::ConnectionSeconds },
                    alpha,
                    effect: Effect::new(ratio, rate_min).map_err(settings)?,
                    exposure_min: spec.exposure_min.map_or(EXPOSURE_MIN, f64::from),
                    again_after_ms: spec
                        .again_after
                        .map_or(AGAIN_AFTER_MS, |length: Length| length.seconds() * 1000),
                    silent_ms_max,
                })))
            }
            Measure::Latency => {
                let guard = PairGuard::new(PairSettings {
                    guard: spec.id.clone(),
                    source: spec.source.clone(),
                    unit: "ms".to_owned(),
                    alpha,
                    margin: spec.ratio.ok_or_else(|| lacks("ratio"))?,
                    silent_ms_max,
                });
                Sees::Pairs(Box::new(guard.map_err(settings)?))
            }
            Measure::Zero => {
                let what = spec.what.as_deref().ok_or_else(|| lacks("what"))?;
                Sees::Zero(ZeroLimit::new(&spec.id, &spec.source, what, silent_ms_max))
            }
            Measure::Down => {
                Sees::Down(DownLimit::new(&spec.id, &spec.source, within_ms()?, silent_ms_max))
            }
            Measure::Restarts => {
                let restarts = spec.restarts.ok_or_else(|| lacks("restarts"))?.into();
                let (id, source) = (&spec.id, &spec.source);
                let limit = (restarts, within_ms()?);
                Sees::Restarts(RestartLimit::new(id, source, limit, silent_ms_max))
            }
        };
        let (id, failed, trouble, heard) = (spec.id.clone(), None, None, None);
        Ok(Watch { id, sees, silent_ms_max, failed, trouble, heard })
    }

    /// Takes in what was seen, or that nothing was. A source that is silent for longer than it may be
    /// makes the guard say ERROR by itself.
    pub fn take(&mut self, at: At, seen: Result<Sighting, NoSight>) {
        self.heard.get_or_insert(at);
        let sighting = match seen {
            Ok(sighting) => sighting,
            Err(NoSight(why)) => {
                self.trouble = Some(why);
                return;
            }
        };
        self.trouble = None;
        let heard_before = self.heard.replace(at);
        match (&mut self.sees, sighting) {
            (_, Sighting::First) => {}
            (Sees::Ratio(guard), Sighting::Arms(look)) => guard.observe(at, &look),
            (Sees::Ratio(guard), Sighting::Clients { canary, stable }) => {
                let look = ClientLook { canary: &canary, stable: &stable };
                if let Err(error) = guard.observe_clients(at, &look) {
                    self.trouble = Some(error.to_string());
                }
            }
            (Sees::Pairs(guard), Sighting::Pairs { pairs, .. }) => {
                // Pairs of one look come at one time; each is a measurement of its own.
                for (n, (canary, stable)) in (0..).zip(pairs) {
                    guard.observe(At(at.0 + n), canary, stable);
                }
            }
            (Sees::Zero(limit), Sighting::Bad { checked, found }) => {
                limit.observe(at, checked, found);
            }
            (Sees::Down(limit), Sighting::Up(is_up)) => limit.observe(at, is_up),
            (Sees::Restarts(limit), Sighting::Restarts(restarts)) => limit.observe(at, restarts),
            (_, other) => {
                self.heard = heard_before;
                self.trouble = Some(format!("its source gave what it does not judge: {other:?}"));
            }
        }
    }

    /// Takes in that it had failed before it began to see anything: that is what it says from now on.
    pub fn has_failed(&mut self, judged: Judgement) {
        self.failed = Some(judged);
    }

    /// Forgets that, since people went on from it.
    pub fn forget_failure(&mut self) {
        self.failed = None;
    }

    /// Judges what was seen until now.
    pub fn judge(&self, now: At) -> Judgement {
        if let Some(failed) = &self.failed {
            return failed.clone();
        }
        let mut judged = match &self.sees {
            Sees::Ratio(guard) => guard.judge(now),
            Sees::Pairs(guard) => guard.judge(now),
            Sees::Zero(limit) => limit.judge(now),
            Sees::Down(limit) => limit.judge(now),
            Sees::Restarts(limit) => limit.judge(now),
        };
        let silent_ms = self.heard.map_or(0, |heard| now.since_ms(heard));
        if silent_ms > self.silent_ms_max && judged.verdict != Verdict::Fail {
            let why = self.trouble.as_deref().unwrap_or("its source was not asked");
            let (seconds, why) = (silent_ms / 1000, why.trim_end_matches('.'));
            judged.verdict = Verdict::Error;
            judged.sentence = format!("No data has come for {seconds} seconds: {why}.");
        }
        judged
    }

    /// Returns the guard's name.
    pub fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests;
