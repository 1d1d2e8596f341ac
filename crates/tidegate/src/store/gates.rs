//! `tidegate store gates`: checks a release candidate as it runs. `docs/gates.md` says what is
//! checked.
//!
//! Nothing is started for it: database and Redis are those of the settings, replicas those that are
//! named. Whatever is written is noted before, and removed at the end, also where a check failed or
//! somebody interrupts; a second interrupt ends that too, and what may be left is named.

mod candidate;
mod cleaning;
mod database;
mod evidence;
mod fan_out;
mod reader;
mod redis;
mod replicas;
mod report;
mod show;

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use self::{
    candidate::{Candidate, Plan},
    report::{Finding, Gate, Report},
};
use crate::{
    cli::{GatesArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// How long cleaning up may take, whatever the deadline of a check.
const CLEANING_TIME_MAX: Duration = Duration::from_secs(60);

/// What is said after the first interrupt.
const ONCE_MORE: &str = "cleaning up; another signal leaves what is there";

/// Carries the command out.
///
/// # Errors
/// Fails on arguments and settings that make no sense, and where evidence can't be written.
pub(super) async fn run(args: GatesArgs, style: Style) -> Result<Exit, Failure> {
    let plan = Plan::of(&args)?;
    let mut signals = Signals::listen()?;
    let mut report = Report::begin(&plan);
    let mut candidate = Candidate::of(plan);
    let interrupted = tokio::select! {
        () = check(&mut candidate, &mut report) => false,
        () = signals.next() => true,
    };
    if interrupted {
        report.interrupt();
        console::note(ONCE_MORE);
    }
    let cleaning = async {
        tokio::select! {
            cleaned = candidate.clean(CLEANING_TIME_MAX) => cleaned,
            () = signals.given_up(interrupted) => candidate.perhaps_left(),
        }
    };
    report.add(Gate::CleanUp, CLEANING_TIME_MAX, "the database and Redis", cleaning).await;
    report.end();
    let evidence = match &candidate.plan.out {
        Some(out) => evidence::write(out, candidate.plan.signer.as_ref(), &report, &candidate.plan),
        None => Ok(()),
    };
    if evidence.is_err() {
        report.out = None;
    }
    console::conclude(&candidate.plan.without_secrets(&match style {
        Style::Human => show::in_words(&report),
        Style::Json => show::document(&report),
    }));
    evidence.map(|()| report.exit())
}

/// Runs every check, one after the other.
async fn check(candidate: &mut Candidate, report: &mut Report) {
    let deadline = candidate.plan.deadline;
    let database = format!("the database at {}", candidate.plan.place);
    candidate.connect().await;
    let candidate = &*candidate;
    report.add(Gate::ServerVersion, deadline, &database, candidate.server_version()).await;
    report.add(Gate::StorageEngine, deadline, &database, candidate.storage_engine()).await;
    let all = format!("{database}, or a replica");
    report.add(Gate::MigrationChecksum, deadline, &all, candidate.migration_checksum()).await;
    report.add(Gate::QueryPatterns, deadline, &database, candidate.query_patterns()).await;
    report.add(Gate::Reconnect, deadline, &database, candidate.reconnect()).await;
    report.add(Gate::Redis, deadline, "Redis", candidate.redis_round_trip()).await;
    report.add(Gate::OneLog, deadline, "a replica", candidate.one_log()).await;
    let fan_out = async {
        match report::passed(&report.checks, Gate::OneLog) {
            true => candidate.fan_out().await,
            false => Finding::error(
                "not tried: the replicas are not known to share one log, and would write one \
                 thread twice",
                "Make the gate one-log pass first.",
            ),
        }
    };
    let found = report::timed(deadline, "a replica", fan_out).await;
    report.push(Gate::FanOut, found);
}

/// What a person or a supervisor interrupts with.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Hears every signal from now on.
    fn listen() -> Result<Self, Failure> {
        let deaf = |error| Failure::failed("signals can't be heard").because(error);
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt()).map_err(deaf)?,
            terminate: signal(SignalKind::terminate()).map_err(deaf)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits until cleaning up is to end: the first signal of a run ends the checks alone.
    async fn given_up(&mut self, interrupted: bool) {
        if !interrupted {
            self.next().await;
            console::note(ONCE_MORE);
        }
        self.next().await;
    }
}
