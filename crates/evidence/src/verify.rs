//! The verification of a folder with public keys alone: every byte of it is accounted for, or named.
//!
//! Nothing is passed over: where the notes and envelopes of others may have signatures that nobody
//! knows, an evidence folder may not, so that a signature which was changed into an unknown one is
//! found.

mod log;
mod outputs;
mod report;
mod statements;

pub use self::report::{Fault, Finding, Item, Report, Standing};
use crate::{Contents, Keyring, Note};

/// What is to be verified, and what is known besides.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The folder.
    pub contents: &'r Contents,
    /// The keys that are trusted.
    pub keyring: &'r Keyring,
    /// A checkpoint that was seen earlier: the log has to go on from it.
    pub seen: Option<&'r Note>,
    /// Whether the log may still be going on.
    pub may_be_open: bool,
}

/// Verifies a folder.
pub fn verify(request: &Request<'_>) -> Report {
    let mut report = Report::default();
    for name in &request.contents.strange {
        report.find(name, Fault::Stranger);
    }
    let log = log::read(request, &mut report);
    log::check_checkpoint(request, &log, &mut report);
    log::check_end(request, &log, &mut report);
    statements::check(request, &log, &mut report);
    outputs::check(request, &log, &mut report);
    report.finish();
    report
}
