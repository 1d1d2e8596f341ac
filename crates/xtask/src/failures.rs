//! What failed tests said, read from what a `cargo test` printed.
//!
//! libtest prints, behind a binary's tests, `---- NAME stdout ----` and then what each failed
//! test said, and closes with `failures:` and their names (libtest's human format). A run of
//! thousands of tests prints this far above its end; the summary repeats it where people, and
//! whoever keeps only the end of an output, look.

use std::collections::VecDeque;

/// How many failed tests are repeated; one cause often fails many.
const TESTS_MAX: usize = 12;

/// How many lines of each test are repeated: the panic, not all that came before it.
const LINES_MAX: usize = 30;

/// How many characters of a line are repeated.
const CHARS_MAX: usize = 300;

/// The failed tests of one command, as they are seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    told: Vec<Failure>,
    inside: bool,
    /// Backtraces are long, and the machine that printed it is often gone.
    in_backtrace: bool,
    untold: usize,
}

/// One failed test.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    name: String,
    /// Its last lines.
    lines: VecDeque<String>,
    /// How many lines stood before those.
    left_out: usize,
}

impl Failures {
    /// Takes one line of output in.
    pub(crate) fn see(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(name) = heading(line) {
            self.begin(name);
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.inside = false;
        } else if line == "stack backtrace:" {
            self.in_backtrace = true;
        } else if line.starts_with("note: ") {
            self.in_backtrace = false;
        } else if self.inside
            && !self.in_backtrace
            && let Some(failure) = self.told.last_mut()
        {
            failure.say(line);
        }
    }

    fn begin(&mut self, name: &str) {
        self.in_backtrace = false;
        self.inside = self.told.len() < TESTS_MAX;
        if self.inside {
            self.told.push(Failure { name: name.into(), lines: VecDeque::new(), left_out: 0 });
        } else {
            self.untold += 1;
        }
    }

    /// Returns their names; fewer than failed where there were too many to tell of.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.told.iter().map(|failure| failure.name.as_str()).collect()
    }

    /// Returns them for a person to read, a block of lines for each; nothing where none failed.
    pub(crate) fn shown(&self) -> String {
        let mut text: String = self.told.iter().map(Failure::shown).collect();
        if self.untold > 0 {
            text += &format!("\n… and {} more failed tests", self.untold);
        }
        text
    }
}

impl Failure {
    fn say(&mut self, line: &str) {
        if line.is_empty() && self.lines.back().is_none_or(String::is_empty) {
            return;
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
            self.left_out += 1;
        }
        self.lines.push_back(line.chars().take(CHARS_MAX).collect());
    }

    fn shown(&self) -> String {
        let mut text = format!("\nFAILED {}\n", self.name);
        if self.left_out > 0 {
            text += &format!("  … {} lines above\n", self.left_out);
        }
        let blank = self.lines.back().is_some_and(String::is_empty);
        for line in self.lines.iter().take(self.lines.len() - usize::from(blank)) {
            text += &format!("  {line}\n");
        }
        text
    }
}

/// Returns whose section this line begins.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

#[cfg(test)]
mod tests;
