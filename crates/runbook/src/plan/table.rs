//! The plan as people read it.

use std::fmt;

use super::{Plan, PlannedStep, UndoBy};
use crate::{Length, Mode};

/// The columns of steps; the last one takes what is left of the line.
const HEAD: [&str; 7] = ["ID", "TIME", "KIND", "CLASS", "OWNER", "WITHIN", "WHAT"];

/// The longest text of a step that is shown.
const TEXT_CHARS_MAX: usize = 90;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.environment.as_deref().unwrap_or("no environment");
        writeln!(f, "{}\n{} · {place}", self.runbook, self.mode)?;
        for role in &self.roles {
            let people = role.people.iter().map(|person| match &person.key {
                Some(key) => format!("{} ({})", person.name, key.key_id()),
                None => person.name.clone(),
            });
            writeln!(f, "  {}: {}", role.role, people.collect::<Vec<_>>().join(", "))?;
        }
        section(f, "Gates", &self.gates)?;
        section(f, "Steps", &self.steps)?;
        section(f, "Triggers", &self.triggers)?;
        section(f, "Way back", &self.rollback.primary)?;
        section(f, "Way back, fallback", &self.rollback.fallback)?;
        section(f, "At the end", &self.closing)?;
        self.fmt_guards(f)?;
        self.fmt_end(f)
    }
}

impl Plan {
    fn fmt_guards(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.guards.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nGuards (at alpha {})", self.alpha)?;
        for guard in &self.guards {
            let from = guard.armed_from.as_deref().unwrap_or("the start");
            let (id, measure, on_fail) = (&guard.spec.id, guard.spec.measure, guard.spec.on_fail);
            let short = if guard.sees.is_enough { "" } else { " (not enough)" };
            writeln!(f, "  {id}  {measure}, from {from} on, else {on_fail}")?;
            writeln!(f, "      {}{short}", guard.sees.sentence)?;
        }
        Ok(())
    }

    fn fmt_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |seconds| Length::of_seconds(seconds);
        let point = match (&self.point_of_no_return, self.mode) {
            (Some(id), _) => format!("from {id} on"),
            (None, Mode::Readiness) => "never, nothing is changed".to_owned(),
            (None, _) => "never".to_owned(),
        };
        let rto = &self.rto;
        writeln!(f, "\nPoint of no return: {point}")?;
        write!(f, "Worst-case RTO: {} ", length(rto.worst_s))?;
        write!(f, "(primary {}, fallback {})", length(rto.primary_s), length(rto.fallback_s))?;
        match self.rto_promised_s {
            Some(promised) => writeln!(f, ", promised {}", length(promised))?,
            None => writeln!(f)?,
        }
        let digest = self.digest().map_err(|_| fmt::Error)?;
        write!(f, "Plan: sha256:{digest}\nOf the document: sha256:{}", self.source)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, steps: &[PlannedStep]) -> fmt::Result {
    if steps.is_empty() {
        return Ok(());
    }
    let rows: Vec<[String; 7]> = steps.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    writeln!(f, "\n{title}")?;
    let mut line = |cells: [&str; 7]| {
        let mut text = String::from(" ");
        for (width, cell) in widths.iter().zip(&cells[..6]) {
            text.push_str(&format!(" {cell:<width$} "));
        }
        text.push_str(&format!(" {}", cells[6]));
        writeln!(f, "{}", text.trim_end())
    };
    line(HEAD)?;
    rows.iter().try_for_each(|row| line(row.each_ref().map(String::as_str)))
}

fn row(step: &PlannedStep) -> [String; 7] {
    let class = if step.carried_out { "" } else { ", withheld" };
    let undo = match &step.undo {
        UndoBy::Steps(steps) => format!(" [undone by {}]", steps.join(", ")),
        UndoBy::Own(undo) => format!(" [undone: {}]", undo.what),
        UndoBy::Impossible => " [can't be undone]".to_owned(),
        UndoBy::Nothing | UndoBy::Rollback => String::new(),
    };
    [
        step.id.clone(),
        step.at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
        step.kind.to_string(),
        format!("{}{class}", step.class),
        step.owners.join(", "),
        Length::of_seconds(step.within_s).to_string(),
        format!("{}{undo}", shortened(&step.text)),
    ]
}

/// Returns the beginning of a text, without control characters that a terminal would obey.
fn shortened(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= TEXT_CHARS_MAX {
        return clean;
    }
    let mut short: String = clean.chars().take(TEXT_CHARS_MAX - 1).collect();
    short.push('…');
    short
}
