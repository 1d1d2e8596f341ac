//! What a measurement is held against: figures of several runs, bounds, and the word for each. Pure.

#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::{figure::median, report::number};

/// One figure of every run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    /// How a document calls it.
    pub(crate) name: String,
    /// What it is, with its unit.
    pub(crate) what: String,
    pub(crate) values: Vec<f64>,
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure, and what it has to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    what: String,
    value: f64,
    bound: Bound,
    word: Word,
}

/// How a figure lies to its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Word {
    Pass,
    Below,
    Above,
}

impl Series {
    pub(crate) fn new(name: impl Into<String>, what: impl Into<String>) -> Self {
        Series { name: name.into(), what: what.into(), values: Vec::new() }
    }

    /// Adds the figure of a run.
    pub(crate) fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Returns the middle of all runs; none before the first.
    pub(crate) fn median(&self) -> Option<f64> {
        median(self.values.clone())
    }

    /// Judges the median. Nothing that was not measured passes.
    pub(crate) fn judge(&self, bound: Bound) -> Verdict {
        Verdict::of(&self.what, self.median().unwrap_or(f64::NAN), bound)
    }
}

impl Verdict {
    pub(crate) fn of(what: impl Into<String>, value: f64, bound: Bound) -> Self {
        let word = match bound {
            Bound::AtLeast(least) if value >= least => Word::Pass,
            Bound::AtMost(most) if value <= most => Word::Pass,
            Bound::AtLeast(_) => Word::Below,
            Bound::AtMost(_) => Word::Above,
        };
        Verdict { what: what.into(), value, bound, word }
    }

    pub(crate) fn holds(&self) -> bool {
        self.word == Word::Pass
    }
}

impl Display for Series {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let median = self.median().map(number).unwrap_or_default();
        let least = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        write!(f, "{median:>14} {}", self.what)?;
        if self.values.len() > 1 {
            write!(f, " ({} to {})", number(least), number(most))?;
        }
        Ok(())
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = match self.word {
            Word::Pass => "PASS",
            Word::Below => "BELOW",
            Word::Above => "ABOVE",
        };
        let bound = match self.bound {
            Bound::AtLeast(least) => format!("at least {}", number(least)),
            Bound::AtMost(most) => format!("at most {}", number(most)),
        };
        write!(f, "{word:<5} {} {}, to be {bound}", number(self.value), self.what)
    }
}
