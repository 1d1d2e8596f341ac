//! The one place that prints.
//!
//! A line that cannot be written is dropped: the exit code carries the result, and a closed
//! pipe (`cargo xtask test | head`) is no reason to panic.

use std::io::{self, Write};

/// Prints a line to standard output.
pub(crate) fn say(line: &str) {
    let _closed_pipe = writeln!(io::stdout().lock(), "{}", line.trim_end_matches('\n'));
}

/// Prints a line to standard error.
pub(crate) fn complain(line: &str) {
    let _closed_pipe = writeln!(io::stderr().lock(), "{line}");
}
