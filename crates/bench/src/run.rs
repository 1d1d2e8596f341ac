//! A whole run: every server in turn, as often as was asked for, and the report.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    args::{BenchCommand, FloorArgs, ServerName},
    chat::Chat,
    error::BenchError,
    feed::Feed,
    floor::Floor,
    payload::Payloads,
    plan::Plan,
    plot,
    process::provide_files,
    pure::Pure,
    report::{Measured, Report},
    sample::Sample,
    server,
    soak::Soak,
    stamp::Mark,
    stop::Stop,
    work::{self, Bench, Watch},
};

/// What starting and opening takes beside the work itself.
const BESIDE: Duration = Duration::from_secs(2);

/// What a run found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// As people read it.
    pub text: String,
    /// As one document.
    pub document: Value,
    /// Whether nothing was lost, repeated, reordered or refused.
    pub passed: bool,
}

/// Something that can be run: a measurement of servers or of pure code, a load test, or the floor
/// alone.
#[derive(Debug)]
pub enum Run {
    /// A measurement.
    Measurement(Measurement),
    /// A load test.
    Soak(Box<Soak>),
    /// A measurement of chat.
    Chat(Box<Chat>),
    /// A measurement of the feed of chains.
    Feed(Feed),
    /// A measurement of pure code.
    Pure(Pure),
    /// The floor, until it is stopped.
    Floor(FloorArgs),
}

/// A measurement that makes sense.
#[derive(Debug)]
pub struct Measurement {
    plan: Plan,
}

impl Run {
    /// Reads the arguments.
    ///
    /// # Errors
    /// Fails where they make no sense together.
    pub fn of(command: BenchCommand) -> Result<Self, BenchError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        match command {
            BenchCommand::FloorServer(args) => Ok(Run::Floor(args)),
            BenchCommand::Ingest(args) => Ok(Run::Feed(Feed::ingest(args))),
            BenchCommand::Snapshot(args) => Ok(Run::Feed(Feed::snapshot(args))),
            BenchCommand::Recover(args) => Ok(Run::Feed(Feed::recover(args))),
            BenchCommand::Guards(args) => Ok(Run::Pure(Pure::guards(args))),
            BenchCommand::Runbooks(args) => Ok(Run::Pure(Pure::runbooks(args))),
            BenchCommand::Journal(args) => Ok(Run::Pure(Pure::journal(args))),
            BenchCommand::Analysis(args) => Ok(Run::Pure(Pure::analysis(args))),
            BenchCommand::Evidence(args) => Ok(Run::Pure(Pure::evidence(args))),
            BenchCommand::Chat(args) => Ok(Run::Chat(Box::new(Chat::of(args, cores)?))),
            BenchCommand::Soak(args) => Ok(Run::Soak(Box::new(Soak::of(args, cores)?))),
            command => Ok(Run::Measurement(Measurement { plan: Plan::of(command, cores)? })),
        }
    }
}

/// Runs the floor until it is stopped.
///
/// # Errors
/// Fails where the address can't be had.
pub fn run_floor(args: &FloorArgs, stop: &Stop) -> Result<(), BenchError> {
    let floor = Floor::bind(args.address, args.writes, args.kept_bytes);
    let unreachable = |error: std::io::Error| BenchError::Unreachable {
        server: "the floor".to_owned(),
        what: format!("can't listen on {}: {error}", args.address),
    };
    let run = floor.map_err(unreachable)?.run(stop);
    run.map_err(BenchError::machine("the floor's poller failed"))
}

impl Measurement {
    /// Returns about how long it takes.
    pub fn length(&self) -> Duration {
        let each = Duration::from_secs(self.plan.work.seconds()) + BESIDE;
        each * self.plan.common.repeat * self.plan.common.server.len() as u32
    }

    /// Carries it out.
    ///
    /// # Errors
    /// Fails where a server is not there, or the machine does not allow what is asked for. What a
    /// server does wrong is in the outcome.
    pub fn run(&self, watch: &mut dyn Watch, stop: &Stop) -> Result<Outcome, BenchError> {
        provide_files(self.plan.files())?;
        let payloads =
            Payloads::new(Mark::new(rand::random()), self.plan.common.payload_bytes as usize);
        let began = Instant::now();
        let mut servers = self.servers();
        for turn in 1..=self.plan.common.repeat {
            for (name, measured) in &mut servers {
                if measured.not_offered.is_some() {
                    continue;
                }
                let title = format!("{} {turn}/{}", measured.name, self.plan.common.repeat);
                let mut bench =
                    Bench { plan: &self.plan, payloads: &payloads, stop, watch, began, title };
                match self.once(*name, measured, &mut bench) {
                    Ok(sample) => measured.samples.push(sample),
                    Err(BenchError::Refused { what, .. }) => measured.failures.push(what),
                    Err(error) => return Err(error),
                }
            }
        }
        let servers = servers.into_iter().map(|(_, measured)| measured).collect();
        self.conclude(servers)
    }

    fn servers(&self) -> Vec<(ServerName, Measured)> {
        let (work, common) = (self.plan.work.name(), &self.plan.common);
        let measured = |name: &ServerName| {
            let not_offered = server::not_offered(*name, work, common.transport);
            let word = clap::ValueEnum::to_possible_value(name);
            let word = word.map(|word| word.get_name().to_owned()).unwrap_or_default();
            (*name, Measured { name: word, not_offered, ..Measured::default() })
        };
        common.server.iter().map(measured).collect()
    }

    /// Starts a server, measures it once, and ends it.
    fn once(
        &self,
        name: ServerName,
        measured: &mut Measured,
        bench: &mut Bench<'_>,
    ) -> Result<Sample, BenchError> {
        let setup = self.plan.setup(bench.payloads.clone());
        let custom = self.plan.common.custom.as_deref();
        let server = server::start(name, &setup, custom, bench.stop)?;
        measured.name.clone_from(&server.name);
        measured.about.clone_from(&server.about);
        work::measure(bench, &server)
    }

    fn conclude(&self, servers: Vec<Measured>) -> Result<Outcome, BenchError> {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let report = Report { plan: &self.plan, kernel: kernel.trim().to_owned(), servers };
        if let Some(file) = &self.plan.common.svg {
            fs::write(file, plot::svg(&report.drawing())).map_err(BenchError::file(file))?;
        }
        Ok(Outcome {
            text: report.to_string(),
            document: report.document(),
            passed: report.problems().is_empty(),
        })
    }
}
