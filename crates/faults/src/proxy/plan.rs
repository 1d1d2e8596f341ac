//! What the toxics in force come to for one direction of one connection. Pure.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::toxic::{Direction, Toxic, Toxics};

/// A toxic as this direction has met it.
#[derive(Clone, Copy, Debug)]
struct Met {
    at: Instant,
    /// How many bytes had gone through before.
    sent: u64,
    /// Whether the dice let it be harmed.
    hit: bool,
}

/// The toxics that one direction of a connection has met.
#[derive(Debug, Default)]
pub(super) struct Exposure {
    met: HashMap<u64, Met>,
}

/// What is to be done with the data of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    /// In bytes/s.
    pub(super) rate: Option<u64>,
    pub(super) close_delay: Duration,
    pub(super) black_hole: bool,
    pub(super) close_at: Option<Instant>,
    pub(super) reset_at: Option<Instant>,
    pub(super) slices: Option<Slices>,
    /// The count of bytes sent at which the connection is cut.
    pub(super) limit: Option<u64>,
    pub(super) half_open: bool,
}

/// How data is cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slices {
    pub(super) average_size: usize,
    pub(super) size_variation: usize,
    pub(super) delay: Duration,
}

impl Exposure {
    /// Takes in the toxics in force, with a die for each new one.
    pub(super) fn plan(
        &mut self,
        toxics: &Toxics,
        direction: Direction,
        sent: u64,
        mut die: impl FnMut() -> f64,
    ) -> Plan {
        let now = Instant::now();
        let mut plan = Plan::default();
        let mut met = HashMap::new();
        for entry in toxics.of(direction) {
            let new = || Met { at: now, sent, hit: die() < entry.toxicity };
            let known = self.met.get(&entry.version).copied().unwrap_or_else(new);
            met.insert(entry.version, known);
            if known.hit {
                plan.add(entry.toxic, known);
            }
        }
        self.met = met;
        plan
    }
}

fn earlier(known: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(known.map_or(other, |known| known.min(other)))
}

impl Plan {
    fn add(&mut self, toxic: Toxic, met: Met) {
        match toxic {
            Toxic::Latency { latency, jitter } => {
                self.latency += latency;
                self.jitter += jitter;
            }
            Toxic::Bandwidth { rate } => {
                let rate = (rate * 1000).max(1);
                self.rate = Some(self.rate.map_or(rate, |known| known.min(rate)));
            }
            Toxic::SlowClose { delay } => self.close_delay += delay,
            Toxic::Timeout { timeout } => {
                self.black_hole = true;
                if !timeout.is_zero() {
                    self.close_at = earlier(self.close_at, met.at + timeout);
                }
            }
            Toxic::ResetPeer { timeout } => {
                self.reset_at = earlier(self.reset_at, met.at + timeout);
            }
            Toxic::Slicer { average_size, size_variation, delay } => {
                self.slices = Some(Slices { average_size, size_variation, delay });
            }
            Toxic::LimitData { bytes } => {
                let limit = met.sent + bytes;
                self.limit = Some(self.limit.map_or(limit, |known| known.min(limit)));
            }
            Toxic::HalfOpen => self.half_open = true,
        }
    }

    /// Returns how many bytes the next piece has at most, of `there`, given a die in 0..1.
    pub(super) fn piece(&self, there: usize, sent: u64, die: f64) -> usize {
        let mut most = there;
        if let Some(slices) = self.slices {
            let spread = (die * 2.0 - 1.0) * slices.size_variation as f64;
            most = most.min((slices.average_size as f64 + spread) as usize);
        }
        if let Some(rate) = self.rate {
            // A tenth of a second's worth, so that the flow is even.
            most = most.min(usize::try_from(rate / 10).unwrap_or(usize::MAX));
        }
        if let Some(limit) = self.limit {
            most = most.min(usize::try_from(limit.saturating_sub(sent)).unwrap_or(usize::MAX));
        }
        most.max(1)
    }

    /// Returns how long nothing more may be sent after a piece of so many bytes.
    pub(super) fn rest(&self, sent: usize) -> Duration {
        let slices = self.slices.map_or(Duration::ZERO, |slices| slices.delay);
        let rate = self.rate.map_or(0.0, |rate| sent as f64 / rate as f64);
        slices + Duration::from_secs_f64(rate)
    }

    /// Returns by how much a piece of data is delayed, given a die in 0..1.
    pub(super) fn delay(&self, die: f64) -> Duration {
        let jitter = (die * 2.0 - 1.0) * self.jitter.as_secs_f64();
        Duration::from_secs_f64((self.latency.as_secs_f64() + jitter).max(0.0))
    }
}

#[cfg(test)]
mod tests;
