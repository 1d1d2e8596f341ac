//! Many readers that come back for what they missed.

use super::{Bench, Gathering, Gauge, broken};
use crate::{
    args::ReplayWork,
    clock::Clock,
    crowd::Goal,
    error::BenchError,
    figure::{Figure, Figures},
    plan::REPLAY_LIST,
    publisher::{Link, Publisher},
    sample::{Sample, set_quantiles},
    server::{Begin, Server},
};

/// Events before those that readers missed: a reader that is given too many is found out.
const EARLIER_EVENTS: u64 = 50;

pub(super) fn measure(
    bench: &mut Bench<'_>,
    server: &Server,
    work: &ReplayWork,
) -> Result<Sample, BenchError> {
    let clock = Clock::start();
    let events = u64::from(work.events);
    let dialect = &*server.dialect;
    let link = Link::to(server)?;
    let mut publisher = Publisher::new(link, dialect, (clock, bench.stop), (1, REPLAY_LIST));
    let cursor = dialect.cursor(&publisher.some(EARLIER_EVENTS)?);
    publisher.some(events)?;

    let (readers, rounds) = (work.readers, work.rounds);
    let (first, last) = (EARLIER_EVENTS + 1, EARLIER_EVENTS + events);
    let gathering = Gathering {
        readers,
        goal: Goal::Until { last, rounds },
        first,
        begin: Begin::Back { events, cursor },
        at_once: work.at_once,
    };
    let mut gauge = Gauge::start(&server.pids);
    let crowd = bench.gather(server, clock, &gathering)?;
    bench.wait(server, &crowd, "replaying", readers.into(), |crowd| {
        gauge.look();
        crowd.board().finished()
    })?;
    gauge.touch();
    let reading = gauge.read(bench.plan.cores);
    let problems = broken(&crowd);
    let tally = crowd.close();

    let connects = u64::from(readers) * u64::from(rounds);
    let mut figures = Figures::default();
    figures.set(Figure::DeliveriesPerCpuSecond, reading.per_cpu_second(connects * events));
    figures.set(Figure::DeliveriesPerSecond, reading.per_second(connects * events));
    figures.set(Figure::ConnectsPerSecond, reading.per_second(connects));
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
