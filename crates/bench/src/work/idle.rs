//! Many readers that receive nothing: what a connection costs while it waits.

use std::time::Duration;

use super::{AT_ONCE, Bench, Gathering, Gauge, broken, faults};
use crate::{
    args::IdleWork,
    clock::Clock,
    crowd::Goal,
    error::BenchError,
    figure::{Figure, Figures},
    process::Memory,
    sample::{Sample, set_quantiles},
    server::{Begin, Server},
};

/// How long a server may tidy up after the last connection before its memory is read.
const REST: Duration = Duration::from_secs(2);

pub(super) fn measure(
    bench: &mut Bench<'_>,
    server: &Server,
    work: &IdleWork,
) -> Result<Sample, BenchError> {
    let before = Memory::of(&server.pids);
    let readers = work.readers;
    let gathering =
        Gathering { readers, goal: Goal::Stay, first: 1, begin: Begin::Live, at_once: AT_ONCE };
    let clock = Clock::start();
    let crowd = bench.gather(server, clock, &gathering)?;
    bench.wait_until_open(server, &crowd, readers)?;
    bench.pass("resting", REST, String::new)?;

    crowd.board().measure_from(clock.now_us());
    let mut gauge = Gauge::start(&server.pids);
    bench.pass("idle", Duration::from_secs(work.seconds.into()), || {
        gauge.look();
        format!("{readers} readers")
    })?;
    gauge.touch();
    let held = Memory::of(&server.pids) - before;
    let reading = gauge.read(bench.plan.cores);
    let problems = broken(&crowd);
    let tally = crowd.close();

    let mut figures = Figures::default();
    figures.set(Figure::BytesPerConnection, held.rss as f64 / f64::from(readers));
    figures.set(Figure::PssBytesPerConnection, held.pss as f64 / f64::from(readers));
    figures.set(
        Figure::CpuMsPerSecond,
        reading.cpu.as_secs_f64() * 1000.0 / reading.took.as_secs_f64(),
    );
    figures.set(Figure::ServerCpuSeconds, reading.cpu.as_secs_f64());
    figures.set(Figure::Seconds, reading.took.as_secs_f64());
    let opens = [(Figure::OpenP50Ms, 0.5), (Figure::OpenP99Ms, 0.99)];
    set_quantiles(&mut figures, &tally.open_us, &opens);
    Ok(Sample {
        figures,
        faults: faults(&tally, &[0]),
        generator: reading.generator(&tally, None),
        problems,
        times_us: tally.open_us,
    })
}
