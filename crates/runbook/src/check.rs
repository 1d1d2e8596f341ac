//! The rules of a runbook beyond its form. Every problem has the line that it comes from.

mod content;
mod guards;
mod links;
mod order;
mod people;

use std::collections::BTreeSet;

use crate::{
    model::Runbook,
    problem::{self, Problem},
    read, secret,
    source::Source,
    vocabulary::{Mode, Section},
};

/// What is asked for instead of what the document says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Another mode.
    pub mode: Option<Mode>,
    /// Another environment.
    pub environment: Option<String>,
}

/// Collects problems.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Problem>);

impl Findings {
    fn fault(&mut self, line: usize, rule: &'static str, text: impl Into<String>) {
        self.0.push(Problem::fault(line, rule, text));
    }

    fn warning(&mut self, line: usize, rule: &'static str, text: impl Into<String>) {
        self.0.push(Problem::warning(line, rule, text));
    }

    /// A fault in production, else a warning.
    fn grave_in_production(
        &mut self,
        mode: Mode,
        line: usize,
        rule: &'static str,
        text: impl Into<String>,
    ) {
        match mode {
            Mode::Production => self.fault(line, rule, text),
            Mode::Readiness | Mode::Rehearsal => self.warning(line, rule, text),
        }
    }
}

/// Returns all that is wrong with a runbook, by line.
pub fn lint(text: &str, options: &Options) -> Vec<Problem> {
    checked(text, options).1
}

/// Reads a runbook and checks it; there is none where a limit is not kept.
pub(crate) fn checked(text: &str, options: &Options) -> (Option<Runbook>, Vec<Problem>) {
    let (mut runbook, problems) = match read::read(text) {
        Ok(read) => read,
        Err(problem) => return (None, vec![problem]),
    };
    if let Some(mode) = options.mode {
        runbook.front.mode = mode;
    }
    if options.environment.is_some() {
        runbook.front.environment.clone_from(&options.environment);
    }
    let mut findings = Findings(problems);
    let secrets = evidence::secrets(text);
    if let Ok(source) = Source::new(text) {
        findings.0.extend(secret::named(&source, &secrets));
    }
    shape(&runbook, &mut findings);
    links::check(&runbook, &mut findings);
    people::check(&runbook, &mut findings);
    content::check(&runbook, &mut findings);
    order::check(&runbook, &mut findings);
    guards::check(&runbook, &mut findings);
    let mut problems = findings.0;
    problems.sort_by(|a, b| (a.line, a.severity, a.rule).cmp(&(b.line, b.severity, b.rule)));
    let mut problems = problem::bounded(problems);
    secret::hide(text, &secrets, &mut problems);
    problems.dedup();
    (Some(runbook), problems)
}

/// Where sections are for environments, the run's is one of them: a wrong name would leave all of them
/// out, gates too.
fn environment(runbook: &Runbook, findings: &mut Findings) {
    let parts = || runbook.sections.iter().filter(|part| part.environment.is_some());
    let named: BTreeSet<&str> = parts().filter_map(|part| part.environment.as_deref()).collect();
    let Some(first) = parts().next() else { return };
    let text = match &runbook.front.environment {
        None => "the section is for one environment, and the front matter names none".to_owned(),
        Some(ours) if named.contains(ours.as_str()) => return,
        Some(ours) => {
            let named: Vec<_> = named.into_iter().collect();
            format!("no section is for `{ours}`; sections are for {}", named.join(", "))
        }
    };
    findings.fault(first.line, "environment", text);
}

fn shape(runbook: &Runbook, findings: &mut Findings) {
    environment(runbook, findings);
    let has = |section| runbook.steps.iter().any(|s| s.section == section && runbook.is_here(s));
    if !has(Section::Steps) && !has(Section::Timeline) && !has(Section::Gates) {
        findings.fault(
            runbook.title_line,
            "empty",
            "there is no step: mark a section as `gates`, `timeline` or `steps`",
        );
    }
}
