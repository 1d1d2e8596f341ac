//! The journal of a run beside the bare write and flush of the same bytes, in turn, on the same disk.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    time::Duration,
};

use conductor::{Event, Journal, State};
use evidence::Redactor;
use guard::{Judgement, Verdict, Window};
use jiff::Timestamp;
use runbook::{Options, Plan, plan};
use tempfile::TempDir;

use super::{Figures, JournalArgs, Repeated, Took, time};
use crate::error::BenchError;

const RUNBOOK: &str = include_str!("../../../../runbooks/runtime-cutover.run.md");

/// A guard of the runbook.
const GUARD: &str = "errors";

pub(super) struct Journals {
    plan: Plan,
    folder: TempDir,
    entries: u32,
}

#[expect(clippy::needless_pass_by_value, reason = "errors are given by value, by `map_err`")]
fn failed(what: impl ToString) -> BenchError {
    BenchError::Refused { server: "journal".to_owned(), what: what.to_string() }
}

impl Journals {
    pub(super) fn new(args: &JournalArgs) -> Result<Self, BenchError> {
        let plan = plan(RUNBOOK, &Options::default()).plan;
        let folder = match &args.dir {
            Some(dir) => tempfile::tempdir_in(dir),
            None => tempfile::tempdir(),
        };
        Ok(Journals {
            plan: plan.ok_or_else(|| failed("the runbook has faults"))?,
            folder: folder.map_err(failed)?,
            entries: args.entries,
        })
    }

    fn start(&self) -> Result<Journal, BenchError> {
        let path = self.folder.path().join("run.journal");
        let _ = std::fs::remove_file(&path);
        let state = State::new(&self.plan).map_err(failed)?;
        let mut journal = Journal::start(&path, Redactor::default(), state).map_err(failed)?;
        let (plan, mode) = (self.plan.digest().map_err(failed)?, self.plan.mode);
        let begun = Event::begun("bench".to_owned(), plan, mode);
        journal.append(Timestamp::now(), begun, Vec::new()).map_err(failed)?;
        Ok(journal)
    }
}

impl Repeated for Journals {
    fn once(&mut self) -> Result<Figures, BenchError> {
        let mut journal = self.start()?;
        let path = self.folder.path().join("bare");
        let options = OpenOptions::new().create(true).append(true).open(path);
        let mut bare = options.map_err(failed)?;
        let (mut kept, mut flushed) = (Sum::default(), Sum::default());
        let mut bytes = Vec::new();
        for _ in 0..self.entries {
            let event = Event::Judged(judgement());
            let (done, took) = time(|| journal.append(Timestamp::now(), event, Vec::new()));
            done.map_err(failed)?;
            kept.add(took);
            if bytes.is_empty() {
                bytes = last_line(&self.folder)?;
            }
            let (done, took) = time(|| flush(&mut bare, &bytes));
            done.map_err(failed)?;
            flushed.add(took);
        }
        let per_entry = |sum: Duration| sum.as_secs_f64() * 1e6 / f64::from(self.entries);
        Ok(vec![
            ("append_us", "us for an append, with the disk", per_entry(kept.wall)),
            ("flush_us", "us for a bare write and flush", per_entry(flushed.wall)),
            (
                "append_cpu_us",
                "CPU-us for an append beyond the bare one's",
                per_entry(kept.cpu.saturating_sub(flushed.cpu)),
            ),
        ])
    }
}

fn judgement() -> Judgement {
    Judgement {
        guard: GUARD.to_owned(),
        verdict: Verdict::Pass,
        unit: String::new(),
        value: Some(0.0),
        baseline: Some(0.005),
        bound: Some(0.012),
        n: 1800.0,
        left_out: None,
        refused: 0,
        window: Window::default(),
        source: "tidegate_http_requests_total".to_owned(),
        sentence: "0 of 1,800 requests failed, of the stable arm 81 of 16,200.".to_owned(),
    }
}

#[derive(Default)]
struct Sum {
    cpu: Duration,
    wall: Duration,
}

impl Sum {
    fn add(&mut self, took: Took) {
        self.cpu += took.cpu;
        self.wall += took.wall;
    }
}

fn flush(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}

/// Returns the bytes of an entry as the journal wrote it.
fn last_line(folder: &TempDir) -> Result<Vec<u8>, BenchError> {
    let text = std::fs::read(folder.path().join("run.journal")).map_err(failed)?;
    let last = text.split_inclusive(|byte| *byte == b'\n').next_back();
    Ok(last.unwrap_or_default().to_vec())
}
