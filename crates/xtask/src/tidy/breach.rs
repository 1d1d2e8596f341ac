//! One place where a rule is broken.

use std::fmt::{self, Display, Formatter};

use super::rule::Rule;
use super::source::Source;

/// One place where a rule is broken; displays as `path:line: what; advice [rule]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Breach {
    /// The rule.
    pub(super) rule: Rule,
    /// The file, from the root of the tree.
    pub(super) path: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) what: String,
    /// How much is wrong: 1, or the lines over a limit. The baseline sums it up by file.
    pub(super) excess: usize,
}

impl Breach {
    /// Describes a breach that counts once.
    pub(super) fn new(rule: Rule, source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self { rule, path: source.path.clone(), line, what: what.into(), excess: 1 }
    }

    /// Makes the breach count as much as it is over a limit.
    pub(super) fn with_excess(self, excess: usize) -> Self {
        Self { excess, ..self }
    }
}

impl Display for Breach {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rule, path, line, what, excess: _ } = self;
        write!(f, "{path}:{line}: {what}; {} [{}]", rule.advice(), rule.name())
    }
}
