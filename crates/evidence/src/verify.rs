//! The verification of a folder with public keys alone: every byte of it is accounted for, or named.
//!
//! Nothing is passed over: where the notes and envelopes of others may have signatures that nobody
//! knows, an evidence folder may not, so that a signature which was changed into an unknown one is
//! found.

mod log;
mod outputs;
mod plan;
mod report;
mod statements;

pub use self::report::{Fault, Finding, Item, Report, Signatures, Standing};
use crate::{Contents, Keyring, Note};

/// What is called the folder as a whole.
const FOLDER: &str = "the folder";

/// What is to be verified, and what is known besides.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The folder.
    pub contents: &'r Contents,
    /// The keys that are trusted. Without them it is only said who signed, and not whether that is so.
    pub keyring: Option<&'r Keyring>,
    /// A checkpoint that was seen earlier: the log has to go on from it.
    pub seen: Option<&'r Note>,
    /// Whether the log may still be going on.
    pub may_be_open: bool,
}

/// Verifies a folder.
pub fn verify(request: &Request<'_>) -> Report {
    let contents = request.contents;
    let mut report = Report::default();
    if request.keyring.is_none() {
        report.signatures = Signatures::Unchecked;
    }
    for name in &contents.strange {
        report.find(name, Fault::Stranger);
    }
    let has_log = contents.entries.is_some() || contents.checkpoint.is_some();
    if !has_log && !contents.records.is_empty() {
        unsigned_records(contents, &mut report);
    } else {
        let log = log::read(request, &mut report);
        log::check_checkpoint(request, &log, &mut report);
        log::check_end(request, &log, &mut report);
        plan::check(&log, &mut report);
        statements::check(request, &log, &mut report);
        outputs::check(request, &log, &mut report);
    }
    report.finish();
    report
}

/// Records without a log are what somebody wrote, and nothing more.
fn unsigned_records(contents: &Contents, report: &mut Report) {
    report.find(FOLDER, Fault::UnsignedRecords(contents.records.len()));
    for name in contents.records.keys() {
        report.item(name, Standing::Asserted, "a record that nobody signed", Vec::new());
    }
}

/// Returns by whom something is said to be signed, where no key is known.
fn claimed(
    key_ids: impl Iterator<Item = String>,
    place: &str,
    report: &mut Report,
) -> (Standing, Vec<String>) {
    let mut names: Vec<String> = Vec::new();
    for name in key_ids {
        if names.contains(&name) {
            report.find(place, Fault::SignedTwice(name));
        } else {
            names.push(name);
        }
    }
    if names.is_empty() {
        report.find(place, Fault::Unsigned);
    }
    (Standing::Claimed, names)
}
