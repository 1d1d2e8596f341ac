//! The command line: commands, arguments and their help.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

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
