//! What is shown while something long runs: a bar on a terminal, a line every few seconds elsewhere.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::console;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far something long is.
pub(crate) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Elsewhere; with the time of the last line.
    Lines(Option<Instant>),
}

impl Progress {
    /// Returns what suits standard error.
    pub(crate) fn new(length: Duration) -> Self {
        let style = ProgressStyle::with_template("{prefix:>10} {wide_bar} {pos}/{len} s  {msg}");
        match style {
            Ok(style) if std::io::stderr().is_terminal() => {
                Progress::Bar(ProgressBar::new(length.as_secs()).with_style(style))
            }
            _ => Progress::Lines(None),
        }
    }

    /// Shows a state that may be newer than the last.
    pub(crate) fn tick(&mut self, phase: &'static str, elapsed: Duration, state: &str) {
        match self {
            Progress::Bar(bar) => {
                bar.set_prefix(phase);
                bar.set_position(elapsed.as_secs());
                bar.set_message(state.to_owned());
            }
            Progress::Lines(last) if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) => {
                *last = Some(Instant::now());
                console::note(&format!("{phase:>10} {:>4} s  {state}", elapsed.as_secs()));
            }
            Progress::Lines(_) => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
