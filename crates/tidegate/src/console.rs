//! The one place that prints.
//!
//! Results go to standard output, everything else to standard error, so that a pipe gets results
//! alone.

use std::io::{self, Write};

/// Prints a line of the result; the error of a closed pipe is the caller's reason to stop.
///
/// # Errors
/// Fails where nobody reads any more.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line.trim_end_matches('\n'))?;
    out.flush()
}

/// Prints the last words of a command; whether anybody reads them no longer matters.
pub(crate) fn conclude(line: &str) {
    let _closed_pipe = say(line);
}

/// Prints a line beside the result.
pub(crate) fn note(line: &str) {
    let _closed_pipe = writeln!(io::stderr().lock(), "{line}");
}
