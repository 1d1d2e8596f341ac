//! What the processes use while something is measured: ours, and apart from them the database's
//! server and Redis.

use std::time::{Duration, Instant};

use crate::{
    figure::{Figure, Figures},
    gauge::{Gauge, Reading},
    process::{CpuMeter, Memory},
    server::ChatServers,
};

/// How often threads that may soon be gone are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A measurement under way.
pub(super) struct Meters {
    /// Of all of them, for the generator's own account.
    gauge: Gauge,
    ours: CpuMeter,
    database: Option<CpuMeter>,
    redis: Option<CpuMeter>,
    looked: Instant,
}

impl Meters {
    pub(super) fn start(servers: &ChatServers) -> Self {
        let ChatServers { ours, database, redis, .. } = servers;
        let all: Vec<_> = ours.iter().chain(database).chain(redis).copied().collect();
        Meters {
            gauge: Gauge::start(&all),
            ours: CpuMeter::start(ours),
            database: database.map(|pid| CpuMeter::start(&[pid])),
            redis: redis.map(|pid| CpuMeter::start(&[pid])),
            looked: Instant::now(),
        }
    }

    /// Looks at all threads, now and then.
    pub(super) fn look(&mut self) {
        self.gauge.look();
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            let others = self.database.iter_mut().chain(&mut self.redis);
            for meter in others.chain([&mut self.ours]) {
                meter.used();
            }
        }
    }

    /// Notes that what is measured still goes on.
    pub(super) fn touch(&mut self) {
        self.gauge.touch();
    }

    /// Sets the figures of CPU time, and of memory as it is now; returns the reading of all, and the
    /// CPU time of ours.
    pub(super) fn read(
        mut self,
        servers: &ChatServers,
        cores: usize,
        figures: &mut Figures,
    ) -> (Reading, Duration) {
        let ours = self.ours.used();
        let others = [
            (Figure::DatabaseCpuSeconds, &mut self.database),
            (Figure::RedisCpuSeconds, &mut self.redis),
        ];
        for (figure, meter) in others {
            if let Some(meter) = meter {
                figures.set(figure, meter.used().as_secs_f64());
            }
        }
        figures.set(Figure::ServerCpuSeconds, ours.as_secs_f64());
        let megabytes = |pids: &[u32]| Memory::of(pids).rss as f64 / 1e6;
        figures.set(Figure::MemoryMb, megabytes(&servers.ours));
        if let Some(database) = servers.database {
            figures.set(Figure::DatabaseMemoryMb, megabytes(&[database]));
        }
        (self.gauge.read(cores), ours)
    }
}
