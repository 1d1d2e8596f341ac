//! The command line: commands, arguments and their help.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::faults;
use crate::runner::Without;
use crate::steps::{self, Selection};
use crate::surreal;

/// Set-up, checks and tests of the Tidegate workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs all checks and tests, as CI does.
    #[command(after_help = "Example: cargo xtask test --fast")]
    Test(TestArgs),
    /// Checks format, clippy and docs.
    #[command(after_help = "Example: cargo xtask lint")]
    Lint,
    /// Checks the house rules that no compiler knows.
    #[command(after_help = "Example: cargo xtask tidy")]
    Tidy,
    /// Checks licences, bans, sources and advisories of the dependencies.
    #[command(after_help = "Example: cargo xtask deny")]
    Deny,
    /// Breaks everything around the server for a set time, and checks what its readers saw.
    #[command(after_help = "Example: cargo xtask chaos --seconds 1800 --out chaos-run")]
    Chaos(ChaosArgs),
    /// Rehearses a runbook with each fault of a candidate and with a good one: is every fault seen by its
    /// guard, and no good candidate aborted?
    #[command(after_help = "Example: cargo xtask faults --good 20 --out faults-run")]
    Faults(FaultsArgs),
    /// Installs what the checks and tests need and the machine lacks.
    #[command(after_help = "Example: cargo xtask setup")]
    Setup,
}

/// Which steps of the test run to take.
#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Leaves out the long steps (release mode).
    #[arg(long, conflicts_with = "only")]
    fast: bool,
    /// Runs this step alone; may be given more than once.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(steps::names()))]
    only: Vec<String>,
    /// Leaves out the tests that need this, and says which they are; may be given more than once.
    #[arg(long, value_name = "PEER", value_parser = PossibleValuesParser::new([surreal::NAME]))]
    without: Vec<String>,
    /// Lists the steps and runs none.
    #[arg(long)]
    pub(crate) list: bool,
}

/// What the run takes; `--server` is added.
#[derive(Args, Debug)]
pub(crate) struct ChaosArgs {
    /// Arguments of the run, as in docs/chaos.md.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<String>,
}

/// What is rehearsed, and with which programs.
#[derive(Args, Debug)]
pub(crate) struct FaultsArgs {
    /// The runbook.
    #[arg(default_value = "runbooks/rollback-rehearsal.run.md")]
    pub(crate) runbook: PathBuf,
    /// Where everything goes; it must not be there yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Takes this fault alone; may be given more than once.
    #[arg(long, value_name = "FAULT", value_parser = PossibleValuesParser::new(faults::names()))]
    only: Vec<String>,
    /// Takes no fault.
    #[arg(long, conflicts_with = "only")]
    no_faults: bool,
    /// How many times a good candidate is rehearsed.
    #[arg(long, default_value_t = 1)]
    pub(crate) good: u32,
    /// How many readers there are.
    #[arg(long, default_value_t = 200)]
    pub(crate) readers: u32,
    /// How the runbook is played [default: the script beside it].
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// The program `tidegate`, which is the version that is there too [default: it is built].
    #[arg(long, value_name = "FILE")]
    pub(crate) tidegate: Option<PathBuf>,
    /// A server with the feature `inject` [default: `viz-api`; it is built].
    #[arg(long, value_name = "FILE")]
    pub(crate) candidate: Option<PathBuf>,
}

impl FaultsArgs {
    /// Returns whether a fault is among those that were asked for.
    pub(crate) fn takes(&self, fault: &str) -> bool {
        !self.no_faults && (self.only.is_empty() || self.only.iter().any(|only| only == fault))
    }
}

impl TestArgs {
    /// Returns what is done without.
    pub(crate) fn without_server(&self) -> Without {
        match self.without.is_empty() {
            true => Without::Nothing,
            false => Without::SurrealServer,
        }
    }

    /// Returns the choice of steps that the arguments stand for.
    pub(crate) fn selection(self) -> Selection {
        match (self.fast, self.only.is_empty()) {
            (true, _) => Selection::Fast,
            (false, true) => Selection::All,
            (false, false) => Selection::Only(self.only),
        }
    }
}

#[cfg(test)]
mod tests;
