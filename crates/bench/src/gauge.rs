//! What is read off the machine around a measurement: time, the server's CPU, and idle cores.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::{
    crowd::Tally,
    generator::Generator,
    process::{CpuMeter, Idle, own_cpu},
    sample::quantile_ms,
};

/// How often threads that may soon be gone are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A measurement under way.
pub(crate) struct Gauge {
    cpu: CpuMeter,
    idle: Idle,
    own: Duration,
    began: Instant,
    looked: Instant,
    touched: Instant,
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) cpu: Duration,
    /// Until what was measured was last seen to go on.
    pub(crate) took: Duration,
    all: Duration,
    own: Duration,
    idle: f64,
    cores: usize,
}

impl Gauge {
    /// Begins to count what these processes use.
    pub(crate) fn start(pids: &[u32]) -> Self {
        let cpu = CpuMeter::start(pids);
        let now = Instant::now();
        let own = own_cpu();
        Gauge { cpu, idle: Idle::now(), own, began: now, looked: now, touched: now }
    }

    /// Looks at the server's threads, now and then.
    pub(crate) fn look(&mut self) {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            self.cpu.used();
        }
    }

    /// Notes that what is measured still goes on.
    pub(crate) fn touch(&mut self) {
        self.touched = Instant::now();
    }

    pub(crate) fn read(mut self, cores: usize) -> Reading {
        Reading {
            cpu: self.cpu.used(),
            took: self.touched - self.began,
            all: self.began.elapsed(),
            own: own_cpu() - self.own,
            cores,
            idle: Idle::now().share_since(self.idle),
        }
    }
}

impl Reading {
    /// Returns how the generator did.
    pub(crate) fn generator(&self, tally: &Tally, late_us: Option<&Histogram<u64>>) -> Generator {
        let all = self.all.as_secs_f64();
        let late_us = late_us.filter(|late_us| !late_us.is_empty());
        let used = (1.0 - self.idle) * self.cores as f64;
        let ours = (self.cpu + self.own).as_secs_f64() / all;
        let generator = Generator {
            busy_share_max: tally.busy_max(),
            cpu_share: tally.cpu.as_secs_f64() / all,
            publisher_late_p99_ms: late_us.map(|late_us| quantile_ms(late_us, 0.99)),
            turn_p99_ms: quantile_ms(&tally.turn_us, 0.99),
            machine_idle_share: self.idle,
            others_cpu_share: (used - ours).max(0.0),
            server_cpu_share: self.cpu.as_secs_f64() / all,
            ..Generator::default()
        };
        generator.judged()
    }

    /// Returns how many a CPU-second of the server.
    pub(crate) fn per_cpu_second(&self, count: u64) -> f64 {
        count as f64 / self.cpu.as_secs_f64()
    }

    /// Returns how many a second.
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.took.as_secs_f64()
    }
}
