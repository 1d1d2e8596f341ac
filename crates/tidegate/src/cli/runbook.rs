//! The arguments of `runbook`.

use std::path::PathBuf;

use ::runbook::{Mode, Options};
use clap::{Args, Subcommand};

use super::run::{AbortArgs, ApproveArgs, HoldArgs, ReportArgs, ResumeArgs, RunArgs, StatusArgs};

/// What can be done with runbooks.
#[derive(Debug, Subcommand)]
pub(crate) enum RunbookCommand {
    /// Marks in a plain runbook what each step seems to be.
    ///
    /// Nothing that was inferred is carried out: a person makes each `run?` a `run:`.
    #[command(after_help = "Example: tidegate runbook import cutover.md --out cutover.run.md")]
    Import(ImportArgs),
    /// Says what is wrong with runbooks, by line.
    ///
    /// Ends with 1 where something is wrong.
    #[command(after_help = "Example: tidegate runbook lint runbooks/*.run.md\n\
        Example: tidegate runbook lint cutover.run.md --mode production\n\
        Example: tidegate runbook lint cutover.run.md --fix")]
    Lint(LintArgs),
    /// Shows what a run would do, with the digest that approvals bind to.
    #[command(after_help = "Example: tidegate runbook plan cutover.run.md\n\
        Example: tidegate runbook plan cutover.run.md --mode readiness --json")]
    Plan(PlanArgs),
    /// Carries a runbook out: looks at its gates, waits for people, changes what it changes, watches, and
    /// goes back where a guard fails.
    ///
    /// Ends with 0 where what was changed is kept, with 1 where it is not.
    #[command(
        after_help = "Example: tidegate runbook run cutover.run.md --mode production \\\n    \
        --on production.toml --log-key log.key\n\n\
        An interrupt leaves the run as it is: `runbook resume` goes on with it, and until then the \
        router takes the canary out when the lease is over."
    )]
    Run(RunArgs),
    /// Goes on with a run that another process left.
    #[command(
        after_help = "Example: tidegate runbook resume tidegate-runs/cutover --log-key log.key"
    )]
    Resume(ResumeArgs),
    /// Takes the canary of a run out of the traffic when nobody renews its lease; runs start it.
    #[command(hide = true, after_help = "Example: tidegate runbook dead-man tidegate-runs/cutover")]
    DeadMan(DeadManArgs),
    /// Shows how a run stands.
    #[command(after_help = "Example: tidegate runbook status tidegate-runs/cutover --follow")]
    Status(StatusArgs),
    /// Approves of a run's plan, lets it go on, vouches for a step, or waives what did not pass.
    ///
    /// Ends with 1 where it does not count, and says why.
    #[command(
        after_help = "Example: tidegate runbook approve RUN --role lead --key bo.key --reason \"read it\"\n\
        Example: tidegate runbook approve RUN --go --role lead --key bo.key --reason \"all gates pass\"\n\
        Example: tidegate runbook approve RUN --step T-10 --role lead --key bo.key --reason \"met\"\n\
        Example: tidegate runbook approve RUN --waive G2 --role lead --key bo.key --reason \"known\""
    )]
    Approve(ApproveArgs),
    /// Stops a run where it is until people let it go on.
    #[command(
        after_help = "Example: tidegate runbook hold RUN --role lead --key bo.key --reason \"wait\""
    )]
    Hold(HoldArgs),
    /// Gives a run up: sends it back where something was changed, ends it where nothing was.
    #[command(
        after_help = "Example: tidegate runbook abort RUN --role lead --key bo.key --reason \"P1\""
    )]
    Abort(AbortArgs),
    /// Tells what a run did, under the runbook's own headings.
    #[command(
        after_help = "Example: tidegate runbook report RUN --out report.md --html report.html\n\
        Example: tidegate runbook report RUN --evidence evidence --log-key log.key"
    )]
    Report(ReportArgs),
}

/// Arguments of `runbook import`.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The runbook as it was written.
    pub(crate) file: PathBuf,
    /// Where the result goes; the file must not be there yet [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `runbook dead-man`.
#[derive(Args, Debug)]
pub(crate) struct DeadManArgs {
    /// The run's folder, with its `dead-man.json`.
    pub(crate) dir: PathBuf,
}

/// Arguments of `runbook lint`.
#[derive(Args, Debug)]
pub(crate) struct LintArgs {
    /// The runbooks.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Gives marks and settings one form, and touches nothing else.
    #[arg(long)]
    pub(crate) fix: bool,
    #[command(flatten)]
    pub(crate) instead: InsteadArgs,
}

/// Arguments of `runbook plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// The runbook.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) instead: InsteadArgs,
}

/// What is asked for instead of what the document says.
#[derive(Args, Debug)]
pub(crate) struct InsteadArgs {
    /// `readiness`, `rehearsal` or `production`, instead of the document's mode.
    #[arg(long)]
    mode: Option<Mode>,
    /// The environment, instead of the document's.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

impl InsteadArgs {
    /// Returns them as options.
    pub(crate) fn options(self) -> Options {
        Options { mode: self.mode, environment: self.environment }
    }
}
