//! The table at the end of a run.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::step::Outcome;

/// What became of one step.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The step's name.
    pub(crate) name: &'static str,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// How long it took.
    pub(crate) took: Duration,
}

/// All steps of a run; displays as the table, and closes with `N passed, N failed` on a line
/// of its own, which CI reads.
#[derive(Debug)]
pub(crate) struct Summary(pub(crate) Vec<Row>);

impl Summary {
    /// Returns how many steps failed.
    pub(crate) fn failed(&self) -> usize {
        self.0.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).count()
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (result, note) = match &self.outcome {
            Outcome::Passed(note) => ("passed", note),
            Outcome::LeftOut(note) => ("PARTLY", note),
            Outcome::Unsteady(note) => ("UNSTEADY", note),
            Outcome::Failed(note) => ("FAILED", note),
        };
        let seconds = self.took.as_secs_f64();
        let note = note.lines().next().unwrap_or_default();
        let line = format!("{:<22}{result:<8}{seconds:>8.1} s  {note}", self.name);
        f.write_str(line.trim_end())
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            writeln!(f, "{row}")?;
        }
        for row in &self.0 {
            match &row.outcome {
                Outcome::LeftOut(what) => {
                    writeln!(f, "\nWARNING: {} did not check everything: {what}", row.name)?;
                }
                Outcome::Unsteady(_) => {
                    writeln!(f, "\nWARNING: some of {} failed and passed alone", row.name)?;
                }
                Outcome::Passed(_) | Outcome::Failed(_) => {}
            }
        }
        for row in &self.0 {
            if let Outcome::Failed(why) | Outcome::Unsteady(why) = &row.outcome
                && let Some((_, more)) = why.split_once('\n')
            {
                write!(f, "{more}")?;
            }
        }
        let failed = self.failed();
        write!(f, "\n{} passed, {failed} failed", self.0.len() - failed)
    }
}

#[cfg(test)]
mod tests;
