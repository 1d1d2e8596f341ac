//! The arguments of what carries a runbook out, and of what is said to a run.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use jiff::Timestamp;

use super::runbook::InsteadArgs;

/// Arguments of `runbook run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The runbook.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) instead: InsteadArgs,
    /// What the run acts on: its replicas, router, settings and secrets (docs/environments.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) on: PathBuf,
    /// The folder of the run, which must not be there yet [default: tidegate-runs/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The run's name [default: made of the runbook's and the time].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// T0, as `2026-02-07T10:00:00Z` [default: so that the first step with a time is due now].
    #[arg(long, value_name = "TIME")]
    pub(crate) t0: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) pacing: PacingArgs,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

/// How patient a run is.
#[derive(Args, Debug)]
pub(crate) struct PacingArgs {
    /// How much later than it is due a step may begin without people being asked.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) grace: u64,
    /// For how long the run may act without renewing its lease; then the router takes the canary out.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=300))]
    pub(crate) lease: u64,
}

/// With what the evidence is signed.
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// The key that signs the log, as `tidegate keys new --sign NAME --out FILE` makes it; without one
    /// no evidence is written at the end, and `runbook report` can do it later.
    #[arg(long, value_name = "FILE")]
    pub(crate) log_key: Option<PathBuf>,
}

/// Arguments of `runbook resume`.
#[derive(Args, Debug)]
pub(crate) struct ResumeArgs {
    /// The run's folder.
    pub(crate) dir: PathBuf,
    /// The runbook, where it has to be the one that the run was begun with.
    #[arg(long, value_name = "FILE")]
    pub(crate) runbook: Option<PathBuf>,
    /// What the run acts on [default: the file that it was begun with].
    #[arg(long, value_name = "FILE")]
    pub(crate) on: Option<PathBuf>,
    /// Goes on though that file is not what it was: the run acts on what it says now, and the journal has it.
    #[arg(long)]
    pub(crate) on_changed: bool,
    #[command(flatten)]
    pub(crate) pacing: PacingArgs,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

/// Arguments of `runbook status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// The run's folder.
    pub(crate) dir: PathBuf,
    /// Goes on showing it until the run ends.
    #[arg(long)]
    pub(crate) follow: bool,
}

/// Who says something, and why.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("who").required(true).args(["key", "person"]))]
pub(crate) struct WhoArgs {
    /// In which role.
    #[arg(long)]
    pub(crate) role: String,
    /// The private key with which it is signed.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Who says it without a key, by the name in the runbook; not in production.
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Arguments of `runbook approve`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["go", "step", "waive", "again"]))]
pub(crate) struct ApproveArgs {
    /// The run's folder.
    pub(crate) dir: PathBuf,
    /// The run goes on.
    #[arg(long)]
    pub(crate) go: bool,
    /// This step is as it has to be.
    #[arg(long, value_name = "ID")]
    pub(crate) step: Option<String>,
    /// The run goes on although this gate, step or guard did not pass.
    #[arg(long, value_name = "ID")]
    pub(crate) waive: Option<String>,
    /// This gate or step is carried out again; of one that was begun, and of which nobody knows what became
    /// of it, its owner says by this that it was not done.
    #[arg(long, value_name = "ID")]
    pub(crate) again: Option<String>,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// Arguments of `runbook hold`.
#[derive(Args, Debug)]
pub(crate) struct HoldArgs {
    /// The run's folder.
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// Arguments of `runbook abort`.
#[derive(Args, Debug)]
pub(crate) struct AbortArgs {
    /// The run's folder.
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// A report for those who accept a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AcceptanceKind {
    /// How a release was taken back.
    Rollback,
    /// Who took over which manual.
    Handover,
    /// How a cutover ended.
    Closeout,
}

/// Arguments of `runbook report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// The run's folder.
    pub(crate) dir: PathBuf,
    /// Where the report goes as Markdown [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where it goes as one page of HTML, with plots.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Writes a report for those who accept a release instead, as `docs/acceptance` has them.
    #[arg(long, value_name = "KIND", conflicts_with = "html")]
    pub(crate) acceptance: Option<AcceptanceKind>,
    /// Writes the evidence too, with --log-key, into a folder that is not there yet; without it, where the
    /// evidence is [default: `evidence` in the run's folder, or beside it].
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}
