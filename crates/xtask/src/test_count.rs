//! How many tests a `cargo test` ran, read from what it printed.
//!
//! Each test binary closes with `test result: ok. 3 passed; 0 failed; 1 ignored; …`
//! (libtest's human format); the counts of all binaries are added up.

/// Tests seen in the output of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestCount {
    /// Tests that ran and passed.
    pub(crate) passed: usize,
    /// Tests that ran and failed.
    pub(crate) failed: usize,
    /// Tests that did not run because they are marked so.
    pub(crate) ignored: usize,
}

impl TestCount {
    /// Returns how many tests ran, whatever their result.
    pub(crate) fn ran(self) -> usize {
        self.passed + self.failed
    }

    /// Adds what one line of output says; most lines say nothing.
    pub(crate) fn see(&mut self, line: &str) {
        let Some((_, counts)) =
            line.trim().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for field in counts.split(';') {
            self.add(field.trim());
        }
    }

    fn add(&mut self, field: &str) {
        let Some((count, kind)) = field.split_once(' ') else { return };
        let Ok(count) = count.parse::<usize>() else { return };
        match kind {
            "passed" => self.passed += count,
            "failed" => self.failed += count,
            "ignored" => self.ignored += count,
            _ => {}
        }
    }

    /// Returns the counts for a person to read; nothing where there are none.
    pub(crate) fn shown(self) -> String {
        match self {
            Self { passed: 0, failed: 0, ignored: 0 } => String::new(),
            Self { passed, failed: 0, ignored: 0 } => format!("tests: {passed}"),
            Self { passed, failed, ignored } => {
                format!("tests: {passed} passed, {failed} failed, {ignored} ignored")
            }
        }
    }
}

#[cfg(test)]
mod tests;
