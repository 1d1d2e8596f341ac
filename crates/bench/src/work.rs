//! The works: each is done once with a server that has just been started.

mod churn;
mod fanout;
mod function;
mod idle;
mod load;
mod publish;
mod replay;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    check::Faults,
    clock::Clock,
    crowd::{Board, Crowd, CrowdPlan, Goal, Stamps, Tally},
    error::BenchError,
    gauge::Gauge,
    payload::Payloads,
    plan::{Plan, Work},
    sample::Sample,
    server::{Begin, Server},
    stop::Stop,
};

/// How often a level is looked at while waiting for it.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// With nothing new for so long, nothing more will come.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// Sees how a run goes.
pub trait Watch {
    /// Takes a state that may be newer than the last.
    fn tick(&mut self, phase: &'static str, elapsed: Duration, state: &str);
}

/// What a work is done with.
pub(crate) struct Bench<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) payloads: &'a Payloads,
    pub(crate) stop: &'a Stop,
    pub(crate) watch: &'a mut dyn Watch,
    /// When the whole run began.
    pub(crate) began: Instant,
    /// Where in the run this measurement is, as people read it.
    pub(crate) title: String,
}

/// Does the plan's work once.
///
/// # Errors
/// Fails where the server refuses it.
pub(crate) fn measure(bench: &mut Bench<'_>, server: &Server) -> Result<Sample, BenchError> {
    if let Some(function) = &server.function {
        return function::measure(bench, server, function);
    }
    match &bench.plan.work.clone() {
        Work::Fanout(work) => fanout::measure(bench, server, work),
        Work::Idle(work) => idle::measure(bench, server, work),
        Work::Replay(work) => replay::measure(bench, server, work),
        Work::Publish(work) => publish::measure(bench, server, work),
        Work::Churn(work) => churn::measure(bench, server, work),
    }
}

/// What differs between the crowds of the works.
struct Gathering {
    readers: u32,
    goal: Goal,
    first: u64,
    begin: Begin,
    at_once: u32,
}

/// How many readers that stay are opened at one time.
pub(crate) const AT_ONCE: u32 = 256;

impl Bench<'_> {
    /// Begins to open readers.
    fn gather(&self, server: &Server, clock: Clock, of: &Gathering) -> Result<Crowd, BenchError> {
        let streams = self.plan.streams();
        let openings: Arc<[_]> =
            (0..streams).map(|stream| server.dialect.open(stream, &of.begin)).collect();
        let plan = CrowdPlan {
            address: server.subscribe_at,
            also_at: server.also_at,
            openings,
            readers: of.readers as usize,
            goal: of.goal,
            first: of.first,
            clock,
            is_ws: self.plan.is_ws(),
            threads: self.plan.threads(),
            at_once: of.at_once.min(server.at_once_max) as usize,
            per_address: self.plan.common.connections_per_address as usize,
        };
        let ear = || Stamps(self.payloads.mark().clone());
        Crowd::open(plan, ear).map_err(BenchError::machine("readers can't be opened"))
    }

    /// Waits until so many readers have their stream.
    fn wait_until_open(
        &mut self,
        server: &Server,
        crowd: &Crowd,
        all: u32,
    ) -> Result<(), BenchError> {
        self.wait(server, crowd, "opening", u64::from(all), |crowd| crowd.board().opened())
    }

    /// Waits until a level is reached; a server on which it does not rise any more has failed.
    fn wait(
        &mut self,
        server: &Server,
        crowd: &Crowd,
        phase: &'static str,
        all: u64,
        mut level: impl FnMut(&Crowd) -> u64,
    ) -> Result<(), BenchError> {
        let (server, stop, board) = (server.name.as_str(), self.stop, crowd.board());
        let rise = Rise { server, stop, board, phase, all };
        rise.wait(|| level(crowd), |state| self.tick(phase, state))
    }

    /// Waits until so many events were received, or no more come.
    fn settle(&mut self, crowd: &Crowd, all: u64, gauge: &mut Gauge) -> Result<(), BenchError> {
        let (mut last, mut risen) = (0, Instant::now());
        loop {
            let now = crowd.board().received();
            if now > last {
                (last, risen) = (now, Instant::now());
                gauge.touch();
            }
            let nothing_comes = risen.elapsed() > SETTLE_MAX || crowd.board().broken().is_some();
            if now >= all || nothing_comes {
                return Ok(());
            }
            self.stop.check()?;
            gauge.look();
            self.tick("settling", &format!("{now} of {all} received"));
            self.stop.wait(LOOK_EVERY);
        }
    }

    fn tick(&mut self, phase: &'static str, state: &str) {
        self.watch.tick(phase, self.began.elapsed(), &format!("{}: {state}", self.title));
    }

    /// Passes time, and shows it.
    fn pass(
        &mut self,
        phase: &'static str,
        time: Duration,
        mut look: impl FnMut() -> String,
    ) -> Result<(), BenchError> {
        let began = Instant::now();
        while began.elapsed() < time {
            self.stop.check()?;
            let state = look();
            self.tick(phase, &state);
            self.stop.wait(LOOK_EVERY.min(time.saturating_sub(began.elapsed())));
        }
        Ok(())
    }
}

/// A level of readers that is to rise.
pub(crate) struct Rise<'a> {
    pub(crate) server: &'a str,
    pub(crate) stop: &'a Stop,
    pub(crate) board: &'a Board,
    pub(crate) phase: &'static str,
    /// Up to where.
    pub(crate) all: u64,
}

impl Rise<'_> {
    /// Waits until it is reached; a server on which it does not rise any more has failed.
    ///
    /// # Errors
    /// Fails then, and where a reader's stream broke.
    pub(crate) fn wait(
        &self,
        mut level: impl FnMut() -> u64,
        mut tick: impl FnMut(&str),
    ) -> Result<(), BenchError> {
        let Rise { stop, board, phase, all, .. } = self;
        let (mut last, mut risen) = (0, Instant::now());
        loop {
            let now = level();
            if now >= *all {
                return Ok(());
            }
            let refused = |what| BenchError::Refused { server: self.server.to_owned(), what };
            if let Some((why, count)) = board.broken() {
                return Err(refused(format!("{why} ({count} readers)")));
            }
            if now > last {
                (last, risen) = (now, Instant::now());
            }
            if risen.elapsed() > SETTLE_MAX {
                return Err(refused(format!("stopped at {now} of {all} while {phase}")));
            }
            stop.check()?;
            tick(&format!("{now} of {all}"));
            stop.wait(LOOK_EVERY);
        }
    }
}

/// Returns what readers that stayed found wrong, given the last number of each stream.
fn faults(tally: &Tally, last: &[u64]) -> Faults {
    let mut faults = tally.faults;
    tally.checks.iter().for_each(|check| faults.add(check.faults(last[check.stream() as usize])));
    faults
}

/// Returns what happened to readers, as a problem.
fn broken(crowd: &Crowd) -> Vec<String> {
    let broken = crowd.board().broken();
    broken.into_iter().map(|(why, count)| format!("{count} readers: it {why}")).collect()
}
