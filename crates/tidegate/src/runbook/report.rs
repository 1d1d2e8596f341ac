//! `tidegate runbook report`: what a run did, for people, and its evidence.

use std::path::Path;

use conductor::{
    Onlooker, Sample,
    report::{Acceptance, Material, Report},
};
use evidence::{Visible, folder::write_whole};

use super::{carry, open, say};
use crate::{
    cli::{ReportArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// Writes the reports that are asked for.
///
/// # Errors
/// Fails where the run can't be read, or something can't be written.
pub(super) fn run(args: &ReportArgs, style: Style) -> Result<Exit, Failure> {
    let run = open(&args.dir)?;
    if let Some(out) = &args.evidence {
        let key = args.sign.log_key.as_deref();
        let key = key.ok_or_else(|| Failure::usage("--evidence needs --log-key FILE"))?;
        carry::evidence(&run, &say::key(key)?, out)?;
        console::note(&format!("evidence: {}", Visible(out.display())));
    }
    let texts = Texts::of(&run, &args.dir.join("evidence"))?;
    let report = Report::new(texts.material(&run))
        .map_err(|error| Failure::failed("no report can be made of the run").because(error))?;
    if let Some(kind) = args.acceptance {
        return put(args.out.as_deref(), &report.acceptance(kind.into()));
    }
    if let Some(html) = &args.html {
        write(html, &report.html())?;
    }
    match (&args.out, style) {
        (Some(out), _) => write(out, &report.markdown())?,
        (None, Style::Json) => {
            console::document(&serde_json::json!({"markdown": report.markdown()}))?;
        }
        (None, Style::Human) if args.html.is_none() && args.evidence.is_none() => {
            console::verbatim(&report.markdown());
        }
        (None, Style::Human) => {}
    }
    Ok(Exit::Done)
}

fn put(out: Option<&Path>, text: &str) -> Result<Exit, Failure> {
    match out {
        Some(out) => write(out, text)?,
        None => console::verbatim(text),
    }
    Ok(Exit::Done)
}

pub(crate) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    write_whole(file, text.as_bytes()).map_err(|error| {
        Failure::usage(format!("{} can't be written", Visible(file.display()))).because(error)
    })
}

/// What a report is made of beside the run itself.
pub(crate) struct Texts {
    document: String,
    outputs: std::collections::BTreeMap<evidence::Hash, Vec<u8>>,
    samples: Vec<Sample>,
    checkpoint: Option<String>,
}

impl Texts {
    /// Reads it from a run's folder, and the checkpoint from its evidence, where that is there.
    ///
    /// # Errors
    /// Fails where it is not there, or was changed.
    pub(crate) fn of(run: &Onlooker, evidence: &Path) -> Result<Self, Failure> {
        let unreadable = |error| Failure::usage("the run's folder").because(error);
        let lines = run.folder.samples().map_err(unreadable)?;
        // A line that a crash left unfinished is none.
        let samples = lines.split(|byte| *byte == b'\n');
        let samples = samples.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok(Texts {
            document: run.folder.document().map_err(unreadable)?,
            outputs: run.outputs().map_err(unreadable)?,
            samples,
            checkpoint: std::fs::read_to_string(evidence.join("checkpoint")).ok(),
        })
    }

    /// Returns it as a report takes it.
    pub(crate) fn material<'m>(&'m self, run: &'m Onlooker) -> Material<'m> {
        Material {
            document: &self.document,
            plan: &run.plan,
            journal: &run.read,
            outputs: &self.outputs,
            samples: &self.samples,
            checkpoint: self.checkpoint.as_deref(),
        }
    }
}

/// Returns the report of a kind from its word on the command line.
impl From<crate::cli::AcceptanceKind> for Acceptance {
    fn from(kind: crate::cli::AcceptanceKind) -> Self {
        match kind {
            crate::cli::AcceptanceKind::Rollback => Acceptance::ReleaseRollback,
            crate::cli::AcceptanceKind::Handover => Acceptance::Handover,
            crate::cli::AcceptanceKind::Closeout => Acceptance::Closeout,
        }
    }
}
