//! The command line: commands, arguments and their help.

mod audit;
mod cutover;
mod evidence;
mod guard;
mod ready;
mod record;
mod rehearse;
mod replay;
mod run;
mod runbook;
mod store;

use std::path::PathBuf;

use bench::BenchCommand;
use clap::{Args, Parser, Subcommand};
use node_runtime::settings::Values;

pub(crate) use self::{
    audit::AuditArgs,
    cutover::CutoverArgs,
    evidence::{EvidenceCommand, VerifyArgs},
    guard::{GuardCommand, SimulateArgs},
    ready::ReadyArgs,
    record::RecordArgs,
    rehearse::RehearseArgs,
    replay::ReplayArgs,
    run::{
        AbortArgs, AcceptanceKind, ApproveArgs, HoldArgs, PacingArgs, ReportArgs, ResumeArgs,
        RunArgs, StatusArgs, WhoArgs,
    },
    runbook::{DeadManArgs, ImportArgs, LintArgs, PlanArgs, RunbookCommand},
    store::{GatesArgs, StoreCommand},
};
use crate::failure::Failure;

/// A realtime event server that can be cut over and rolled back without losing an event.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version)]
pub(crate) struct Cli {
    /// Prints for machines: JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// For whom results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people.
    Human,
    /// For machines.
    Json,
}

impl Cli {
    /// Returns for whom results are printed.
    pub(crate) fn style(&self) -> Style {
        if self.json { Style::Json } else { Style::Human }
    }
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server until SIGTERM or SIGINT.
    #[command(after_help = "Example: tidegate serve --config tidegate.toml")]
    Serve(ServeArgs),
    /// Publishes one event, or a stream of them.
    #[command(after_help = "Example: tidegate publish action.created '{\"id\":7}'\n\
        Example: tidegate publish --lines < events.ndjson")]
    Publish(PublishArgs),
    /// Prints events as they come, and resumes by itself where the stream breaks.
    #[command(after_help = "Example: tidegate tail --events 'action.*'\n\
        Example: tidegate tail --ws --from-start")]
    Tail(TailArgs),
    /// Makes keys: for clients, and for signing evidence.
    #[command(subcommand, after_help = "Example: tidegate keys new acme")]
    Keys(KeysCommand),
    /// Publishes to many readers and checks what each received against the server's ledger.
    #[command(after_help = "Example: tidegate audit --readers 1000 --rate 200 --seconds 60\n\
        Example: tidegate audit --ws 100% --ws-publishers 50%\n\n\
        Checks by place: over replicas that are not strict it finds fault after an outage of \
        Redis where there is none, since merging moves events.")]
    Audit(AuditArgs),
    /// Moves the streams of a running server between memory and Redis, with its clients attached.
    #[command(after_help = "Example: tidegate cutover --to redis\n\
        Example: tidegate cutover --undo\n\
        Example: tidegate cutover --status --json\n\n\
        The key needs the scope admin. An interrupt leaves the switch running.")]
    Cutover(CutoverArgs),
    /// Judges a canary; shows how well, before anybody relies on it.
    #[command(
        subcommand,
        after_help = "Example: tidegate guard simulate --requests-per-second 20 --share 10%"
    )]
    Guard(GuardCommand),
    /// Looks at what a run left behind as its evidence.
    #[command(
        subcommand,
        after_help = "Example: tidegate evidence verify evidence --keys run.keys"
    )]
    Evidence(EvidenceCommand),
    /// Looks at the database of chat; checks it, Redis and the replicas before a release.
    #[command(
        subcommand,
        after_help = "Example: tidegate store status\n\
        Example: tidegate store gates --replica http://a:3000 --replica http://b:3000"
    )]
    Store(StoreCommand),
    /// Asks a server whether it may be sent traffic; ends with 1 where not, 69 where it is silent.
    #[command(after_help = "Example: tidegate ready\n\
        Example: tidegate ready --live --url http://127.0.0.1:3000")]
    Ready(ReadyArgs),
    /// Records what a node tells of a chain, as a file that a server replays.
    ///
    /// An interrupt ends it in order, with a whole file. Ends with 69 where the node tells of nothing
    /// within ten seconds, or is of another chain.
    #[command(
        after_help = "Example: tidegate record --url ws://127.0.0.1:8545 --out feed.jsonl.gz --for 30s\n\
        Example: tidegate record --url wss://node.example/KEY --out eth.jsonl.gz --chain eth-mainnet \
        --chain-id 1 --blocks 20"
    )]
    Record(RecordArgs),
    /// Runs a recorded feed through everything that is decided and computed, without a server, and
    /// prints each event as a line of JSON.
    ///
    /// Opportunities and simulations need the state of the chain: `--node` asks a node and
    /// `--keep-state` keeps what it said, `--state` reads that again.
    ///
    /// With `--check` it does so twice and compares every byte; ends with 1 where they differ, or the
    /// digest is not the one that is expected.
    #[command(after_help = "Example: tidegate replay feed.jsonl.gz\n\
        Example: tidegate replay --check feed.jsonl.gz --registry contracts.toml\n\
        Example: tidegate replay feed.jsonl.gz --node http://127.0.0.1:8545 --keep-state state.jsonl.gz\n\
        Example: tidegate replay --check feed.jsonl.gz --state state.jsonl.gz")]
    Replay(ReplayArgs),
    /// Reads runbooks, carries them out, and tells what came of it.
    #[command(subcommand, after_help = "Example: tidegate runbook plan cutover.run.md")]
    Runbook(RunbookCommand),
    /// Carries a runbook out on a whole stack that is started for it, breaks something, and hands over
    /// signed evidence.
    ///
    /// Ends with 0 where the rehearsal passed, with 1 where not, with 69 where something is missing.
    #[command(after_help = "Example: tidegate rehearse runbooks/rollback-rehearsal.run.md\n\
        Example: tidegate rehearse runbooks/rollback-rehearsal.run.md --evidence evidence --readers 200\n\
        Example: tidegate rehearse runbooks/rollback-rehearsal.run.md --fault replica-killed=canary-1")]
    Rehearse(RehearseArgs),
    /// Measures this server, its peers and the physical limit with the same work.
    #[command(
        subcommand,
        after_help = "Example: tidegate bench fanout --server tidegate,nchan,floor-coalesce --rate 200"
    )]
    Bench(BenchCommand),
}

/// Where settings come from.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// A TOML file of settings, the keys in lower case; the environment wins.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Returns the values of the environment and the file.
    ///
    /// # Errors
    /// Fails where the file can't be read or is no TOML.
    pub(crate) fn values(&self) -> Result<Values, Failure> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            // A name that is no text is no setting; a value that is none is shown as refused.
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        let values = Values::from_environment(std::env::vars_os().filter_map(text));
        match &self.config {
            Some(path) => values.with_file(path).map_err(|e| Failure::usage(e.to_string())),
            None => Ok(values),
        }
    }
}

/// How a client finds its server.
#[derive(Args, Debug)]
pub(crate) struct ClientArgs {
    /// The server [setting: TIDEGATE_URL; default: the server of these settings].
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// An API key or a JWT [setting: TIDEGATE_KEY; default: a key of these settings].
    #[arg(long)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `publish`.
#[derive(Args, Debug)]
pub(crate) struct PublishArgs {
    /// The event's name, such as `action.created`.
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    pub(crate) event: Option<String>,
    /// The payload, a JSON object; `-` reads it from standard input.
    #[arg(value_name = "JSON", conflicts_with = "lines")]
    pub(crate) payload: Option<String>,
    /// Takes effect once, however often it is sent; 1 to 255 visible ASCII characters.
    #[arg(long, value_name = "KEY", conflicts_with = "lines")]
    pub(crate) idempotency_key: Option<String>,
    /// Reads `{"event","payload"}` from each line of standard input.
    #[arg(long)]
    pub(crate) lines: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Arguments of `tail`.
#[derive(Args, Debug)]
pub(crate) struct TailArgs {
    /// Begins after this cursor, or after the event with this id.
    #[arg(long, value_name = "CURSOR", conflicts_with = "from_start")]
    pub(crate) after: Option<String>,
    /// Begins with the oldest event that the server still has.
    #[arg(long)]
    pub(crate) from_start: bool,
    /// Shows these events only, such as `action.*,signal.detected`.
    #[arg(long, value_name = "FILTER")]
    pub(crate) events: Option<String>,
    /// Reads over a WebSocket; what is printed is the same. `--events` is then looked at here, and
    /// `to replay` counts what it leaves out.
    #[arg(long)]
    pub(crate) ws: bool,
    /// Reads this stream: `events`, `ops`, `thread:ID` or `chain:KEY`.
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
    /// Ends after so many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Waits for a server that is not there yet.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a random key, as an entry for TIDEGATE_KEYS; with --sign a pair of keys for evidence.
    #[command(after_help = "Example: tidegate keys new acme --scopes publish+subscribe\n\
        Example: tidegate keys new --sign example.com/alice --role release-manager --out alice.key")]
    New(NewKeyArgs),
}

/// Arguments of `keys new`.
#[derive(Args, Debug)]
pub(crate) struct NewKeyArgs {
    /// The organisation that the key belongs to.
    #[arg(required_unless_present = "sign", conflicts_with = "sign")]
    pub(crate) org: Option<String>,
    /// What the key may do: `publish`, `subscribe`, `admin`, joined by `+`.
    #[arg(long, default_value = "publish+subscribe", conflicts_with = "sign")]
    pub(crate) scopes: String,
    /// The service in whose name the key writes chat messages.
    #[arg(long, value_name = "NAME", conflicts_with = "sign")]
    pub(crate) author: Option<String>,
    /// Makes a key that signs evidence; the name is best an address, as `example.com/alice`.
    #[arg(long, value_name = "NAME", requires = "out")]
    pub(crate) sign: Option<String>,
    /// What the key may sign as; `log` signs the log itself and takes no decisions.
    #[arg(long, value_name = "ROLE", conflicts_with = "org", default_value = "log")]
    pub(crate) role: String,
    /// Where the private key goes; the file must not be there yet.
    #[arg(long, value_name = "FILE", conflicts_with = "org")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
