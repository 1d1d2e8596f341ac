//! Publishing without readers, as fast as answers come.

use std::{thread, time::Duration};

use super::{Bench, Gauge, load::Load};
use crate::{
    args::PublishWork,
    check::Faults,
    clock::Clock,
    error::BenchError,
    figure::{Figure, Figures},
    sample::{Sample, set_quantiles},
    server::Server,
};

pub(super) fn measure(
    bench: &mut Bench<'_>,
    server: &Server,
    work: &PublishWork,
) -> Result<Sample, BenchError> {
    let load = Load::connect(server, Clock::start(), work.connections(), work.list);
    let load = load.map_err(BenchError::machine("publishers can't be connected"))?;
    let time = Duration::from_secs(work.seconds.into());
    let mut gauge = Gauge::start(&server.pids);
    let stop = bench.stop;
    let loaded = thread::scope(|scope| {
        let loading = scope.spawn(|| load.run(time, stop));
        while !loading.is_finished() {
            gauge.look();
            bench.tick("publishing", "");
            stop.wait(super::LOOK_EVERY);
        }
        gauge.touch();
        loading.join().expect("the publisher does not panic")
    });
    let loaded =
        loaded.map_err(|what| BenchError::Refused { server: server.name.clone(), what })?;
    stop.check()?;
    let reading = gauge.read(bench.plan.cores);

    let mut figures = Figures::default();
    figures.set(Figure::EventsPerSecond, loaded.events as f64 / loaded.took.as_secs_f64());
    figures.set(Figure::EventsPerCpuSecond, reading.per_cpu_second(loaded.events));
    figures.set(Figure::ServerCpuSeconds, reading.cpu.as_secs_f64());
    figures.set(Figure::Seconds, loaded.took.as_secs_f64());
    let answers = [(Figure::AnswerP50Ms, 0.5), (Figure::AnswerP99Ms, 0.99)];
    set_quantiles(&mut figures, &loaded.tally.open_us, &answers);
    Ok(Sample {
        figures,
        faults: Faults::default(),
        generator: reading.generator(&loaded.tally, None),
        problems: Vec::new(),
        times_us: loaded.tally.open_us,
    })
}
