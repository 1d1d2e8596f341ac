//! What is shown of runs, as JSON.

use std::{fs, io::Read as _, path::Path};

use conductor::{Kept, Live, LiveClocks, Onlooker, Phase, RunFolder, report::Report};
use evidence::Hash;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{Found, RunError, certificate::Certificate, live};

/// Bytes of samples in one answer.
const SAMPLES_BYTES_MAX: usize = 1 << 20;

/// Bytes of an output in one answer.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Deeds of a dead man that are shown.
const DEEDS_MAX: usize = 100;

/// A run in the list.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Listed {
    id: String,
    is_carried_out: bool,
    /// Why it can't be read.
    error: Option<String>,
    run: Option<String>,
    runbook: Option<String>,
    mode: Option<String>,
    phase: Option<Phase>,
    why: Option<String>,
    now: Option<String>,
    begun_at: Option<String>,
    at: Option<String>,
    waiting: Vec<String>,
    clocks: Option<LiveClocks>,
    certificate: Option<Certificate>,
}

impl Listed {
    /// Returns a run of which nothing but its name can be told.
    pub(super) fn closed(id: String, why: String) -> Self {
        Listed { id, error: Some(why), ..Listed::default() }
    }

    pub(super) fn of(found: &Found) -> Self {
        let read = live(&found.path);
        let error = read.as_ref().err().map(ToString::to_string);
        let live = read.ok().flatten();
        let is_carried_out = RunFolder::open(&found.path).is_ok_and(|it| it.is_carried_out());
        let live = live.as_ref();
        Listed {
            id: found.id.clone(),
            is_carried_out,
            error,
            run: live.map(|live| live.run.clone()),
            runbook: live.map(|live| live.runbook.clone()),
            mode: live.map(|live| live.mode.clone()),
            phase: live.map(|live| live.phase),
            why: live.and_then(|live| live.why.clone()),
            now: live.map(|live| live.now.clone()),
            begun_at: live.map(|live| live.begun_at.to_string()),
            at: live.map(|live| live.at.to_string()),
            waiting: live.map_or_else(Vec::new, |live| {
                live.waiting.iter().map(|wait| wait.text.clone()).collect()
            }),
            clocks: live.and_then(|live| live.clocks),
            certificate: Certificate::of(&found.path),
        }
    }
}

/// A run whole, but for its journal, samples and outputs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Detail {
    id: String,
    /// Whether a process carries it out at this moment.
    is_carried_out: bool,
    /// How it stands, as `status.json` has it; nothing where it has not begun.
    live: Option<Live>,
    /// The plan's digest, to which approvals bind.
    plan: Hash,
    is_production: bool,
    roles: Vec<RoleShown>,
    /// What the dead man did.
    dead_man: Vec<Value>,
    certificate: Option<Certificate>,
}

#[derive(Clone, Debug, Serialize)]
struct RoleShown {
    role: String,
    people: Vec<PersonShown>,
}

#[derive(Clone, Debug, Serialize)]
struct PersonShown {
    name: String,
    /// By which a signature names the key; nothing where they have none.
    key: Option<String>,
}

impl Detail {
    /// # Errors
    /// Fails where the run can't be read.
    pub(crate) fn of(found: &Found, run: &Onlooker) -> Result<Self, RunError> {
        let digest = run.plan.digest().map_err(|error| RunError::of(&error))?;
        let roles = run.plan.roles.iter().map(|role| RoleShown {
            role: role.role.clone(),
            people: role.people.iter().map(PersonShown::of).collect(),
        });
        Ok(Detail {
            id: found.id.clone(),
            is_carried_out: run.is_carried_out(),
            live: run.live()?,
            plan: digest,
            is_production: run.is_production(),
            roles: roles.collect(),
            dead_man: deeds(&found.path),
            certificate: Certificate::of(&found.path),
        })
    }
}

impl PersonShown {
    fn of(person: &runbook::PlannedPerson) -> Self {
        let key = person.key.as_ref().map(|key| key.key_id());
        PersonShown { name: person.name.clone(), key }
    }
}

fn deeds(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path.join("dead-man.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.take(DEEDS_MAX).collect()
}

/// A page of the journal, its entries as they are signed.
#[derive(Debug, Serialize)]
pub(crate) struct JournalPage {
    entries: Vec<Box<RawValue>>,
    /// Where the next page begins.
    next: usize,
    has_more: bool,
}

impl JournalPage {
    /// # Errors
    /// Fails where an entry is no JSON.
    pub(crate) fn of(run: &Onlooker, after: usize, limit: usize) -> Result<Self, RunError> {
        let whole = run.entries().len();
        let begin = after.min(whole);
        let end = begin.saturating_add(limit).min(whole);
        // Each line is a number, a length, a digest and the entry's JSON (docs/journal.md).
        let lines = run.journal.split(|byte| *byte == b'\n').skip(begin).take(end - begin);
        let entries: Result<Vec<_>, _> = lines
            .map(|line| {
                let json = line.splitn(4, |byte| *byte == b' ').nth(3).unwrap_or_default();
                serde_json::from_slice(json).map_err(|error| RunError::of(&error))
            })
            .collect();
        Ok(JournalPage { entries: entries?, next: end, has_more: end < whole })
    }
}

/// A stretch of what was seen over time.
#[derive(Debug, Serialize)]
pub(crate) struct SamplesPage {
    samples: Vec<Box<RawValue>>,
    /// Where the next stretch begins, in bytes.
    next: usize,
    has_more: bool,
}

impl SamplesPage {
    /// # Errors
    /// Fails where they can't be read.
    pub(crate) fn of(run: &RunFolder, after: usize) -> Result<Self, RunError> {
        let bytes = run.samples()?;
        let rest = bytes.get(after..).unwrap_or_default();
        let stretch = &rest[..rest.len().min(SAMPLES_BYTES_MAX)];
        // A line that is being written comes next time.
        let end = stretch.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = stretch[..end].split(|byte| *byte == b'\n');
        let samples = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let next = after.min(bytes.len()) + end;
        Ok(SamplesPage { samples, next, has_more: end > 0 && next < bytes.len() })
    }
}

/// The record of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportText {
    markdown: String,
    /// One page that needs nothing from elsewhere and has no scripts.
    html: String,
}

impl ReportText {
    /// # Errors
    /// Fails where what the run left can't be read.
    pub(crate) fn of(found: &Found, run: &Onlooker) -> Result<Self, RunError> {
        let kept = Kept::of(run, &Kept::evidence_beside(&found.path))?;
        let report = Report::new(kept.material(run)).map_err(|error| RunError::of(&error))?;
        Ok(ReportText { markdown: report.markdown(), html: report.html() })
    }
}

/// Returns an output by its digest: its beginning, where it is long.
///
/// # Errors
/// Fails where there is none, or it is another one.
pub(crate) fn output(run: &RunFolder, sha256: &str) -> Result<Vec<u8>, RunError> {
    let digest: Hash = sha256.parse().map_err(|_| RunError::NoOutput)?;
    let mut bytes = run.output(digest).map_err(|error| match &error {
        conductor::FolderError::File { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            RunError::NoOutput
        }
        _ => RunError::of(&error),
    })?;
    bytes.truncate(OUTPUT_BYTES_MAX);
    Ok(bytes)
}

/// Reads a file that is not too long; nothing where it is not there.
pub(super) fn text(file: &Path, most: u64) -> Option<String> {
    let mut text = String::new();
    fs::File::open(file).ok()?.take(most).read_to_string(&mut text).ok()?;
    Some(text)
}
