//! The arguments of `runbook`.

use std::path::PathBuf;

use ::runbook::{Mode, Options};
use clap::{Args, Subcommand};

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
