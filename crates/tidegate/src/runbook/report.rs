//! `tidegate runbook report`: what a run did, for people, and its evidence.

use std::path::{Path, PathBuf};

use conductor::{
    Kept, Onlooker,
    report::{Acceptance, Report},
};
use evidence::{Visible, folder::write_whole};

use super::{carry, dead_man, open, say};
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
    dead_man::tell(&run)?;
    let written = args.evidence.as_ref().zip(args.sign.log_key.as_deref());
    if let Some((out, key)) = written {
        carry::evidence(&run, &say::key(key)?, out)?;
        console::note(&format!("evidence: {}", Visible(out.display())));
    }
    let kept = kept(&run, &evidence_of(args))?;
    if let Some(named) = args.evidence.as_ref().filter(|_| !kept.has_checkpoint()) {
        return Err(Failure::usage(format!(
            "{} has no signed checkpoint of this run: name the folder of its evidence, or write it there \
             with --log-key FILE",
            Visible(named.display())
        )));
    }
    let report = Report::new(kept.material(&run))
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
        (None, Style::Human) if args.html.is_none() && written.is_none() => {
            console::verbatim(&report.markdown());
        }
        (None, Style::Human) => {}
    }
    Ok(Exit::Done)
}

/// Returns where the evidence of a run may be: where it is said to be, or else in the run's folder, or
/// beside it.
fn evidence_of(args: &ReportArgs) -> Vec<PathBuf> {
    args.evidence.as_ref().map_or_else(|| Kept::evidence_beside(&args.dir), |it| vec![it.clone()])
}

/// Reads what a run left.
///
/// # Errors
/// Fails where it is not there, or was changed.
pub(crate) fn kept(run: &Onlooker, evidence: &[PathBuf]) -> Result<Kept, Failure> {
    Kept::of(run, evidence).map_err(|error| Failure::usage("the run's folder").because(error))
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
