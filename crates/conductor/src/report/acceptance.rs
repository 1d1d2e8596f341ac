//! Reports for those who accept a release, made of a run's evidence and of nothing else.

use guard::Verdict;
use runbook::{Kind, PlannedStep};

use super::{
    Report,
    facts::{Facts, word},
    markdown::{self, verdict_word},
    text::{plain, table},
};
use crate::shown;

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// That a release can be taken back: of a rehearsal of the way back.
    ReleaseRollback,
    /// That those who operate it have taken it over.
    Handover,
    /// That a cutover into production is closed.
    Closeout,
}

impl Acceptance {
    /// Returns the name of its file under `docs/acceptance`.
    pub const fn file_name(self) -> &'static str {
        match self {
            Acceptance::ReleaseRollback => "step20-release-rollback-report.md",
            Acceptance::Handover => "step21-handover-report.md",
            Acceptance::Closeout => "step22-production-cutover-closeout.md",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Acceptance::ReleaseRollback => "Step 20: release and rollback report",
            Acceptance::Handover => "Step 21: handover report",
            Acceptance::Closeout => "Step 22: production cutover closeout",
        }
    }
}

/// Returns the report.
pub(super) fn document(report: &Report<'_>, kind: Acceptance) -> String {
    let parts = [
        format!("# {}\n", kind.title()),
        provenance(report),
        outcome(report),
        gates(report),
        if kind == Acceptance::Handover { acknowledged(report) } else { String::new() },
        timeline(report),
        markdown::decisions(report),
        rollback(report),
        blockers(report),
        evidence_index(report),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// Says of which run it was made, and how that is verified.
fn provenance(report: &Report<'_>) -> String {
    let (facts, tree) = (&report.facts, &report.material.journal.tree);
    let (run, plan, size, root) = (plain(&facts.run), facts.plan, tree.len(), tree.root());
    let checkpoint = markdown::checkpoint(report);
    format!(
        "Made by `tidegate runbook report` of the run {run}; nothing in it was written by hand. It \
         is of the plan `sha256:{plan}`, and of the first {size} entries of the run's log, whose \
         root is `{root}`.\n\n{}",
        checkpoint.trim_end().to_owned() + "\n"
    )
}

fn outcome(report: &Report<'_>) -> String {
    let rows = markdown::about(report);
    format!("## Outcome\n\n{}", table(["", ""], &rows))
}

fn gates(report: &Report<'_>) -> String {
    let gates = report.material.plan.gates.iter();
    let table = markdown::steps(report, gates.map(|gate| gate.id.as_str()));
    let none = "The plan has no gates.\n".to_owned();
    format!("## Gates\n\n{}", if table.is_empty() { none } else { table })
}

/// Returns who signed what is signed by people.
fn acknowledged(report: &Report<'_>) -> String {
    let signed = report.material.plan.all_steps().filter(|step| step.kind == Kind::SignOff);
    let rows: Vec<_> = signed
        .map(|step| {
            let said: Vec<_> = report
                .facts
                .said_of(&step.id)
                .map(|said| {
                    let (who, choice) = (said.people.join(" and "), said.choice.as_str());
                    let keys = said.keys.join(", ");
                    let key = if keys.is_empty() { "not signed".to_owned() } else { keys };
                    format!(
                        "{who} ({}) {choice} at {}: {} [{key}]",
                        said.role,
                        shown::second(said.at),
                        said.reason
                    )
                })
                .collect();
            let said = if said.is_empty() { "nobody yet".to_owned() } else { said.join("; ") };
            [
                plain(&step.id),
                plain(step.owners.join(", ")),
                plain(first_line(step)),
                verdict_word(&report.facts, step),
                plain(said),
            ]
        })
        .collect();
    let table = table(["Step", "Owner", "What", "Verdict", "Acknowledged by"], &rows);
    let none = "The plan has nothing that people sign.\n".to_owned();
    format!("## Owners who acknowledged\n\n{}", if table.is_empty() { none } else { table })
}

fn first_line(step: &PlannedStep) -> &str {
    step.text.lines().next().unwrap_or_default()
}

fn timeline(report: &Report<'_>) -> String {
    let plan = report.material.plan;
    let rest = plan.steps.iter().chain(&plan.triggers).chain(&plan.closing);
    let steps = markdown::steps(report, rest.map(|step| step.id.as_str()));
    format!("## Timeline\n\n{}\n{}", steps, markdown::turns(report).replacen("## ", "### ", 1))
}

fn rollback(report: &Report<'_>) -> String {
    let plan = report.material.plan;
    let mut out = String::from("## Rollback\n\n");
    if report.facts.back.is_none() {
        out.push_str("This run did not go back, and says nothing of how long that takes.\n");
        return out;
    }
    let ways = plan.rollback.primary.iter().chain(&plan.rollback.fallback);
    out.push_str(&markdown::steps(report, ways.map(|step| step.id.as_str())));
    for part in [markdown::times(report), markdown::clocks(report)] {
        if !part.is_empty() {
            out.push('\n');
            out.push_str(&part.replacen("## ", "### ", 1));
        }
    }
    out
}

/// Returns everything that was carried out or should have been, and is not PASS.
fn blockers(report: &Report<'_>) -> String {
    let (facts, plan) = (&report.facts, report.material.plan);
    let has_gone_back = facts.back.is_some();
    let back = plan.rollback.primary.iter().chain(&plan.rollback.fallback).map(|step| &step.id);
    let is_back: Vec<_> = back.collect();
    let mut rows: Vec<[String; 3]> = Vec::new();
    for step in plan.all_steps() {
        let is_idle = facts.attempts(&step.id).is_empty();
        // What is for a way back that was not taken blocks nothing, nor do triggers that never came.
        let is_spare = is_back.contains(&&step.id) && !has_gone_back
            || plan.triggers.iter().any(|trigger| trigger.id == step.id);
        let is_passed = facts.verdict(&step.id).is_some_and(Verdict::is_pass);
        let is_given_up = plan.steps.iter().any(|it| it.id == step.id) && gave_up(facts, &step.id);
        if is_passed || !step.carried_out || is_idle && is_spare || is_given_up {
            continue;
        }
        let text = facts.attempts(&step.id).last().map(|attempt| attempt.text.as_str());
        let text = plain(text.unwrap_or("It was not begun."));
        rows.push([plain(&step.id), verdict_word(facts, step), text]);
    }
    for guard in &plan.guards {
        let id = &guard.spec.id;
        match facts.last_judgement(id) {
            Some(judged) if judged.verdict.is_pass() => {}
            Some(judged) => {
                let text = plain(&judged.sentence);
                rows.push([plain(id), judged.verdict.to_string(), text]);
            }
            None => {
                let text = "It was never judged.".to_owned();
                rows.push([plain(id), "no verdict".to_owned(), text]);
            }
        }
    }
    if facts.ended.is_none() {
        let phase = word(facts.phase).to_owned();
        rows.push(["the run".to_owned(), phase, "It has not ended.".to_owned()]);
    }
    let table = table(["What", "Verdict", "Why"], &rows);
    let none = "None: everything that this run carries out is PASS.\n".to_owned();
    format!("## Blockers\n\n{}", if table.is_empty() { none } else { table })
}

/// Returns whether a run went back before a step was over, or begun: that is the way back's doing, and
/// what sent the run back stands there.
fn gave_up(facts: &Facts, step: &str) -> bool {
    let Some(back) = &facts.back else { return false };
    let last = facts.attempts(step).last();
    last.is_none_or(|attempt| attempt.ended_at.is_none_or(|ended| ended >= back.decided_at))
}

fn evidence_index(report: &Report<'_>) -> String {
    let whole = markdown::evidence(report);
    // What the top says is not said again.
    let at = whole.find("| Output |");
    let outputs = at.map_or("No step left anything behind.\n", |at| &whole[at..]);
    format!("## Evidence index\n\n{outputs}")
}
