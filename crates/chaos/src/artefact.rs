//! What is kept of a run: plan, timeline, report, logs, and the records of readers that failed.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::{facts::Facts, plan::Plan, reader::record::Record, report::Report, trunk::Trunk};

/// The folder of a run.
pub(crate) enum Artefact {
    /// Asked for.
    Asked(PathBuf),
    /// Removed where all went well.
    Temporary(TempDir),
}

impl Artefact {
    /// Makes the folder, and writes the plan into it.
    ///
    /// # Errors
    /// Fails where the folder has something in it, or can't be written.
    pub(crate) fn create(asked: Option<&Path>, plan: &Plan) -> io::Result<Self> {
        let artefact = match asked {
            Some(path) => {
                fs::create_dir_all(path)?;
                if fs::read_dir(path)?.next().is_some() {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
                // The servers have folders of their own as theirs.
                Artefact::Asked(fs::canonicalize(path)?)
            }
            None => Artefact::Temporary(tempfile::Builder::new().prefix("chaos-").tempdir()?),
        };
        fs::write(artefact.path().join("plan.json"), plan.text())?;
        Ok(artefact)
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Artefact::Asked(path) => path,
            Artefact::Temporary(folder) => folder.path(),
        }
    }

    /// Writes the report and, where something failed, what it rests on; returns the folder where it
    /// is kept.
    ///
    /// # Errors
    /// Fails where it can't be written.
    pub(crate) fn finish(
        self,
        report: &Report,
        records: &[Arc<Mutex<Record>>],
        facts: &Facts,
        trunk: &Trunk,
    ) -> io::Result<Option<PathBuf>> {
        fs::write(self.path().join("report.json"), report.json())?;
        if !report.passed {
            fs::write(self.path().join("sent.jsonl"), sent(facts))?;
            fs::write(self.path().join("log.jsonl"), log(trunk))?;
            fs::write(self.path().join("places.txt"), facts.places())?;
        }
        for &index in &report.verdict.failing {
            let record = records[index].lock();
            let text = serde_json::to_string_pretty(&reader(index, &record))?;
            fs::write(self.path().join(format!("reader-{index}.json")), text)?;
            fs::write(self.path().join(format!("reader-{index}.jsonl")), came(&record, trunk))?;
        }
        Ok(match self {
            Artefact::Asked(path) => Some(path),
            Artefact::Temporary(folder) if !report.passed => Some(folder.keep()),
            Artefact::Temporary(_) => None,
        })
    }
}

fn reader(index: usize, record: &Record) -> serde_json::Value {
    let late: Vec<_> = record.late.iter().map(|l| (l.by, l.n, l.behind, l.at_ms)).collect();
    serde_json::json!({
        "reader": index,
        "counts": record.counts,
        "gaps": record.gaps,
        "path": record.path,
        "late": late,
        "before_the_first_late": record.suspicion,
        "incidents": record.incidents,
        "last_frames": record.frames(),
    })
}

/// The log as a reader got it, one event a line: how many gaps came before, or null for never.
fn came(record: &Record, trunk: &Trunk) -> String {
    let mut text = String::new();
    for (at, entry) in trunk.places() {
        let (by, n) = (entry.stamp.by, entry.stamp.n);
        let gaps = record.came(by, n, entry.id);
        let gaps = gaps.map_or_else(|| "null".to_owned(), |gaps| gaps.to_string());
        let line = format_args!(r#"{{"at":"{at}","by":{by},"n":{n},"gaps_before":{gaps}}}"#);
        writeln!(text, "{line}").expect("a text takes what is written");
    }
    text
}

/// What publishers were told, one event a line.
fn sent(facts: &Facts) -> String {
    let mut text = String::new();
    for by in 0..facts.publishers() {
        for (n, sent) in facts.all(by).iter().enumerate() {
            let (fate, replica, at_ms) = (sent.fate, sent.replica, sent.ended_ms);
            let line = format_args!(
                r#"{{"by":{by},"n":{n},"fate":"{fate:?}","replica":{replica},"at_ms":{at_ms}}}"#
            );
            writeln!(text, "{line}").expect("a text takes what is written");
        }
    }
    text
}

/// The log, one event a line.
fn log(trunk: &Trunk) -> String {
    let mut text = String::new();
    for (at, entry) in trunk.places() {
        let (id, by, n) = (entry.id, entry.stamp.by, entry.stamp.n);
        let line = format_args!(r#"{{"at":"{at}","id":"{id}","by":{by},"n":{n}}}"#);
        writeln!(text, "{line}").expect("a text takes what is written");
    }
    text
}
