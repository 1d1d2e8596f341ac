//! The limit of open files: each reader is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::Failure;

/// What the process needs beside its readers.
const OTHERS: u64 = 100;

/// Raises the limit as far as the readers need it.
///
/// # Errors
/// Fails where the system does not allow so many.
pub(super) fn provide(readers: u64) -> Result<(), Failure> {
    let needed = readers + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(needed), maximum };
    setrlimit(Resource::Nofile, raised).map_err(|error| {
        let advice = format!("{readers} readers need {needed} open files: raise `ulimit -n`");
        Failure::usage(advice).because(error)
    })
}
