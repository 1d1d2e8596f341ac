//! The arguments of `rehearse`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `rehearse`.
#[derive(Args, Debug)]
pub(crate) struct RehearseArgs {
    /// The runbook.
    pub(crate) runbook: PathBuf,
    /// How it is played [default: `NAME.rehearsal.toml` beside `NAME.run.md`].
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Where everything goes; it must not be there yet [default: tidegate-runs/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Where the evidence goes; it must not be there yet [default: `evidence` in --dir].
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    /// The key that signs the evidence [default: one that is made for it; its public half is in
    /// `evidence.keys`].
    #[arg(long, value_name = "FILE")]
    pub(crate) log_key: Option<PathBuf>,
    /// The version that is there: a program that is called as `PROGRAM serve` [default: this one].
    #[arg(long, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,
    /// The new version [default: the same as --server].
    #[arg(long, value_name = "FILE")]
    pub(crate) candidate: Option<PathBuf>,
    /// What the candidate does wrong on purpose, as `errors=20%` (docs/inject.md); it has to be built
    /// with the feature `inject`. `none` for nothing, whatever the script says.
    #[arg(long, value_name = "FAULTS")]
    pub(crate) inject: Option<String>,
    /// What is broken around the replicas, when the script says, or else once the canary has traffic:
    /// `redis-killed`, `database-slow=250ms`, `replica-killed=canary-1` …
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Option<String>,
    /// The program `surreal`, where the script has a database server.
    #[arg(long, value_name = "FILE", env = "SURREAL_BIN", default_value = "surreal")]
    pub(crate) surreal: PathBuf,
    /// The program `anvil`, where the script has a chain.
    #[arg(long, value_name = "FILE", env = "ANVIL_BIN", default_value = "anvil")]
    pub(crate) anvil: PathBuf,
    /// How many readers there are, instead of what the script says.
    #[arg(long)]
    pub(crate) readers: Option<usize>,
    /// How many times as fast waiting times pass [default: as the script says for the short form].
    #[arg(long, conflicts_with = "full")]
    pub(crate) pace: Option<f64>,
    /// Waiting times pass as planned.
    #[arg(long)]
    pub(crate) full: bool,
    /// What commands of the runbook find in their environment, beside where the stack is; may be given
    /// more than once.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variable: Vec<(String, String)>,
    /// How long replicas have to send their clients away, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub(crate) drain: u64,
    /// Stand-ins vouch for steps alone: people approve of the plan, say `GO` and decide, in the console or
    /// with `runbook approve DIR/run`.
    #[arg(long)]
    pub(crate) attended: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is NAME=VALUE".to_owned()),
    }
}
