//! How long the last events of each chain took from being observed to being on disk, and from there to
//! being served.

use std::{collections::BTreeMap, time::Duration};

use chain::ChainKey;
use parking_lot::Mutex;
use serde::Serialize;

/// Events of each chain that are remembered.
const SAMPLES_MAX: usize = 1024;

/// How long the last events of a chain took between two places, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// The chain.
    pub source: ChainKey,
    /// The way: `observed_to_persisted` or `persisted_to_served`.
    pub destination: &'static str,
    /// Half took at most this.
    pub p50_delay_ms: f64,
    /// Of a hundred, ninety-nine took at most this.
    pub p99_delay_ms: f64,
    /// How many were looked at.
    pub samples: usize,
}

/// The last durations, for each chain.
#[derive(Debug, Default)]
pub(super) struct Latencies(Mutex<BTreeMap<ChainKey, Samples>>);

#[derive(Debug, Default)]
struct Samples {
    persisted: Ring,
    served: Ring,
}

#[derive(Debug, Default)]
struct Ring {
    values: Vec<f32>,
    next: usize,
}

impl Ring {
    fn put(&mut self, took: Duration) {
        let ms = took.as_secs_f32() * 1e3;
        if self.values.len() < SAMPLES_MAX {
            self.values.push(ms);
        } else {
            self.values[self.next] = ms;
        }
        self.next = (self.next + 1) % SAMPLES_MAX;
    }

    fn measured(&self, source: &ChainKey, destination: &'static str) -> Option<Latency> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f32::total_cmp);
        // Nearest rank.
        let rank = |share: f64| (share * sorted.len() as f64).ceil() as usize;
        let at = |share| sorted.get(rank(share).saturating_sub(1)).copied().map(f64::from);
        Some(Latency {
            source: source.clone(),
            destination,
            p50_delay_ms: at(0.5)?,
            p99_delay_ms: at(0.99)?,
            samples: sorted.len(),
        })
    }
}

impl Latencies {
    /// Remembers how long a group of events took.
    pub(super) fn took(&self, chain: &ChainKey, persisted: Duration, served: Duration) {
        let mut chains = self.0.lock();
        let samples = match chains.get_mut(chain) {
            Some(samples) => samples,
            None => chains.entry(chain.clone()).or_default(),
        };
        samples.persisted.put(persisted);
        samples.served.put(served);
    }

    pub(super) fn measured(&self) -> Vec<Latency> {
        let chains = self.0.lock();
        let both = chains.iter().flat_map(|(chain, samples)| {
            let persisted = samples.persisted.measured(chain, "observed_to_persisted");
            [persisted, samples.served.measured(chain, "persisted_to_served")]
        });
        both.flatten().collect()
    }
}
