//! The plan as people read it.

use std::fmt;

use evidence::Visible;
use guard::ShortNumber;

use super::{Plan, PlannedStep, UndoBy};
use crate::{Kind, Length, Mode, argv};

/// The columns of steps; the last one takes what is left of the line.
const HEAD: [&str; 7] = ["ID", "TIME", "KIND", "CLASS", "OWNER", "WITHIN", "WHAT"];

/// The longest text of a step that is shown.
const TEXT_CHARS_MAX: usize = 90;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever a line is made of, all of it can be seen.
        let lines: Vec<_> = self.lines()?.iter().map(|line| Visible(line).to_string()).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Plan {
    fn lines(&self) -> Result<Vec<String>, fmt::Error> {
        let place = self.environment.as_deref().unwrap_or("no environment");
        let mut lines = vec![self.runbook.clone(), format!("{} · {place}", self.mode)];
        for role in &self.roles {
            let people = role.people.iter().map(|person| match &person.key {
                Some(key) => format!("{} ({})", person.name, key.key_id()),
                None => person.name.clone(),
            });
            lines.push(format!("  {}: {}", role.role, people.collect::<Vec<_>>().join(", ")));
        }
        lines.extend(section("Gates", &self.gates));
        lines.extend(section("Steps", &self.steps));
        lines.extend(section("Triggers", &self.triggers));
        lines.extend(section("Way back", &self.rollback.primary));
        lines.extend(section("Way back, fallback", &self.rollback.fallback));
        lines.extend(section("Behind the run or the way back", &self.rollback.after));
        lines.extend(section("At the end", &self.closing));
        lines.extend(self.guard_lines());
        lines.extend(self.end()?);
        Ok(lines)
    }

    fn guard_lines(&self) -> Vec<String> {
        if self.guards.is_empty() {
            return Vec::new();
        }
        let mut lines =
            vec![String::new(), format!("Guards (at alpha {})", ShortNumber(self.alpha))];
        for guard in &self.guards {
            let from = guard.armed_from.as_deref().unwrap_or("the start");
            let (id, measure, on_fail) = (&guard.spec.id, guard.spec.measure, guard.spec.on_fail);
            let short = if guard.sees.is_enough { "" } else { " (not enough)" };
            lines.push(format!("  {id}  {measure}, from {from} on, else {on_fail}"));
            lines.push(format!("      {}{short}", guard.sees.sentence));
        }
        lines
    }

    fn end(&self) -> Result<[String; 5], fmt::Error> {
        let length = |seconds| Length::of_seconds(seconds);
        let point = match (&self.point_of_no_return, self.mode) {
            (Some(id), _) => format!("from {id} on"),
            (None, Mode::Readiness) => "never, nothing is changed".to_owned(),
            (None, _) => "never".to_owned(),
        };
        let rto = &self.rto;
        let (worst, primary) = (length(rto.worst_s), length(rto.primary_s));
        let promised = match self.rto_promised_s {
            Some(promised) => format!(", promised {}", length(promised)),
            None => String::new(),
        };
        let fallback = length(rto.fallback_s);
        let digest = self.digest().map_err(|_| fmt::Error)?;
        Ok([
            String::new(),
            format!("Point of no return: {point}"),
            format!("Worst-case RTO: {worst} (primary {primary}, fallback {fallback}){promised}"),
            format!("Plan: sha256:{digest}"),
            format!("Of the document: sha256:{}", self.source),
        ])
    }
}

fn section(title: &str, steps: &[PlannedStep]) -> Vec<String> {
    if steps.is_empty() {
        return Vec::new();
    }
    let rows: Vec<[String; 7]> = steps.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; 7]| {
        let mut text = String::from(" ");
        for (width, cell) in widths.iter().zip(&cells[..6]) {
            text.push_str(&format!(" {cell:<width$} "));
        }
        text.push_str(&format!(" {}", cells[6]));
        text.trim_end().to_owned()
    };
    let mut lines = vec![String::new(), title.to_owned(), line(HEAD)];
    for (row, step) in rows.iter().zip(steps) {
        lines.push(line(row.each_ref().map(String::as_str)));
        lines.extend(details(step).iter().map(|detail| format!("        {detail}")));
    }
    lines
}

/// Returns what a step carries out, looks at and leaves behind, a line each.
fn details(step: &PlannedStep) -> Vec<String> {
    let content = &step.content;
    let mut details: Vec<String> = Vec::new();
    details.extend(content.commands.iter().map(|words| format!("$ {}", argv::shown(words))));
    details.extend(content.flags.iter().map(|flag| format!("{}={}", flag.name, flag.value)));
    details.extend(content.targets.iter().map(|target| format!("at {target}")));
    details.extend((step.kind == Kind::HttpExpect).then(|| "expects 2xx".to_owned()));
    details.extend(content.fields.iter().map(|field| format!("expects {field} to be there")));
    details.extend(content.assertions.iter().map(|it| format!("expects {}={}", it.path, it.is)));
    details.extend(content.bounds.iter().map(|bound| format!("bound {bound}")));
    if let Some(traffic) = &step.traffic {
        details.push(format!("{} % for {}", ShortNumber(traffic.weight_percent), traffic.hold));
    }
    let names = [
        ("repeats", &step.repeats),
        ("compares with", &step.compares),
        ("waits for", &step.guards),
        ("after", &step.after),
    ];
    let named = names.into_iter().filter(|(_, names)| !names.is_empty());
    details.extend(named.map(|(what, names)| format!("{what} {}", names.join(", "))));
    details.extend(step.certificate.iter().map(|name| format!("asks for the certificate {name}")));
    details.extend(step.pass.iter().map(|pass| format!("passes: {pass}")));
    details.extend(step.output.iter().map(|output| format!("leaves: {output}")));
    if let UndoBy::Own(undo) = &step.undo {
        details.extend(
            undo.commands.iter().map(|words| format!("undone by $ {}", argv::shown(words))),
        );
        details.extend(undo.flags.iter().map(|flag| format!("undone by {flag}")));
    }
    details
}

fn row(step: &PlannedStep) -> [String; 7] {
    let class = if step.carried_out { "" } else { ", withheld" };
    let undo = match &step.undo {
        UndoBy::Steps(steps) => format!(" [undone by {}]", steps.join(", ")),
        UndoBy::Own(undo) => format!(" [undone: {}]", undo.what),
        UndoBy::Impossible => " [can't be undone]".to_owned(),
        UndoBy::Nothing | UndoBy::Rollback => String::new(),
    };
    let cells = [
        step.id.clone(),
        step.at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
        step.kind.to_string(),
        format!("{}{class}", step.class),
        step.owners.join(", "),
        Length::of_seconds(step.within_s).to_string(),
        format!("{}{undo}", shortened(&step.text)),
    ];
    // Before the widths of the columns are taken.
    cells.map(|cell| Visible(cell).to_string())
}

/// Returns the beginning of a text.
fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(TEXT_CHARS_MAX - 1).collect();
    short.push('…');
    short
}
