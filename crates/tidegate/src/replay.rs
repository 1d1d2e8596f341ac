//! `tidegate replay`: a recorded feed run through everything that is decided and computed, without a
//! server; and whether that gives the same each time.

mod state;

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chain::{FeedReader, Replay, Speed, SpeedFactor, TrackerLimits};
use feature::Registry;
use node_runtime::Rerun;
use serde_json::json;
use sha2::{Digest, Sha256};

use self::state::{ChainStates, Keeper, States};
use crate::{
    cli::{ReplayArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// How often it is said how far a run is.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    events: u64,
    findings: u64,
    /// Of all lines, each with its end.
    digest: String,
}

/// Carries the command out.
///
/// # Errors
/// Fails where a file can't be read, and where the output takes nothing.
pub(crate) async fn run(args: &ReplayArgs, style: Style) -> Result<Exit, Failure> {
    let play = Play {
        feed: args.feed.as_deref(),
        registry: Arc::new(registry(args.registry.as_deref())?),
        states: States::of(args)?,
        keep: args.keep_state.as_deref(),
    };
    if !args.check {
        let mut out = io::BufWriter::new(io::stdout().lock());
        play.run(&mut out).await?;
        out.flush().map_err(unprinted)?;
        return Ok(Exit::Done);
    }
    let once = play.run(&mut io::sink()).await?;
    let twice = play.run(&mut io::sink()).await?;
    let is_same = once == twice;
    let is_expected = args.digest.as_ref().is_none_or(|digest| *digest == once.digest);
    console::conclude(&match style {
        Style::Json => json!({
            "events": once.events, "findings": once.findings, "sha256": once.digest,
            "same": is_same, "expected": is_expected,
        })
        .to_string(),
        Style::Human => human(&once, is_same, is_expected),
    });
    Ok(if is_same && is_expected { Exit::Done } else { Exit::Failed })
}

fn human(told: &Told, is_same: bool, is_expected: bool) -> String {
    let Told { events, findings, digest } = told;
    let verdict = match (is_same, is_expected) {
        (false, _) => "FAILED: two runs differ",
        (true, false) => "FAILED: another digest was expected",
        (true, true) => "PASSED: two runs are the same",
    };
    format!("{events} events, {findings} of them computed, sha256 {digest}\n{verdict}")
}

fn registry(path: Option<&Path>) -> Result<Registry, Failure> {
    let built_in = Registry::built_in();
    let Some(path) = path else { return Ok(built_in) };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{name} can't be read: {error}")))?;
    let own = Registry::parse(&text);
    own.map(|own| built_in.with(own)).map_err(|error| Failure::usage(format!("{name}: {error}")))
}

/// What is replayed, and on what.
struct Play<'a> {
    feed: Option<&'a Path>,
    registry: Arc<Registry>,
    states: States,
    keep: Option<&'a Path>,
}

impl Play<'_> {
    /// Writes every event as a line of JSON.
    async fn run(&self, out: &mut impl Write) -> Result<Told, Failure> {
        let name = self
            .feed
            .map_or_else(|| "the program's feed".to_owned(), |path| path.display().to_string());
        let unread = |error| Failure::usage(format!("{name} can't be replayed")).because(error);
        let reader = match self.feed {
            Some(path) => FeedReader::open(path),
            None => chain::example_feed(),
        };
        let lines = reader.map_err(unread)?;
        let ChainStates { states, recorder } = self.states.chains(lines.chains())?;
        let keeper = self.keep.zip(recorder).map(|(path, of)| Keeper::new(path, of));
        let mut keeper = keeper.transpose()?;
        let speed = SpeedFactor::new(1.0).expect("it is above 0");
        let items = Replay::new(lines, Speed::Times(speed), TrackerLimits::default());
        let mut rerun = Rerun::new(Arc::clone(&self.registry), states);
        let mut told = Telling::new(out);
        for item in items {
            let events = rerun.take(item.map_err(unread)?).await;
            events.iter().try_for_each(|event| told.tell(event))?;
            keeper.as_mut().map(Keeper::keep).transpose()?;
        }
        rerun.end().await;
        keeper.map(Keeper::finish).transpose()?;
        Ok(told.end())
    }
}

/// Prints events and counts them.
struct Telling<'a, W> {
    out: &'a mut W,
    sum: Sha256,
    told: Told,
    said: Instant,
}

impl<'a, W: Write> Telling<'a, W> {
    fn new(out: &'a mut W) -> Self {
        Telling { out, sum: Sha256::new(), told: Told::default(), said: Instant::now() }
    }

    fn tell(&mut self, event: &projection::Event) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(event)
            .map_err(|error| Failure::failed("an event can't be written").because(error))?;
        line.push(b'\n');
        self.sum.update(&line);
        self.told.events += 1;
        self.told.findings += u64::from(matches!(event.fact, chain::Fact::Found(_)));
        if self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            console::note(&format!("{} events", self.told.events));
        }
        self.out.write_all(&line).map_err(unprinted)
    }

    fn end(self) -> Told {
        Told { digest: data_encoding::HEXLOWER.encode(&self.sum.finalize()), ..self.told }
    }
}

fn unprinted(error: io::Error) -> Failure {
    Failure::failed("the events can't be printed").because(error)
}
