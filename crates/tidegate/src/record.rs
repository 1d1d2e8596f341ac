//! `tidegate record`: what a node tells, as a file that a server can replay. How it is observed and
//! written is the crate `chain`.

use std::{
    future::{Future, pending},
    io,
    path::Path,
    time::{Duration, Instant},
};

use chain::{
    ChainConfig, EndpointAddress, FeedState, NewFeedFile,
    feed::{RecordError, RecordOptions, RecordProgress, Recorded, record},
};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::{RecordArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// How long a node may take until it tells of its head.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// How often it is said how the recording stands.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Carries the command out.
///
/// # Errors
/// Fails where the file is there already or can't be written, and where the node tells of nothing.
pub(crate) async fn run(args: RecordArgs, style: Style) -> Result<Exit, Failure> {
    let config = config(&args)?;
    let out = args.out.as_path();
    let file = NewFeedFile::create(out).map_err(|error| unwritten(out, error))?;
    let first_within = Some(FIRST_WITHIN);
    let options =
        RecordOptions { blocks_max: args.blocks, first_within, ..RecordOptions::default() };
    let mut shown = Shown { began: Instant::now(), last: None };
    let recorded = record(config, options, until(args.time)?, file, |now| shown.take(now)).await;
    let Recorded { output, block_count, pending_count, dropped_count } =
        recorded.map_err(|error| failure(out, error))?;
    output.keep().map_err(|error| unwritten(out, error))?;
    console::conclude(&match style {
        Style::Json => json!({
            "file": out.display().to_string(), "chain": args.chain, "blocks": block_count,
            "pending": pending_count, "dropped": dropped_count,
        })
        .to_string(),
        Style::Human => format!(
            "{block_count} blocks and {pending_count} pending transactions in {}; {dropped_count} more \
             were told of and are not in it\nReplay it: VIZ_API_INGEST_MODE=replay \
             VIZ_API_REPLAY_FILE={} tidegate serve",
            out.display(),
            out.display()
        ),
    });
    Ok(Exit::Done)
}

/// Returns where the node is.
fn config(args: &RecordArgs) -> Result<ChainConfig, Failure> {
    let config = ChainConfig::from_url(args.chain.clone(), &args.url);
    let mut config = config.map_err(|error| Failure::usage(error.to_string()))?;
    config.chain_id = args.chain_id;
    if let Some(url) = &args.http_url {
        let asked: EndpointAddress =
            url.parse().map_err(|error| Failure::usage(format!("--http-url: {error}")))?;
        if asked.is_web_socket() {
            return Err(Failure::usage("--http-url begins with http:// or https://"));
        }
        config.endpoints.iter_mut().for_each(|endpoint| endpoint.http = asked.clone());
    }
    Ok(config)
}

/// Returns what ends a recording from outside: a signal, or the time that was asked for. The file is
/// whole then.
fn until(time: Option<Duration>) -> Result<impl Future<Output = ()>, Failure> {
    let no_signals = |error: io::Error| Failure::failed("signals can't be caught").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    Ok(async move {
        let over = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = over => {}
        }
    })
}

/// Says on standard error how a recording stands.
struct Shown {
    began: Instant,
    last: Option<(Instant, FeedState)>,
}

impl Shown {
    fn take(&mut self, now: &RecordProgress) {
        let state = now.status.state;
        let is_new =
            |(said, before): (Instant, FeedState)| before != state || said.elapsed() >= SAY_EVERY;
        if !self.last.is_none_or(is_new) {
            return;
        }
        self.last = Some((Instant::now(), state));
        let seconds = self.began.elapsed().as_secs();
        let (blocks, waiting) = (now.block_count, now.pending_count);
        let error = now.status.last_error.as_deref().filter(|_| !state.serves());
        let error = error.map(|error| format!(" ({error})")).unwrap_or_default();
        let state = state.as_str();
        console::note(&format!(
            "{seconds:>4} s  {state}{error}  {blocks} blocks, {waiting} pending transactions"
        ));
    }
}

fn failure(out: &Path, error: RecordError) -> Failure {
    match error {
        RecordError::Write(error) => unwritten(out, error),
        RecordError::Nothing(_) => Failure::unreachable(error.to_string()),
        RecordError::Client(_) => Failure::failed("the recording can't begin").because(error),
    }
}

fn unwritten(out: &Path, error: io::Error) -> Failure {
    let out = out.display();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Failure::usage(format!("{out} is there already: name another file, or move it"));
    }
    Failure::failed(format!("{out} can't be written")).because(error)
}
