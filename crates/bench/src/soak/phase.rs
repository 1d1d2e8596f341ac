//! The phases of a soak: how long each is, and what happens in it. Pure.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

/// A phase, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PhaseName {
    /// Readers come, one after another.
    RampUp,
    /// All are there; nothing but the rate.
    Steady,
    /// The rate is multiplied now and then, and publishes come near the limits.
    Bursts,
    /// Readers leave and come back, many times as often as ever.
    ChurnStorm,
    /// Slow readers stop reading, and loud streams make them feel it.
    Slow,
    /// All of it at one time.
    Everything,
    /// As in the steady phase.
    Calm,
}

impl PhaseName {
    /// Returns the name as people read it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PhaseName::RampUp => "ramp up",
            PhaseName::Steady => "steady",
            PhaseName::Bursts => "bursts",
            PhaseName::ChurnStorm => "churn storm",
            PhaseName::Slow => "slow readers",
            PhaseName::Everything => "everything",
            PhaseName::Calm => "calm",
        }
    }

    /// Returns what happens in it besides the rate.
    pub(super) fn load(self) -> Load {
        let nothing = Load::default();
        match self {
            PhaseName::RampUp | PhaseName::Steady | PhaseName::Calm => nothing,
            PhaseName::Bursts => {
                Load { bursts: true, near_limits: true, churn: Some(SOME_CHURN), ..nothing }
            }
            PhaseName::ChurnStorm => Load { churn: Some(STORM), ..nothing },
            PhaseName::Slow => {
                Load { pauses: true, near_limits: true, churn: Some(SOME_CHURN), ..nothing }
            }
            PhaseName::Everything => {
                Load { bursts: true, near_limits: true, churn: Some(MUCH_CHURN), pauses: true }
            }
        }
    }
}

/// What happens in a phase besides the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Load {
    /// The rate is multiplied for one second in four.
    pub(super) bursts: bool,
    /// Payloads, lists, bodies and rates come near the limits.
    pub(super) near_limits: bool,
    /// Slow readers stop reading, and some streams are loud.
    pub(super) pauses: bool,
    /// How often readers leave.
    pub(super) churn: Option<Churn>,
}

/// How often a reader leaves: so many times in the phase, in a long one so many times a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Churn {
    times: f64,
    per_second: f64,
}

const SOME_CHURN: Churn = Churn { times: 0.05, per_second: 0.002 };
const MUCH_CHURN: Churn = Churn { times: 0.6, per_second: 0.02 };
const STORM: Churn = Churn { times: 1.5, per_second: 0.05 };

impl Churn {
    /// Returns how many times a second one reader leaves in a phase of this length.
    pub(super) fn leaves_per_second(self, phase: Duration) -> f64 {
        self.per_second.max(self.times / phase.as_secs_f64())
    }
}

/// One phase, in the time of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    pub(crate) name: PhaseName,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Phase {
    pub(super) fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// The shares of the run, in percent. The last one is the longest: in a run of at least
/// 167 s what was published before it is forgotten when memory is judged, as a test computes.
const SHARES: [(PhaseName, u32); 7] = [
    (PhaseName::RampUp, 8),
    (PhaseName::Steady, 10),
    (PhaseName::Bursts, 10),
    (PhaseName::ChurnStorm, 10),
    (PhaseName::Slow, 10),
    (PhaseName::Everything, 12),
    (PhaseName::Calm, 40),
];

/// All phases of a run.
#[derive(Clone, Debug)]
pub(crate) struct Phases([Phase; SHARES.len()]);

impl Phases {
    /// Returns the phases of a run of this length.
    pub(crate) fn of(time: Duration) -> Self {
        let mut percent = 0;
        Phases(SHARES.map(|(name, share)| {
            let from = time * percent / 100;
            percent += share;
            Phase { name, from, to: time * percent / 100 }
        }))
    }

    /// Returns all, in order.
    pub(crate) fn all(&self) -> &[Phase] {
        &self.0
    }

    /// Returns the one with this name.
    pub(crate) fn get(&self, name: PhaseName) -> &Phase {
        let found = self.0.iter().find(|phase| phase.name == name);
        found.expect("a run has every phase")
    }

    /// Returns the one at a time; the last one has no end.
    pub(crate) fn at(&self, time: Duration) -> &Phase {
        let found = self.0.iter().find(|phase| time < phase.to);
        found.unwrap_or(&self.0[SHARES.len() - 1])
    }
}
