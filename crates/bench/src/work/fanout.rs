//! Publishing to many readers.

use std::{thread, time::Duration};

use super::{AT_ONCE, Bench, Gathering, Gauge, broken, faults};
use crate::{
    args::{FanoutWork, Rate},
    clock::Clock,
    crowd::{Crowd, Goal},
    error::BenchError,
    figure::{Figure, Figures},
    plan::WARM_UP_EVENTS,
    publisher::{Link, Publisher},
    sample::{LATENCIES, Sample, set_quantiles},
    server::{Begin, Server, SharedRedis},
};

pub(super) fn measure(
    bench: &mut Bench<'_>,
    server: &Server,
    work: &FanoutWork,
) -> Result<Sample, BenchError> {
    let before = server.shared.as_ref().map(SharedRedis::connections);
    let clock = Clock::start();
    let (readers, streams) = (work.readers, work.streams);
    let gathering =
        Gathering { readers, goal: Goal::Stay, first: 1, begin: Begin::Live, at_once: AT_ONCE };
    let crowd = bench.gather(server, clock, &gathering)?;
    bench.wait_until_open(server, &crowd, readers)?;
    let link = Link::to(server)?;
    let dialect = &*server.dialect;
    let sizes = (streams, work.list as usize);
    let mut publisher = Publisher::new(link, dialect, (clock, bench.stop), sizes);
    publisher.some(WARM_UP_EVENTS)?;
    let warm = u64::from(readers) * WARM_UP_EVENTS;
    bench.wait(server, &crowd, "warming up", warm, |crowd| crowd.board().received())?;

    crowd.board().measure_from(clock.now_us());
    let mut gauge = Gauge::start(&server.pids);
    publish(bench, &crowd, &mut publisher, work, &mut gauge)?;
    let all = (0..readers).map(|reader| publisher.last[(reader % streams) as usize]).sum::<u64>();
    bench.settle(&crowd, all, &mut gauge)?;
    let deliveries = crowd.board().received().saturating_sub(warm);
    let reading = gauge.read(bench.plan.cores);
    let with_readers = server.shared.as_ref().map(SharedRedis::connections);
    let mut problems = broken(&crowd);
    problems.extend(grown(before.as_deref(), with_readers.as_deref()));
    let tally = crowd.close();

    let mut figures = Figures::default();
    figures.set(Figure::DeliveriesPerCpuSecond, reading.per_cpu_second(deliveries));
    figures.set(Figure::DeliveriesPerSecond, reading.per_second(deliveries));
    let events = publisher.count() - WARM_UP_EVENTS * u64::from(streams);
    figures.set(Figure::EventsPerSecond, reading.per_second(events));
    figures.set(Figure::ServerCpuSeconds, reading.cpu.as_secs_f64());
    figures.set(Figure::Seconds, reading.took.as_secs_f64());
    if let Some(most) = with_readers.and_then(|each| each.into_iter().max()) {
        figures.set(Figure::RedisConnections, most as f64);
    }
    set_quantiles(&mut figures, &tally.latency_us, LATENCIES);
    Ok(Sample {
        figures,
        faults: faults(&tally, &publisher.last),
        generator: reading.generator(&tally, Some(&publisher.late_us)),
        problems,
        times_us: tally.latency_us,
    })
}

/// Returns what is wrong with each process's connections to Redis, without and with readers.
fn grown(before: Option<&[usize]>, with_readers: Option<&[usize]>) -> Option<String> {
    let (before, with_readers) = (before?, with_readers?);
    let grew = before.iter().zip(with_readers).any(|(before, now)| now > before);
    grew.then(|| {
        format!("its connections to Redis grew with readers: {before:?} to {with_readers:?}")
    })
}

/// Publishes from a thread of its own, while this one watches.
fn publish(
    bench: &mut Bench<'_>,
    crowd: &Crowd,
    publisher: &mut Publisher<'_>,
    work: &FanoutWork,
    gauge: &mut Gauge,
) -> Result<(), BenchError> {
    let time = Duration::from_secs(work.seconds.into());
    let board = crowd.board();
    thread::scope(|scope| {
        let publishing = scope.spawn(|| match work.rate {
            Rate::PerSecond(rate) => publisher.paced(rate, time),
            Rate::Max => publisher.windowed(work.window.into(), time, || board.all_have()),
        });
        while !publishing.is_finished() {
            gauge.look();
            bench.tick("publishing", &format!("{} received", board.received()));
            bench.stop.wait(super::LOOK_EVERY);
        }
        gauge.touch();
        publishing.join().expect("the publisher does not panic")
    })
}
