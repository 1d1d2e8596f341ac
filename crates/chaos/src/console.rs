//! What a person sees: lines as things happen, a bar on a terminal, and the conclusion.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// What a person sees while something runs, on standard error.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    bar: Option<ProgressBar>,
}

impl Console {
    /// Returns what suits standard error, for a run of so many seconds.
    pub(crate) fn new(seconds: u64) -> Self {
        let style = ProgressStyle::with_template("{prefix:>8} {wide_bar} {pos}/{len} s  {msg}");
        let bar = match style {
            Ok(style) if std::io::stderr().is_terminal() => {
                Some(ProgressBar::new(seconds).with_style(style))
            }
            _ => None,
        };
        Console { bar }
    }

    pub(crate) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(line)),
            None => note(line),
        }
    }

    /// Shows how far something is, on a terminal.
    pub(crate) fn progress(&self, seconds: u64, phase: &'static str, state: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(phase);
            bar.set_position(seconds);
            bar.set_message(state.to_owned());
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Prints something for a person.
#[expect(clippy::print_stderr, reason = "the one place that writes to standard error")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints what a run comes to.
#[expect(clippy::print_stdout, reason = "the one place that writes to standard output")]
pub(crate) fn conclude(text: &str) {
    println!("{text}");
}
