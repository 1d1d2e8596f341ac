//! What is wrong with a document, each with its place.

use std::fmt;

use evidence::Visible;
use serde::Serialize;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
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
    pub weight: Weight,
    /// The rule's name, for machines.
    pub rule: &'static str,
    /// One sentence.
    pub text: String,
}

impl Problem {
    /// Returns a fault.
    pub fn fault(line: usize, rule: &'static str, text: impl Into<String>) -> Self {
        Problem { line, weight: Weight::Fault, rule, text: text.into() }
    }

    /// Returns a warning.
    pub fn warning(line: usize, rule: &'static str, text: impl Into<String>) -> Self {
        Problem { line, weight: Weight::Warning, rule, text: text.into() }
    }

    /// Returns whether no plan is made because of it.
    pub fn is_fault(&self) -> bool {
        self.weight == Weight::Fault
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.is_fault() { "" } else { " (warning)" };
        write!(f, "line {}: {}{weight}", self.line, Visible(&self.text))
    }
}
