//! How many files this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::BenchError;

/// Raises this process's limit of open files as far as its readers need it.
///
/// # Errors
/// Fails where the system does not allow as many.
pub(crate) fn provide_files(needed: u64) -> Result<(), BenchError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }).map_err(|error| {
        BenchError::Usage(format!("{needed} open files are needed: raise `ulimit -n` ({error})"))
    })
}
