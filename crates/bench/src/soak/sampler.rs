//! What is measured again and again, once a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    board::{Board, Counts},
    phase::{PhaseName, Phases},
};
use crate::{
    clock::Clock,
    error::BenchError,
    process::{CpuMeter, Idle, Memory, own_cpu},
    publisher::Link,
    sample::quantile_ms,
    server::{Publishing, Server},
};

/// What was measured over a second, in a short run over less.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// When it ended, in seconds of the run.
    pub(super) at_s: f64,
    /// The phase in which it ended: levels are those of its end.
    pub(super) phase: PhaseName,
    /// How long it was.
    pub(super) seconds: f64,
    pub(super) rss_bytes: f64,
    pub(super) pss_bytes: f64,
    /// What the windows hold, each event once.
    pub(super) windows_bytes: f64,
    /// CPU-seconds a second of the server.
    pub(super) cpu: f64,
    pub(super) readers: u64,
    pub(super) deliveries_per_second: f64,
    pub(super) publishes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p99_ms: Option<f64>,
    /// Holes that the server told of.
    pub(super) gaps: u64,
    /// Readers that the server closed because they were too far behind, by its own count.
    pub(super) lag_closes: u64,
    /// Streams that went on after a cursor.
    pub(super) resumed: u64,
    #[serde(skip)]
    pub(super) latency_us: Histogram<u64>,
}

/// What had been counted when the last sample ended.
#[derive(Clone, Debug, Default)]
struct Before {
    cpu: Duration,
    received: u64,
    published: u64,
    lag_closes: u64,
    counts: Counts,
}

/// Measures, sample by sample.
pub(super) struct Sampler<'a> {
    server: &'a Server,
    board: Arc<Board>,
    clock: Clock,
    cpu: CpuMeter,
    own: Duration,
    idle: Idle,
    began: Instant,
    at: Instant,
    before: Before,
}

/// What was measured of the machine over the whole run, in CPU-seconds a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub(super) server: f64,
    pub(super) others: f64,
    /// The share of all cores' time that was idle.
    pub(super) idle: f64,
}

impl<'a> Sampler<'a> {
    /// Begins to count.
    pub(super) fn start(server: &'a Server, board: &Arc<Board>, clock: Clock) -> Self {
        let now = Instant::now();
        Sampler {
            server,
            board: Arc::clone(board),
            clock,
            cpu: CpuMeter::start(&server.pids),
            own: own_cpu(),
            idle: Idle::now(),
            began: now,
            at: now,
            before: Before::default(),
        }
    }

    /// Returns what was measured since the last time.
    ///
    /// # Errors
    /// Fails where the server's metrics can't be had.
    pub(super) fn sample(&mut self, phases: &Phases) -> Result<Sample, BenchError> {
        let began = std::mem::replace(&mut self.at, Instant::now());
        let took = (self.at - began).as_secs_f64();
        let memory = Memory::of(&self.server.pids);
        let now = self.clock.now();
        let after = Before {
            cpu: self.cpu.used(),
            received: self.board.received(),
            published: self.board.published(),
            lag_closes: self.lag_closes()?,
            counts: self.board.counts(),
        };
        let before = std::mem::replace(&mut self.before, after.clone());
        let latency_us = self.board.take_latency_us();
        let quantile = |of| (!latency_us.is_empty()).then(|| quantile_ms(&latency_us, of));
        Ok(Sample {
            at_s: now.as_secs_f64(),
            phase: phases.at(now).name,
            seconds: took,
            rss_bytes: memory.rss as f64,
            pss_bytes: memory.pss as f64,
            windows_bytes: self.board.windows().bytes(now) as f64,
            cpu: (after.cpu.saturating_sub(before.cpu)).as_secs_f64() / took,
            readers: self.board.readers(),
            deliveries_per_second: (after.received - before.received) as f64 / took,
            publishes_per_second: (after.published - before.published) as f64 / took,
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            gaps: after.counts.gaps() - before.counts.gaps(),
            lag_closes: after.lag_closes - before.lag_closes,
            resumed: after.counts.resumed - before.counts.resumed,
            latency_us,
        })
    }

    /// Returns how many readers the server closed because they were too far behind.
    ///
    /// # Errors
    /// Fails where its metrics can't be had.
    pub(super) fn lag_closes(&self) -> Result<u64, BenchError> {
        let request = b"GET /metrics HTTP/1.1\r\nhost: bench\r\n\r\n".to_vec();
        let text = Link::to(self.server)?.publish(&Publishing { bytes: request, answers: 1 })?;
        Ok(sum_of(&String::from_utf8_lossy(&text), "tidegate_lag_closes_total"))
    }

    /// Returns what the machine did since the start.
    pub(super) fn shares(&mut self, cores: usize) -> Shares {
        let all = self.began.elapsed().as_secs_f64();
        let server = self.cpu.used().as_secs_f64() / all;
        let own = (own_cpu() - self.own).as_secs_f64() / all;
        let idle = Idle::now().share_since(self.idle);
        let used = (1.0 - idle) * cores as f64;
        Shares { server, others: (used - own - server).max(0.0), idle }
    }
}

/// Adds up a family of metrics.
fn sum_of(text: &str, family: &str) -> u64 {
    let of_family = text.lines().filter_map(|line| line.strip_prefix(family));
    let values = of_family.filter(|rest| rest.starts_with(['{', ' ']));
    values.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_added_up_over_its_labels() {
        let text = "# TYPE a_total counter\na_total{t=\"sse\"} 3\na_total{t=\"ws\"} 4\n\
            a_total_other 9\nb_total 2\n";
        assert_eq!(sum_of(text, "a_total"), 7);
        assert_eq!(sum_of(text, "b_total"), 2);
        assert_eq!(sum_of(text, "c_total"), 0);
    }
}
