//! Lines of the runbook's document: where its parts end, and templates of keys that a run fills.

use evidence::{Choice, Visible};
use runbook::{Kind, Offset, PlannedStep};

use super::{Report, facts::word, markdown::verdict_word, text::short};
use crate::shown;

/// The least keys that make a block a template.
const KEYS_MIN: usize = 3;

/// Returns how many lines the front matter has, its delimiters included.
pub(super) fn front_lines(lines: &[&str]) -> usize {
    let is_delimiter = |line: &&str| line.trim_end() == "---";
    if !lines.first().is_some_and(is_delimiter) {
        return 0;
    }
    lines.iter().skip(1).position(is_delimiter).map_or(0, |at| at + 2)
}

/// Returns how many lines there are up to the end of the heading in a line, from 1.
pub(super) fn heading_end(lines: &[&str], line: usize) -> usize {
    let is_marked = |at: usize| lines.get(at).is_some_and(|it| it.trim_start().starts_with('#'));
    if is_marked(line - 1) {
        return line;
    }
    let is_underline = |text: &&str| {
        let text = text.trim();
        !text.is_empty() && (text.bytes().all(|b| b == b'=') || text.bytes().all(|b| b == b'-'))
    };
    lines.iter().skip(line).position(is_underline).map_or(line, |at| line + at + 1)
}

/// Returns the templates of a part of the document, filled; nothing where it has none.
pub(super) fn filled(report: &Report<'_>, lines: &[&str]) -> String {
    let mut out = String::new();
    let mut block: Option<Vec<&str>> = None;
    for line in lines {
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        match &mut block {
            Some(keys) if is_fence => {
                if is_template(keys) {
                    out.push_str(&fill(report, keys));
                }
                block = None;
            }
            Some(keys) => keys.push(line.trim()),
            None if is_fence => block = Some(Vec::new()),
            None => {}
        }
    }
    out
}

fn is_template(lines: &[&str]) -> bool {
    let mut keys = lines.iter().filter(|line| !line.is_empty());
    keys.clone().count() >= KEYS_MIN && keys.all(|line| line.ends_with(':'))
}

fn fill(report: &Report<'_>, keys: &[&str]) -> String {
    let mut out = String::from("\nFilled in from this run:\n\n```text\n");
    for key in keys.iter().filter(|key| !key.is_empty()) {
        let value = value(report, key.trim_end_matches(':'));
        out.push_str(&format!("{} {}\n", Visible(key), Visible(value)));
    }
    out + "```\n"
}

/// Returns what a run has to say under a key; that it says nothing where that is so.
fn value(report: &Report<'_>, key: &str) -> String {
    let plan = report.material.plan;
    let lower = key.to_lowercase();
    if let Some(at) = lower.split([' ', ':']).next().and_then(offset) {
        let steps = plan.all_steps().filter(|step| step.at == Some(at));
        return joined(steps.map(|step| told(report, step)), "no step of the plan has this time");
    }
    match lower.as_str() {
        key if key.contains("ticket") => ticket(report),
        key if key.contains("environment") => {
            plan.environment.clone().unwrap_or_else(|| "none is named".to_owned())
        }
        key if key.contains("operator") => operators(report),
        key if key.contains("gate") => {
            let gates = plan.gates.iter();
            let told =
                gates.map(|gate| format!("{} {}", gate.id, verdict_word(&report.facts, gate)));
            joined(told, "the plan has no gates")
        }
        key if key.contains("rollback") => match &report.facts.back {
            Some(back) => format!("{} (at {})", back.why, shown::second(back.decided_at)),
            None => "none".to_owned(),
        },
        key if key.contains("outcome") || key.contains("result") => {
            format!("{}: {}", word(report.facts.phase), report.facts.why)
        }
        key if key.contains("run") => report.facts.run.clone(),
        _ => "not recorded by this run".to_owned(),
    }
}

fn offset(word: &str) -> Option<Offset> {
    word.to_uppercase().parse().ok()
}

fn joined(parts: impl Iterator<Item = String>, lacking: &str) -> String {
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { lacking.to_owned() } else { parts.join("; ") }
}

/// Returns what happened to a step, with its outputs by digest.
fn told(report: &Report<'_>, step: &PlannedStep) -> String {
    let verdict = verdict_word(&report.facts, step);
    let Some(last) = report.facts.attempts(&step.id).last() else { return verdict };
    let at = last.ended_at.map(|at| format!(" at {}", shown::second(at))).unwrap_or_default();
    let outputs = last.outputs.iter().map(|it| format!(" [{} {}…]", it.name, short(it.sha256)));
    let said = report.facts.said_of(&step.id).map(|said| {
        let (people, choice) = (said.people.join(" and "), said.choice.as_str());
        format!(" ({people} {choice}: {})", said.reason)
    });
    let (outputs, said): (String, String) = (outputs.collect(), said.collect());
    format!("{verdict}{at}: {}{said}{outputs}", last.text)
}

/// Returns what people gave as reference of what they did elsewhere.
fn ticket(report: &Report<'_>) -> String {
    let external = report.material.plan.all_steps().filter(|step| step.kind == Kind::External);
    let said = external.flat_map(|step| {
        let said = report.facts.said_of(&step.id).filter(|said| said.choice == Choice::Attest);
        said.map(|said| format!("{}: {}", step.id, said.reason)).collect::<Vec<_>>()
    });
    joined(said, "nobody gave one when attesting what was done elsewhere")
}

fn operators(report: &Report<'_>) -> String {
    let mut names: Vec<String> = Vec::new();
    for person in report.material.plan.operators() {
        if !names.contains(&person.name) {
            names.push(person.name.clone());
        }
    }
    joined(names.into_iter(), "nobody: the run changes nothing")
}

#[cfg(test)]
mod tests {
    use super::{front_lines, heading_end, is_template};

    #[test]
    fn parts_of_a_document_are_found() {
        let lines = ["---\n", "a: b\n", "---\r\n", "# C\n", "d\n", "e\n", "===\n", "f"];
        assert_eq!(front_lines(&lines), 3);
        assert_eq!(front_lines(&lines[1..]), 0);
        assert_eq!(front_lines(&lines[..2]), 0);
        assert_eq!(heading_end(&lines, 4), 4);
        assert_eq!(heading_end(&lines, 5), 7);
        assert_eq!(heading_end(&lines, 8), 8);
        assert!(is_template(&["A:", "", "B (if any):", "C:"]));
        assert!(!is_template(&["A:", "B:"]));
        assert!(!is_template(&["A:", "B:", "C: d"]));
    }
}
