//! What is wrong with a document, each with its place.

use std::{collections::BTreeMap, fmt};

use evidence::Visible;
use serde::Serialize;

/// The most problems of one rule that are named one by one.
const PROBLEMS_MAX: usize = 100;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No plan is made.
    Fault,
    /// A plan can be made; somebody should look.
    Warning,
}

/// A problem at a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// How much it weighs.
    pub severity: Severity,
    /// The rule's name, for machines.
    pub rule: &'static str,
    /// One sentence.
    pub text: String,
}

impl Problem {
    /// Returns a fault.
    pub fn fault(line: usize, rule: &'static str, text: impl Into<String>) -> Self {
        Problem { line, severity: Severity::Fault, rule, text: text.into() }
    }

    /// Returns a warning.
    pub fn warning(line: usize, rule: &'static str, text: impl Into<String>) -> Self {
        Problem { line, severity: Severity::Warning, rule, text: text.into() }
    }

    /// Returns whether no plan is made because of it.
    pub fn is_fault(&self) -> bool {
        self.severity == Severity::Fault
    }
}

/// Leaves out what nobody reads: of each rule all but the first, which are counted where they begin. One
/// fault among them makes a fault of what is said of them.
pub(crate) fn bounded(problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut more: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    let mut kept: Vec<Problem> = Vec::new();
    for mut problem in problems {
        let count = seen.entry(problem.rule).or_default();
        *count += 1;
        match more.get_mut(problem.rule) {
            Some((at, left_out)) => {
                kept[*at].severity = kept[*at].severity.min(problem.severity);
                *left_out += 1;
            }
            None if *count > PROBLEMS_MAX => {
                more.insert(problem.rule, (kept.len(), 1));
                problem.text.clear();
                kept.push(problem);
            }
            None => kept.push(problem),
        }
    }
    for (rule, (at, left_out)) in more {
        kept[at].text = format!("and {left_out} more of `{rule}` from here on");
    }
    kept
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.is_fault() { "" } else { " (warning)" };
        write!(f, "line {}: {}{severity}", self.line, Visible(&self.text))
    }
}
