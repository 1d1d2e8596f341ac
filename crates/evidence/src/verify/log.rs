//! The log and its checkpoint: entries in their places, the root over them, who signed it.

use super::{Fault, Report, Request, Standing, claimed};
use crate::{
    CHECKPOINT_FILE, Checkpoint, ENTRIES_FILE, Entry, GOES_ON, Keyring, Kind, LOG_ROLE, Note,
    NoteSignature, Tree, Verifier, WITNESS_ROLE,
};

/// What is called what was seen earlier.
const SEEN: &str = "the checkpoint seen earlier";

/// The log as it was read.
#[derive(Default)]
pub(super) struct Log {
    pub(super) tree: Tree,
    pub(super) entries: Vec<(u64, Entry)>,
}

/// Names an entry.
pub(super) fn place(n: u64) -> String {
    format!("{ENTRIES_FILE} entry {n}")
}

pub(super) fn read(request: &Request<'_>, report: &mut Report) -> Log {
    let mut log = Log::default();
    let Some(bytes) = &request.contents.entries else {
        report.find(ENTRIES_FILE, Fault::Missing);
        return log;
    };
    let lines = bytes.strip_suffix(b"\n");
    if lines.is_none() && !bytes.is_empty() {
        report.find(ENTRIES_FILE, Fault::Torn);
    }
    (report.entries, report.root) = (0, log.tree.root().to_string());
    if bytes.is_empty() {
        return log;
    }
    for (n, line) in (0..).zip(lines.unwrap_or(bytes).split(|byte| *byte == b'\n')) {
        log.tree.push(line);
        match Entry::read(line) {
            Ok(entry) if entry.n == n => log.entries.push((n, entry)),
            Ok(entry) => report.find(place(n), Fault::Displaced(entry.n)),
            Err(error) => report.find(place(n), Fault::Entry(error.to_string())),
        }
    }
    (report.entries, report.root) = (log.tree.len(), log.tree.root().to_string());
    for (n, entry) in log.entries.iter().filter(|(_, entry)| entry.kind == Kind::Record) {
        let name = entry.name.as_deref().unwrap_or_default();
        report.item(place(*n), Standing::Asserted, format!("record {name}"), Vec::new());
    }
    if !log.entries.is_empty() {
        let what = "times and order of writing, and which outputs belong to which entry";
        report.item(ENTRIES_FILE, Standing::Asserted, what, Vec::new());
    }
    log
}

pub(super) fn check_checkpoint(request: &Request<'_>, log: &Log, report: &mut Report) {
    let Some(bytes) = &request.contents.checkpoint else {
        return report.find(CHECKPOINT_FILE, Fault::Missing);
    };
    let note = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Note>().ok());
    // What could be written in two ways would leave bytes for which nobody vouches.
    let Some(note) = note.filter(|note| note.to_string().as_bytes() == bytes.as_slice()) else {
        let why = "it has not the form of a signed note".to_owned();
        return report.find(CHECKPOINT_FILE, Fault::Checkpoint(why));
    };
    let checkpoint = match note.text().parse::<Checkpoint>() {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            return report.find(CHECKPOINT_FILE, Fault::Checkpoint(error.to_string()));
        }
    };
    let (standing, signers) = check_signers(request, &note, CHECKPOINT_FILE, report);
    report.origin = Some(checkpoint.origin.clone());
    report.goes_on = checkpoint.extensions.iter().any(|line| line == GOES_ON);
    let origin = request.keyring.and_then(Keyring::origin);
    if origin.is_some_and(|origin| origin != checkpoint.origin) {
        report.find(CHECKPOINT_FILE, Fault::Origin(checkpoint.origin.clone()));
    }
    let (size, entries) = (checkpoint.size, log.tree.len());
    if size != entries {
        report.find(CHECKPOINT_FILE, Fault::Size { checkpoint: size, entries });
    } else if checkpoint.root != log.tree.root() {
        report.find(CHECKPOINT_FILE, Fault::Root);
    }
    let what = format!("all {size} entries are as when the log was signed");
    report.item(CHECKPOINT_FILE, standing, what, signers);
    let what = "the root, computed from every entry";
    report.item(ENTRIES_FILE, Standing::Derived, what, Vec::new());
    if let Some(seen) = request.seen {
        check_seen(request, seen, (&checkpoint.origin, log), report);
    }
}

/// Returns the keys that signed a checkpoint, each of which has to be one of the log or a witness.
fn check_signers(
    request: &Request<'_>,
    note: &Note,
    place: &str,
    report: &mut Report,
) -> (Standing, Vec<String>) {
    let Some(keyring) = request.keyring else {
        return claimed(note.signatures().iter().map(NoteSignature::key_id), place, report);
    };
    let mut signers: Vec<&Verifier> = Vec::new();
    let is_of = |signature: &NoteSignature, key: &Verifier| {
        signature.name == *key.name()
            && signature.id == key.id()
            && key.verifies(note.text().as_bytes(), &signature.bytes)
    };
    for signature in note.signatures() {
        let key = keyring.keys().find(|key| is_of(signature, key));
        let Some(key) = key else {
            report.find(place, Fault::Signature(signature.key_id()));
            continue;
        };
        let has = |role| keyring.has_role(key, role);
        if !has(LOG_ROLE) && !has(WITNESS_ROLE) {
            let (key, role) = (key.key_id(), LOG_ROLE.to_owned());
            report.find(place, Fault::Role { key, role });
        } else if signers.contains(&key) {
            report.find(place, Fault::SignedTwice(key.key_id()));
        } else {
            signers.push(key);
        }
    }
    if !signers.iter().any(|key| keyring.has_role(key, LOG_ROLE)) {
        report.find(place, Fault::Unsigned);
    }
    (Standing::Signed, signers.into_iter().map(Verifier::key_id).collect())
}

/// Checks that the log goes on from a checkpoint that somebody kept.
fn check_seen(
    request: &Request<'_>,
    seen: &Note,
    (origin, log): (&str, &Log),
    report: &mut Report,
) {
    let (standing, signers) = check_signers(request, seen, SEEN, report);
    let Ok(checkpoint) = seen.text().parse::<Checkpoint>() else {
        return report.find(SEEN, Fault::Checkpoint("it is another text".to_owned()));
    };
    if checkpoint.origin != *origin {
        return report.find(SEEN, Fault::Origin(checkpoint.origin));
    }
    let (size, entries) = (checkpoint.size, log.tree.len());
    match log.tree.root_at(size) {
        None => report.find(SEEN, Fault::Size { checkpoint: size, entries }),
        Some(root) if root != checkpoint.root => report.find(SEEN, Fault::Root),
        Some(_) => {
            let what = format!("the first {size} entries are those of the earlier checkpoint");
            report.item(SEEN, standing, what, signers);
        }
    }
}

pub(super) fn check_end(request: &Request<'_>, log: &Log, report: &mut Report) {
    let end = log.entries.iter().find(|(_, entry)| entry.kind == Kind::Close);
    report.closed = end.is_some();
    if report.closed && report.goes_on {
        report.find(CHECKPOINT_FILE, Fault::Endless);
    }
    match end {
        Some((end, _)) => {
            for n in end + 1..log.tree.len() {
                report.find(place(n), Fault::AfterEnd);
            }
        }
        None if !request.may_be_open && !report.goes_on => report.find(ENTRIES_FILE, Fault::NoEnd),
        None => {}
    }
}
