//! `ingest`, `snapshot` and `recover`: the feed of chains, from a recorded file to what readers get.
//!
//! A made-up feed is written to a file, and a server of its own replays it as fast as it can, with its
//! log on disk. The server is known by its settings, its routes and its process alone. What is
//! judged, and in which words, is [`crate::bound`], which is pure.

mod client;
mod ingest;
mod made;
mod recover;
mod replica;
mod snapshot;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::{
    made::Made,
    replica::{Replica, ReplicaPlan},
};
use crate::{
    args::{FeedArgs, IngestArgs, RecoverArgs, SnapshotArgs},
    bound::{Series, Verdict},
    error::BenchError,
    run::Outcome,
    stop::Stop,
    work::Watch,
};

/// What is expected of a feed at least, in transactions a second: for the bar alone.
const RATE_EXPECTED: u64 = 20_000;

/// With nothing new for so long, nothing more will come.
const STALL_MAX: Duration = Duration::from_secs(60);

/// How often the server is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A measurement of the feed of chains.
#[derive(Debug)]
pub struct Feed(Work);

#[derive(Debug)]
enum Work {
    Ingest(IngestArgs),
    Snapshot(SnapshotArgs),
    Recover(RecoverArgs),
}

/// What a measurement found, before it is put into words.
struct Found {
    name: &'static str,
    title: String,
    arguments: Value,
    series: Vec<Series>,
    verdicts: Vec<Verdict>,
}

/// What measurements are made with.
struct Ground<'a> {
    args: &'a FeedArgs,
    folder: TempDir,
    watch: &'a mut dyn Watch,
    stop: &'a Stop,
    /// What servers compute of the feed.
    analysis: &'static str,
    began: Instant,
}

impl Feed {
    pub(crate) const fn ingest(args: IngestArgs) -> Self {
        Feed(Work::Ingest(args))
    }

    pub(crate) const fn snapshot(args: SnapshotArgs) -> Self {
        Feed(Work::Snapshot(args))
    }

    pub(crate) const fn recover(args: RecoverArgs) -> Self {
        Feed(Work::Recover(args))
    }

    /// Returns about how long it takes.
    pub fn length(&self) -> Duration {
        let replays = |transactions: u64, times: u32| {
            Duration::from_secs(1 + transactions * u64::from(times) / RATE_EXPECTED)
        };
        match &self.0 {
            Work::Ingest(args) => replays(args.transactions, args.feed.repeat),
            Work::Snapshot(args) => replays(args.transactions, 4 * args.feed.repeat),
            Work::Recover(args) => {
                replays(args.records / 2, 1) + Duration::from_secs(5) * args.feed.repeat
            }
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// Fails where the server does not come up, refuses, or serves something else than it was told.
    pub fn run(&self, watch: &mut dyn Watch, stop: &Stop) -> Result<Outcome, BenchError> {
        let args = match &self.0 {
            Work::Ingest(args) => &args.feed,
            Work::Snapshot(args) => &args.feed,
            Work::Recover(args) => &args.feed,
        };
        let mut ground = Ground::new(args, watch, stop)?;
        let found = match &self.0 {
            Work::Ingest(args) => ingest::measure(args, &mut ground),
            Work::Snapshot(args) => snapshot::measure(args, &mut ground),
            Work::Recover(args) => {
                // What is computed behind a restart would be more than there was before it.
                ground.analysis = "off";
                recover::measure(args, &mut ground)
            }
        };
        Ok(found?.conclude())
    }
}

impl<'a> Ground<'a> {
    fn new(
        args: &'a FeedArgs,
        watch: &'a mut dyn Watch,
        stop: &'a Stop,
    ) -> Result<Self, BenchError> {
        let mut named = tempfile::Builder::new();
        let named = named.prefix("tidegate-bench-");
        let folder = match &args.dir {
            Some(dir) => named.tempdir_in(dir),
            None => named.tempdir(),
        };
        let folder = folder.map_err(BenchError::machine("a temporary folder can't be made"))?;
        Ok(Ground { args, folder, watch, stop, analysis: "features", began: Instant::now() })
    }

    /// Writes the feed that is replayed.
    fn make(&mut self, transactions: u64) -> Result<Made, BenchError> {
        self.tick("writing", "the made-up feed");
        Made::write(&self.folder.path().join("feed.jsonl"), transactions, self.stop)
    }

    /// Starts a server that replays a feed, with an empty log of its own.
    /// It is to end before its log goes: the first of the two is dropped last.
    fn replay(&self, made: &Made, events_held_max: u64) -> Result<(TempDir, Replica), BenchError> {
        let state = TempDir::new_in(self.folder.path());
        let state = state.map_err(BenchError::machine("a temporary folder can't be made"))?;
        let replica = self.start(made, events_held_max, state.path())?;
        Ok((state, replica))
    }

    /// Starts a server with the log of a folder.
    fn start(&self, made: &Made, held: u64, state: &Path) -> Result<Replica, BenchError> {
        let program = self.args.program.as_deref();
        let (feed, analysis) = (made.file.as_path(), self.analysis);
        let plan = ReplicaPlan { program, feed, events_held_max: held, analysis, state };
        Replica::start(&plan)
    }

    fn tick(&mut self, phase: &'static str, state: &str) {
        self.watch.tick(phase, self.began.elapsed(), state);
    }
}

/// How far a replay is, and since when it is no further.
struct Pace {
    transactions: u64,
    included: u64,
    moved: Instant,
}

impl Pace {
    fn new(made: &Made, now: Instant) -> Self {
        Pace { transactions: made.transactions, included: 0, moved: now }
    }

    /// Notes how many transactions are included now.
    ///
    /// # Errors
    /// Fails where nothing new came for too long.
    fn note(&mut self, included: u64, now: Instant) -> Result<(), BenchError> {
        if included > self.included {
            (self.included, self.moved) = (included, now);
        } else if now.duration_since(self.moved) >= STALL_MAX {
            return Err(refused(format!(
                "serves {} of {} transactions, and no more for {} s",
                self.included,
                self.transactions,
                STALL_MAX.as_secs()
            )));
        }
        Ok(())
    }
}

/// Asks how many transactions are included until so many are.
///
/// # Errors
/// Fails where nothing new comes, where `look` fails, or where it was stopped.
fn follow(
    made: &Made,
    goal: u64,
    stop: &Stop,
    mut look: impl FnMut() -> Result<u64, BenchError>,
) -> Result<(), BenchError> {
    let mut pace = Pace::new(made, Instant::now());
    loop {
        let included = look()?;
        if included >= goal {
            return Ok(());
        }
        pace.note(included, Instant::now())?;
        stop.check()?;
        stop.wait(LOOK_EVERY);
    }
}

fn refused(what: impl Into<String>) -> BenchError {
    BenchError::Refused { server: "the server".to_owned(), what: what.into() }
}

impl Found {
    fn conclude(self) -> Outcome {
        let mut text = format!("{}: {}\n", self.name, self.title);
        let (mut medians, mut runs) = (serde_json::Map::new(), serde_json::Map::new());
        for series in &self.series {
            text.push_str(&format!("{series}\n"));
            medians.insert(series.name.clone(), json!(series.median()));
            runs.insert(series.name.clone(), json!(series.values));
        }
        for verdict in &self.verdicts {
            text.push_str(&format!("{verdict}\n"));
        }
        let passed = self.verdicts.iter().all(Verdict::holds);
        let document = json!({
            "work": self.name, "arguments": self.arguments, "passed": passed,
            "median": medians, "runs": runs, "verdicts": self.verdicts,
        });
        Outcome { text, document, passed }
    }
}
