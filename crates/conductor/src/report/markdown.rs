//! The record as Markdown: a summary, the runbook's document with what happened under each heading,
//! decisions, guards and the evidence.

use std::fmt::Write;

use jiff::Timestamp;
use runbook::PlannedStep;

use super::{
    Report,
    facts::{Facts, Said, word},
    template,
    text::{outputs, plain, short, table},
};
use crate::shown;

/// Returns the whole record.
pub(super) fn document(report: &Report<'_>) -> String {
    let title = plain(&report.material.plan.runbook);
    let parts = [
        format!("# Record of a run: {title}\n"),
        summary(report),
        times(report),
        clocks(report),
        turns(report),
        body(report),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// Returns what the page has below its plots: the document, decisions, guards and the evidence.
pub(super) fn body(report: &Report<'_>) -> String {
    let parts = [guards(report), decisions(report), chapters(report), evidence(report)];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// Returns what the run is: two columns of Markdown.
pub(super) fn about(report: &Report<'_>) -> Vec<[String; 2]> {
    let (facts, plan) = (&report.facts, report.material.plan);
    let pair = |name: &str, value: String| [name.to_owned(), value];
    let mut rows = vec![
        pair("Outcome", format!("**{}**", word(facts.phase))),
        pair("Why", plain(&facts.why)),
        pair("Run", plain(&facts.run)),
        pair("Mode", plain(facts.mode)),
        pair("Environment", plain(plan.environment.as_deref().unwrap_or("none is named"))),
        pair("Plan", format!("`sha256:{}`", facts.plan)),
        pair("Runbook", format!("`sha256:{}`", plan.source)),
        pair("Begun", shown::second(facts.begun_at)),
    ];
    rows.extend(facts.t0.map(|t0| pair("T0", shown::second(t0))));
    rows.push(match facts.ended {
        Some((at, _)) => {
            let took = shown::between(facts.begun_at, at);
            pair("Ended", format!("{}, after {took}", shown::second(at)))
        }
        None => pair("Ended", format!("not yet; last entry {}", shown::second(facts.last_at))),
    });
    rows.push(pair("Pace", pace(report)));
    if !facts.resumed.is_empty() {
        let times: Vec<_> = facts.resumed.iter().map(|at| shown::second(*at)).collect();
        rows.push(pair("Resumed by another process", times.join(", ")));
    }
    let tree = &report.material.journal.tree;
    let (size, root) = (tree.len(), tree.root());
    rows.push(pair("Journal", format!("{size} entries, root `{root}`")));
    rows
}

/// Returns how fast waiting times passed.
pub(super) fn pace(report: &Report<'_>) -> String {
    let pace = report.facts.pace;
    if pace.is_as_planned() {
        return "waiting times passed as planned".to_owned();
    }
    format!("waiting times passed {} times as fast", shown::number(pace.times()))
}

fn summary(report: &Report<'_>) -> String {
    table(["", ""], &about(report))
}

/// Returns the times from the first evidence to the end, where the run was sent back or given up.
pub(super) fn times(report: &Report<'_>) -> String {
    let Some(back) = &report.facts.back else { return String::new() };
    let from = back.evidence.0;
    let later = |at: Option<Timestamp>, lacking: &str| match at {
        Some(at) => [shown::second(at), format!("+ {}", shown::between(from, at))],
        None => ["–".to_owned(), lacking.to_owned()],
    };
    let row =
        |name: &str, [at, after]: [String; 2], what: String| [name.to_owned(), at, after, what];
    let rows = [
        row("First evidence", later(Some(from), ""), plain(&back.evidence.1)),
        row("Decision", later(Some(back.decided_at), ""), plain(&back.why)),
        row("Action", later(back.acted_at, "none"), "the first step of the way back".to_owned()),
        row("End", later(back.ended_at, "not yet"), word(report.facts.phase).to_owned()),
    ];
    format!("## Why it went back\n\n{}", table(["", "When", "After", "What"], &rows))
}

/// Returns both clocks of the way back, where a step of it left them.
pub(super) fn clocks(report: &Report<'_>) -> String {
    let is_back = report.facts.back.is_some();
    let Some(clocks) = &report.facts.clocks else {
        let lacking = "No step of the way back left `withdrawal.json`: the clocks are not known.\n";
        let is_asked = is_back && report.facts.back.iter().any(|back| back.acted_at.is_some());
        return if is_asked { format!("## Both clocks\n\n{lacking}") } else { String::new() };
    };
    let told = |ms: Option<u64>| ms.map_or("not reached".to_owned(), shown::of_ms);
    let count = |count: Option<u64>| count.map_or("not recorded".to_owned(), |it| it.to_string());
    let mut rows = vec![
        ["No new traffic on the canary".to_owned(), told(clocks.new_traffic_ms)],
        ["No connection left on the canary".to_owned(), told(clocks.residual_ms)],
        ["Connections that had to be closed".to_owned(), count(clocks.evicted)],
        ["Requests that came after it had stopped".to_owned(), count(clocks.came_again)],
    ];
    if let Some(promised) = report.material.plan.rto_promised_s {
        let promised = shown::of_ms(promised.saturating_mul(1000));
        rows.push(["Promised for the whole way back".to_owned(), promised]);
    }
    format!("## Both clocks\n\n{}", table(["From the decision on", ""], &rows))
}

/// Returns the phases that the run went through.
pub(super) fn turns(report: &Report<'_>) -> String {
    let turns = report.facts.turns.iter();
    let rows: Vec<_> = turns
        .map(|turn| [shown::second(turn.at), word(turn.to).to_owned(), plain(&turn.why)])
        .collect();
    format!("## Phases\n\n{}", table(["When", "Phase", "Why"], &rows))
}

fn guards(report: &Report<'_>) -> String {
    let told = |value: Option<f64>| value.map_or("–".to_owned(), shown::number);
    let rows = report.material.plan.guards.iter().map(|guard| {
        let id = &guard.spec.id;
        match report.facts.last_judgement(id) {
            Some(judged) => [
                plain(id),
                judged.verdict.to_string(),
                told(judged.value),
                told(judged.baseline),
                told(judged.bound),
                plain(&judged.unit),
                shown::number(judged.n),
                plain(&judged.sentence),
            ],
            None => {
                let none = || "–".to_owned();
                let (n, said) = (none(), "It was never judged.".to_owned());
                [plain(id), "no verdict".to_owned(), none(), none(), none(), none(), n, said]
            }
        }
    });
    let rows: Vec<_> = rows.collect();
    let head = ["Guard", "Verdict", "Value", "Stable", "Bound", "Unit", "n", "What it says"];
    let table = table(head, &rows);
    if table.is_empty() { table } else { format!("## Guards, as judged last\n\n{table}") }
}

/// Returns what people approved, vouched for and decided.
pub(super) fn decisions(report: &Report<'_>) -> String {
    let rows: Vec<_> = report.facts.said.iter().map(decision).collect();
    let head = ["When", "Decision", "About", "Who", "Role", "Reason", "Key", "Over"];
    let table = table(head, &rows);
    let none = "Nobody approved, vouched for or decided anything.\n".to_owned();
    format!("## Decisions\n\n{}", if table.is_empty() { none } else { table })
}

fn decision(said: &Said) -> [String; 8] {
    let over = said.over.map(|(size, root)| format!("{size} entries, root `{}…`", short(root)));
    let keys = match said.keys.as_slice() {
        [] => "not signed".to_owned(),
        keys => plain(keys.join(", ")),
    };
    [
        shown::second(said.at),
        said.choice.as_str().to_owned(),
        plain(said.about.as_deref().unwrap_or("the run")),
        plain(said.people.join(" and ")),
        plain(&said.role),
        plain(&said.reason),
        keys,
        over.unwrap_or_default(),
    ]
}

/// Returns the runbook's document, with what happened to the steps of each heading under it.
fn chapters(report: &Report<'_>) -> String {
    let document = report.material.document;
    let text = document.strip_prefix('\u{feff}').unwrap_or(document);
    let chapters = runbook::chapters(document);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let body_at = template::front_lines(&lines);
    let mut out = String::from("## The runbook\n\n");
    if body_at > 0 {
        let front: String = lines[1..body_at - 1].concat();
        writeln!(out, "~~~~yaml\n{}\n~~~~", front.trim_end().replace("~~~~", "~~~"))
            .expect("a string takes everything");
    }
    let mut after: Vec<(usize, String)> = Vec::new();
    for (at, chapter) in chapters.iter().enumerate() {
        let first = chapter.line.map_or(body_at, |line| template::heading_end(&lines, line));
        let last = chapters.get(at + 1).and_then(|next| next.line).map_or(lines.len(), |it| it - 1);
        let here = lines.get(first..last).unwrap_or_default();
        let steps = steps(report, chapter.steps.iter().map(String::as_str));
        let filled = template::filled(report, here);
        if !(steps.is_empty() && filled.is_empty()) {
            // The document has an empty line behind most headings itself.
            let is_apart = lines.get(first).is_none_or(|line| line.trim().is_empty());
            let end = if is_apart { "" } else { "\n" };
            after.push((first, format!("\n{steps}{filled}{end}")));
        }
    }
    let mut after = after.into_iter().peekable();
    for (at, line) in lines.iter().enumerate().skip(body_at) {
        while let Some((_, inserted)) = after.next_if(|(place, _)| *place <= at) {
            out.push_str(&inserted);
        }
        out.push_str(line);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out.extend(after.map(|(_, inserted)| inserted));
    out + &undone(report, &chapters)
}

/// Returns steps that stand under no heading: those that others brought along.
fn undone(report: &Report<'_>, chapters: &[runbook::Chapter]) -> String {
    let is_told = |id: &str| chapters.iter().any(|chapter| chapter.steps.iter().any(|it| it == id));
    let others = report.material.plan.all_steps().map(|step| step.id.as_str());
    let steps = steps(report, others.filter(|id| !is_told(id)));
    if steps.is_empty() {
        steps
    } else {
        format!("\n## Steps that others brought along\n\n{steps}")
    }
}

/// Returns a table of what happened to steps; those that are not of this plan are left out.
pub(super) fn steps<'s>(report: &Report<'_>, ids: impl Iterator<Item = &'s str>) -> String {
    let plan = report.material.plan;
    let known = ids.filter_map(|id| plan.all_steps().find(|step| step.id == id));
    let rows: Vec<_> = known.flat_map(|step| step_rows(&report.facts, step)).collect();
    let head =
        ["Step", "Verdict", "Begun", "Ended", "Took", "By", "What came of it", "Left behind"];
    table(head, &rows)
}

/// Returns a row for each time that a step was carried out; one, too, where it never was.
fn step_rows(facts: &Facts, step: &PlannedStep) -> Vec<[String; 8]> {
    let attempts = facts.attempts(&step.id);
    if attempts.is_empty() {
        let why = if step.carried_out { "It was not begun." } else { "Withheld in this mode." };
        let none = || "–".to_owned();
        let verdict = "not begun".to_owned();
        let by = plain(step.owners.join(", "));
        return vec![[
            plain(&step.id),
            verdict,
            none(),
            none(),
            none(),
            by,
            why.to_owned(),
            none(),
        ]];
    }
    let last = attempts.len() - 1;
    let rows = attempts.iter().enumerate().map(|(at, attempt)| {
        let mut verdict = attempt.verdict.map_or("no outcome".to_owned(), |it| it.to_string());
        if at == last && facts.is_waived(&step.id) {
            verdict.push_str(", waived");
        }
        let took = attempt.ended_at.map(|ended| shown::between(attempt.begun_at, ended));
        let until = attempts.get(at + 1).map(|next| next.begun_at);
        [
            plain(&step.id),
            verdict,
            shown::second(attempt.begun_at),
            attempt.ended_at.map(shown::second).unwrap_or_default(),
            took.unwrap_or_default(),
            by(facts, step, attempt.begun_at, until),
            plain(&attempt.text),
            outputs(&attempt.outputs),
        ]
    });
    rows.collect()
}

/// Returns who vouched for an attempt or decided about it, else who owns the step.
fn by(facts: &Facts, step: &PlannedStep, from: Timestamp, until: Option<Timestamp>) -> String {
    let said = facts.said_of(&step.id);
    let here = said.filter(|said| said.at >= from && until.is_none_or(|until| said.at < until));
    let named: Vec<_> = here
        .map(|said| {
            let (people, role) = (said.people.join(" and "), &said.role);
            format!("{people} ({role}) {}: {}", said.choice.as_str(), said.reason)
        })
        .collect();
    plain(if named.is_empty() { step.owners.join(", ") } else { named.join("; ") })
}

/// Returns what the record rests on: the journal, the checkpoint and every output.
pub(super) fn evidence(report: &Report<'_>) -> String {
    let plan = report.material.plan;
    let outputs = plan.all_steps().flat_map(|step| {
        let attempts = report.facts.attempts(&step.id).iter();
        attempts.flat_map(|attempt| &attempt.outputs).map(|output| (step.id.as_str(), output))
    });
    let rows: Vec<_> = outputs
        .map(|(step, output)| {
            let is_there = report.material.outputs.contains_key(&output.sha256);
            let size = format!("{} bytes{}", output.bytes, if is_there { "" } else { ", missing" });
            [plain(&output.name), plain(step), size, format!("`{}`", output.sha256)]
        })
        .collect();
    let (tree, facts) = (&report.material.journal.tree, &report.facts);
    let (origin, size, root) = (plain(&facts.run), tree.len(), tree.root());
    let mut out = format!(
        "## Evidence\n\nThe journal {origin} has {size} entries with the root `{root}`: the first \
         {size} of the evidence's log.\n\n"
    );
    out.push_str(&checkpoint(report));
    out.push_str(&table(["Output", "Step", "Size", "SHA-256"], &rows));
    out
}

/// Returns the signed checkpoint, and how the evidence is verified.
pub(super) fn checkpoint(report: &Report<'_>) -> String {
    let Some(checkpoint) = report.material.checkpoint else {
        return "No signed checkpoint was made of this run yet.\n\n".to_owned();
    };
    // Indented: no line of it can end the block, and an empty one needs no spaces for that.
    let lines = checkpoint.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("    {}\n", evidence::Visible(line)),
    });
    let lines: String = lines.collect();
    format!(
        "The checkpoint of the evidence:\n\n{lines}\nVerified with the public keys of the people:\n\n\
         \x20   tidegate evidence verify evidence --keys run.keys\n\n"
    )
}

/// Returns the verdict of a step in a word.
pub(super) fn verdict_word(facts: &Facts, step: &PlannedStep) -> String {
    let waived = if facts.is_waived(&step.id) { ", waived" } else { "" };
    match facts.verdict(&step.id) {
        Some(verdict) => format!("{verdict}{waived}"),
        None if !step.carried_out => "withheld".to_owned(),
        None if facts.attempts(&step.id).is_empty() => "not begun".to_owned(),
        None => "no outcome".to_owned(),
    }
}
