//! `tidegate store gates`: checks a release candidate as it runs. `docs/gates.md` says what is
//! checked.
//!
//! Nothing is started for it: database and Redis are those of the settings, replicas those that are
//! named. Whatever is written is noted before, and removed at the end, also where a check failed or
//! somebody interrupts.

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

use tokio::signal::unix::{SignalKind, signal};

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

/// Carries the command out.
///
/// # Errors
/// Fails on arguments and settings that make no sense, and where evidence can't be written.
pub(super) async fn run(args: GatesArgs, style: Style) -> Result<Exit, Failure> {
    let plan = Plan::of(&args)?;
    let mut report = Report::begin(&plan);
    let mut candidate = Candidate::of(plan);
    let interrupted = tokio::select! {
        () = check(&mut candidate, &mut report) => false,
        () = interruption() => true,
    };
    if interrupted {
        report.interrupt();
    }
    let cleaning = candidate.clean(CLEANING_TIME_MAX);
    report.add(Gate::CleanUp, CLEANING_TIME_MAX, "the database and Redis", cleaning).await;
    report.end();
    let document = candidate.plan.without_secrets(&show::document(&report));
    if let Some(out) = &candidate.plan.out {
        evidence::write(out, candidate.plan.signer.as_ref(), &report, &candidate.plan)?;
    }
    console::conclude(&match style {
        Style::Human => candidate.plan.without_secrets(&show::in_words(&report)),
        Style::Json => document,
    });
    Ok(report.exit())
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

async fn interruption() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
