//! Opening streams and closing them again.

use std::time::Duration;

use super::{Bench, Gathering, Gauge, broken};
use crate::{
    args::ChurnWork,
    clock::Clock,
    crowd::Goal,
    error::BenchError,
    figure::{Figure, Figures},
    sample::{Sample, set_quantiles},
    server::{Begin, Server},
};

pub(super) fn measure(
    bench: &mut Bench<'_>,
    server: &Server,
    work: &ChurnWork,
) -> Result<Sample, BenchError> {
    let at_once = work.at_once;
    let gathering =
        Gathering { readers: at_once, goal: Goal::Open, first: 1, begin: Begin::Live, at_once };
    let mut gauge = Gauge::start(&server.pids);
    let crowd = bench.gather(server, Clock::start(), &gathering)?;
    bench.pass("churning", Duration::from_secs(work.seconds.into()), || {
        gauge.look();
        format!("{} opened", crowd.board().opened())
    })?;
    gauge.touch();
    let connects = crowd.board().opened();
    let reading = gauge.read(bench.plan.cores);
    let problems = broken(&crowd);
    let tally = crowd.close();

    let mut figures = Figures::default();
    figures.set(Figure::ConnectsPerSecond, reading.per_second(connects));
    figures.set(Figure::ConnectsPerCpuSecond, reading.per_cpu_second(connects));
    figures.set(Figure::ServerCpuSeconds, reading.cpu.as_secs_f64());
    figures.set(Figure::Seconds, reading.took.as_secs_f64());
    let opens = [(Figure::OpenP50Ms, 0.5), (Figure::OpenP99Ms, 0.99)];
    set_quantiles(&mut figures, &tally.open_us, &opens);
    Ok(Sample {
        figures,
        faults: tally.faults,
        generator: reading.generator(&tally, None),
        problems,
        times_us: tally.open_us,
    })
}
