//! What readers do of their own will, and when: come, leave, stop reading. Pure, by the run's seed.

#[cfg(test)]
mod tests;

use std::time::Duration;

use rand::{RngExt, rngs::StdRng};

use super::phase::{Phase, PhaseName, Phases};

/// How long a reader that left is away, at most.
const AWAY_MAX: Duration = Duration::from_secs(2);

/// The part of the first phase within which readers come; then the last of them have time to open.
const RAMP_PART: f64 = 0.8;

/// What a reader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It opens its stream, after its last cursor if it has one.
    Come,
    /// It closes its connection.
    Leave,
    /// It stops reading, and keeps its connection.
    Stop,
    /// It reads on.
    Read,
}

/// An act and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Duration,
    pub(super) reader: u32,
    pub(super) act: Act,
}

/// What the acts of all readers follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acting<'a> {
    pub(super) phases: &'a Phases,
    pub(super) readers: u32,
    /// How far a reader may fall behind in time before the server closes it.
    pub(super) lag: Duration,
}

impl Acting<'_> {
    /// Returns what one reader does, in order of time.
    pub(super) fn of(&self, reader: u32, is_slow: bool, rng: &mut StdRng) -> Vec<Due> {
        let ramp = self.phases.get(PhaseName::RampUp).length();
        let part = f64::from(reader) / f64::from(self.readers);
        let mut acts = vec![Due { at: ramp.mul_f64(RAMP_PART * part), reader, act: Act::Come }];
        for phase in self.phases.all() {
            let load = phase.name.load();
            if let Some(churn) = load.churn {
                let per_second = churn.leaves_per_second(phase.length());
                leaves(phase, reader, per_second, rng, &mut acts);
            }
            if load.pauses && is_slow {
                self.pauses(phase, reader, rng, &mut acts);
            }
        }
        acts.sort_by_key(|due| due.at);
        acts
    }

    /// Stops for up to twice what the server allows, so that half of all stops are too long, and
    /// reads on for a while.
    fn pauses(&self, phase: &Phase, reader: u32, rng: &mut StdRng, acts: &mut Vec<Due>) {
        let mut at = phase.from + self.lag.mul_f64(rng.random_range(0.0..0.5));
        while at < phase.to {
            let until = (at + self.lag.mul_f64(rng.random_range(0.1..2.0))).min(phase.to);
            acts.push(Due { at, reader, act: Act::Stop });
            acts.push(Due { at: until, reader, act: Act::Read });
            at = until + self.lag.mul_f64(rng.random_range(0.2..1.0));
        }
    }
}

/// Leaves at random times, independent of each other, and is back before the phase ends.
fn leaves(phase: &Phase, reader: u32, per_second: f64, rng: &mut StdRng, acts: &mut Vec<Due>) {
    let away_max = AWAY_MAX.min(phase.length() / 2);
    let mut at = phase.from + waiting(per_second, rng);
    while at < phase.to {
        let back = (at + away_max.mul_f64(rng.random_range(0.05..1.0))).min(phase.to);
        acts.push(Due { at, reader, act: Act::Leave });
        acts.push(Due { at: back, reader, act: Act::Come });
        at = back + waiting(per_second, rng);
    }
}

/// Draws the time until the next of so many a second.
fn waiting(per_second: f64, rng: &mut StdRng) -> Duration {
    Duration::from_secs_f64(-(1.0 - rng.random_range(0.0..1.0f64)).ln() / per_second)
}
