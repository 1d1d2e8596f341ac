//! What a rehearsal's evidence says of itself. Nothing is verified here: that needs the keys that
//! somebody trusts, and is for `tidegate evidence verify`.

use std::path::Path;

use conductor::Kept;
use evidence::{ENTRIES_FILE, Entry, Outcome, Predicate, Resource, Statement};
use serde::Serialize;

use super::shown::text;

/// The longest list of entries that is looked through, in bytes.
const ENTRIES_BYTES_MAX: u64 = 16 << 20;

/// What a certificate says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Certificate {
    result: Outcome,
    /// Until when it counts, RFC 3339 in UTC.
    expires: String,
    /// What it was done with.
    configuration: Vec<Resource>,
    /// Where the evidence is, on the server's machine.
    folder: String,
}

impl Certificate {
    /// Returns the last one in the evidence of a run; nothing where there is none.
    pub(super) fn of(run: &Path) -> Option<Self> {
        Kept::evidence_beside(run).iter().find_map(|folder| {
            let entries = text(&folder.join(ENTRIES_FILE), ENTRIES_BYTES_MAX)?;
            let said = entries.lines().rev().find_map(rehearsal)?;
            let folder = folder.display().to_string();
            let (result, expires) = (said.result, said.expires);
            Some(Certificate { result, expires, configuration: said.configuration, folder })
        })
    }
}

/// Returns what a line says of a rehearsal.
fn rehearsal(line: &str) -> Option<evidence::Rehearsal> {
    let envelope = Entry::read(line.as_bytes()).ok()?.envelope?;
    match Statement::read(&envelope).ok()?.1 {
        Predicate::Rehearsal(said) => Some(said),
        _ => None,
    }
}
