//! `soak`: a load test of an hour's shape in minutes.
//!
//! Readers that come and leave, stop reading and come back with their cursor; bursts; publishes
//! near the limits. Every reader checks order, loss and repeats over all its connections; a hole
//! that the server tells of is counted, a silent one is a failure. Memory after all of it is
//! compared with memory before it. What is decided, is decided by pure parts, by the run's seed:
//! [`phase`], [`acts`], [`schedule`], [`account`], [`judge`].

mod account;
mod acts;
mod audience;
mod board;
mod crew;
mod judge;
mod limits;
mod looper;
mod phase;
mod plan;
mod plot;
mod publisher;
mod reader;
mod report;
mod sampler;
mod schedule;
mod seed;
mod told;
mod windows;

use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use self::{
    crew::{Crew, Found},
    plan::SoakPlan,
    publisher::{Desk, Done, Publisher},
    report::{Checked, Report},
    sampler::{Sample, Sampler, Shares},
};
use crate::{
    args::{ServerName, SoakArgs, Transport},
    clock::Clock,
    error::BenchError,
    generator::Generator,
    payload::Payloads,
    process::provide_files,
    run::Outcome,
    sample::quantile_ms,
    server,
    stamp::Mark,
    stop::Stop,
    work::Watch,
};

/// How many publishers share the streams.
const PUBLISHERS: u32 = 4;

/// How often levels are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often samples are taken: once a second, in a short run so many times.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const SAMPLES_MIN: u32 = 50;

/// With nobody coming nearer to the end for so long, nobody will.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// A load test that makes sense.
#[derive(Debug)]
pub struct Soak {
    plan: SoakPlan,
}

impl Soak {
    /// Reads the arguments; `cores` is how many the machine has.
    ///
    /// # Errors
    /// Fails where they make no sense together.
    pub(crate) fn of(args: SoakArgs, cores: usize) -> Result<Self, BenchError> {
        Ok(Soak { plan: SoakPlan::of(args, cores)? })
    }

    /// Returns about how long it takes.
    pub fn length(&self) -> Duration {
        self.plan.time()
    }

    /// Carries it out.
    ///
    /// # Errors
    /// Fails where the server does not come up or refuses a publish, or where the machine does not
    /// allow what is asked for. What readers miss, and memory that grows, is in the outcome.
    pub fn run(&self, watch: &mut dyn Watch, stop: &Stop) -> Result<Outcome, BenchError> {
        provide_files(self.plan.files())?;
        let mark = Mark::new(rand::random());
        let payload_bytes = self.plan.args.payload_bytes;
        let payloads = Payloads::new(mark.clone(), payload_bytes as usize);
        let setup = self.plan.setup(payloads.clone());
        let server = server::start(ServerName::Tidegate, &setup, None, stop)?;
        let clock = Clock::start();
        let board = Arc::new(self.plan.board());
        let mut sampler = Sampler::start(&server, &board, clock);
        let dialects =
            [Transport::Sse, Transport::Ws].map(|t| server::tidegate(t, payloads.clone()));
        let crew = self.plan.crew(dialects, (server.subscribe_at, clock, mark.clone()));
        let crew = Crew::start(crew, &board);
        let crew = crew.map_err(BenchError::machine("readers can't be opened"))?;
        let (at_desk, stop) = (Arc::clone(&board), stop.clone());
        let desk = Desk { server: &server, board: at_desk, clock, stop, mark, payload_bytes };
        let mut watched = Watched { plan: &self.plan, desk: &desk, watch, samples: Vec::new() };

        let done = watched.publish(&mut sampler)?;
        let behind = watched.settle()?;
        let samples = watched.samples;
        let lag_closes = sampler.lag_closes()?;
        let shares = sampler.shares(self.plan.cores);
        let found = crew.end();
        let generator = generator(&found, &done, shares, clock.now());
        let checked = Checked { behind, lag_closes, ..Checked::of(&board, &found, &done) };
        self.conclude(&Report::new(&self.plan, samples, checked, generator))
    }

    fn conclude(&self, report: &Report<'_>) -> Result<Outcome, BenchError> {
        if let Some(file) = &self.plan.args.svg {
            fs::write(file, plot::svg(report)).map_err(BenchError::file(file))?;
        }
        Ok(Outcome {
            text: report.to_string(),
            document: report.document(),
            passed: report.problems().is_empty(),
        })
    }
}

fn generator(found: &Found, done: &Done, shares: Shares, took: Duration) -> Generator {
    let generator = Generator {
        busy_share_max: found.busy_share_max,
        cpu_share: found.cpu.as_secs_f64() / took.as_secs_f64(),
        publisher_late_p99_ms: Some(quantile_ms(&done.late_us, 0.99)),
        turn_p99_ms: quantile_ms(&found.turn_us, 0.99),
        machine_idle_share: shares.idle,
        server_cpu_share: shares.server,
        others_cpu_share: shares.others,
        ..Generator::default()
    };
    generator.judged()
}

/// A run that is watched and measured.
struct Watched<'a> {
    plan: &'a SoakPlan,
    desk: &'a Desk<'a>,
    watch: &'a mut dyn Watch,
    samples: Vec<Sample>,
}

impl Watched<'_> {
    /// Publishes from threads of their own, and measures once a second until all is published and
    /// the time is over.
    fn publish(&mut self, sampler: &mut Sampler<'_>) -> Result<Done, BenchError> {
        let mut of_publisher = vec![Vec::new(); PUBLISHERS as usize];
        for op in self.plan.ops() {
            of_publisher[(op.stream % PUBLISHERS) as usize].push(op);
        }
        let publishers = of_publisher.into_iter().map(|ops| Publisher::new(self.desk, ops));
        let publishers = publishers.collect::<Result<Vec<_>, _>>()?;
        thread::scope(|scope| {
            let publishing: Vec<_> =
                publishers.into_iter().map(|one| scope.spawn(|| one.run())).collect();
            let ended = self.measure(sampler, || publishing.iter().all(|one| one.is_finished()));
            if ended.is_err() {
                self.desk.stop.ask();
            }
            let mut sum = Done::new();
            for one in publishing {
                sum.add(&one.join().expect("a publisher does not panic")?);
            }
            ended.map(|()| sum)
        })
    }

    fn measure(
        &mut self,
        sampler: &mut Sampler<'_>,
        is_published: impl Fn() -> bool,
    ) -> Result<(), BenchError> {
        let Desk { clock, board, stop, .. } = self.desk;
        let every = SAMPLE_EVERY.min(self.plan.time() / SAMPLES_MIN);
        let mut due = every;
        while clock.now() < self.plan.time() || !is_published() {
            stop.check()?;
            let now = clock.now();
            if now >= due {
                self.samples.push(sampler.sample(&self.plan.phases)?);
                due += every;
            }
            let state = format!("{} readers, {} received", board.readers(), board.received());
            self.watch.tick(self.plan.phases.at(now).name.as_str(), now, &state);
            stop.wait(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until every reader has everything; returns how many do not.
    fn settle(&mut self) -> Result<u64, BenchError> {
        let Desk { clock, board, stop, .. } = self.desk;
        board.settle();
        let (mut last, mut fell) = (u64::MAX, Instant::now());
        loop {
            let behind = board.behind();
            if behind < last {
                (last, fell) = (behind, Instant::now());
            }
            if behind == 0 || fell.elapsed() > SETTLE_MAX {
                return Ok(behind);
            }
            stop.check()?;
            self.watch.tick("settling", clock.now(), &format!("{behind} readers are behind"));
            stop.wait(LOOK_EVERY);
        }
    }
}
