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
    let line = |cells: [&str; 7]| {
        let mut text = String::from(" ");
        for (width, cell) in widths.iter().zip(&cells[..6]) {
            text.push_str(&format!(" {cell:<width$} "));
        }
        text.push_str(&format!(" {}", cells[6]));
        text.trim_end().to_owned()
    };
    writeln!(f, "{}", line(HEAD))?;
    for (row, step) in rows.iter().zip(steps) {
        writeln!(f, "{}", line(row.each_ref().map(String::as_str)))?;
        details(step).iter().try_for_each(|detail| writeln!(f, "        {detail}"))?;
    }
    Ok(())
}

/// Returns what a step carries out, looks at and leaves behind, a line each.
fn details(step: &PlannedStep) -> Vec<String> {
    let content = &step.content;
    let mut details: Vec<String> = Vec::new();
    details.extend(content.commands.iter().map(|words| format!("$ {}", command(words))));
    details.extend(content.flags.iter().map(|flag| format!("{}={}", flag.name, flag.value)));
    details.extend(content.targets.iter().map(|target| format!("at {target}")));
    details.extend(content.assertions.iter().map(|it| format!("expects {}={}", it.path, it.is)));
    details.extend(content.bounds.iter().map(|bound| format!("bound {bound}")));
    if let Some(traffic) = &step.traffic {
        details.push(format!("{} % for {}", traffic.weight_percent, traffic.hold));
    }
    let names = [
        ("repeats", &step.repeats),
        ("compares with", &step.compares),
        ("waits for", &step.guards),
        ("after", &step.after),
    ];
    let named = names.into_iter().filter(|(_, names)| !names.is_empty());
    details.extend(named.map(|(what, names)| format!("{what} {}", names.join(", "))));
    details.extend(step.pass.iter().map(|pass| format!("passes: {pass}")));
    details.extend(step.output.iter().map(|output| format!("leaves: {output}")));
    details.iter().map(|detail| clean(detail)).collect()
}

/// Writes an argument list as it could be typed: what is more than a plain word stands in quotes.
fn command(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=+@%,".contains(c);
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty() && word.chars().all(is_plain);
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Returns a text without control characters, which a terminal would obey.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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

/// Returns the beginning of a text.
fn shortened(text: &str) -> String {
    let clean = clean(text);
    if clean.chars().count() <= TEXT_CHARS_MAX {
        return clean;
    }
    let mut short: String = clean.chars().take(TEXT_CHARS_MAX - 1).collect();
    short.push('…');
    short
}
