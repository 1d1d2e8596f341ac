//! Order: times do not go back, and there is a way back for what is changed.

use super::Findings;
use crate::{
    model::{Runbook, Step},
    rto,
    vocabulary::{Class, Length, Mode, Section, Way},
};

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    times(runbook, findings);
    after(runbook, findings);
    way_back(runbook, findings);
    no_return(runbook, findings);
    promise(runbook, findings);
    let (worst, Some(promised)) = (rto::rto(runbook).worst_s, runbook.front.rto) else { return };
    if worst > promised.seconds() {
        let worst = Length::of_seconds(worst);
        let text = format!("the way back may take {worst}, the runbook promises {promised}");
        findings.grave_in_production(runbook.front.mode, 1, "rto", text);
    }
}

/// What can't be undone stands where the plan shows from which step on there is no return.
fn no_return(runbook: &Runbook, findings: &mut Findings) {
    let is_hidden = |step: &&Step| {
        matches!(step.section, Section::Triggers | Section::Checklist | Section::Criteria)
            && runbook.effective_class(step) == Some(Class::Irreversible)
    };
    for step in runbook.steps.iter().filter(is_hidden) {
        let text = format!(
            "{} is `irreversible` and stands under `{}`; such a step stands under `steps` or `timeline`",
            step.id, step.section
        );
        findings.fault(step.line, "class", text);
    }
}

/// A promise of how soon the run is back is one about steps that take their time.
fn promise(runbook: &Runbook, findings: &mut Findings) {
    for step in runbook.steps.iter().filter(|step| step.within == Some(Length::default())) {
        let text = format!("{} takes its time: `within` is more than 0s", step.id);
        findings.fault(step.line, "time", text);
    }
    let (window, rto) = (runbook.front.window, runbook.front.rto);
    for (name, length) in [("window", window), ("rto", rto)] {
        if length == Some(Length::default()) {
            findings.fault(1, "front-matter", format!("`{name}` is more than 0s"));
        }
    }
    let is_back = |step: &Step| step.section == Section::Rollback && runbook.is_here(step);
    if let Some(rto) = rto.filter(|_| !runbook.steps.iter().any(is_back)) {
        let text =
            format!("the runbook promises a way back within {rto}, and no section is `rollback`");
        findings.fault(1, "rto", text);
    }
}

fn is_run(step: &Step) -> bool {
    matches!(step.section, Section::Steps | Section::Timeline)
}

fn times(runbook: &Runbook, findings: &mut Findings) {
    let run = runbook.steps.iter().filter(|step| is_run(step) && runbook.is_here(step));
    let timed: Vec<_> = run.filter_map(|step| Some((step, step.at?))).collect();
    for pair in timed.windows(2) {
        let ((before, earlier), (step, at)) = (pair[0], pair[1]);
        if at < earlier {
            let text = format!("{} is at {at}, behind {} at {earlier}", step.id, before.id);
            findings.fault(step.line, "time-order", text);
        }
    }
    let Some(window) = runbook.front.window else { return };
    let here = runbook.steps.iter().filter(|step| runbook.is_here(step));
    let minutes: Vec<_> = here.filter_map(|step| step.at).collect();
    if let (Some(first), Some(last)) = (minutes.iter().min(), minutes.iter().max()) {
        let seconds = u64::from(first.minutes().abs_diff(last.minutes())) * 60;
        if seconds > window.seconds() {
            let text = format!("{first} to {last} is longer than the window of {window}");
            findings.fault(1, "window", text);
        }
    }
}

/// What comes after another stands behind it.
fn after(runbook: &Runbook, findings: &mut Findings) {
    let place = |id: &str| runbook.steps.iter().position(|step| step.id == id);
    for (index, step) in runbook.steps.iter().enumerate() {
        for name in &step.links.after {
            if place(name).is_some_and(|other| other > index) {
                let text = format!("{} comes after {name}, which stands behind it", step.id);
                findings.fault(step.line, "order", text);
            }
        }
    }
}

/// What is changed can be taken back, by itself or by the primary way back.
fn way_back(runbook: &Runbook, findings: &mut Findings) {
    let is_back = |step: &Step| step.section == Section::Rollback && runbook.is_here(step);
    let primary = runbook.steps.iter().any(|step| is_back(step) && step.way == Way::Primary);
    let fallback = runbook.steps.iter().any(|step| is_back(step) && step.way == Way::Fallback);
    if fallback && !primary {
        findings.fault(1, "no-rollback", "there is a fallback and no primary way back");
    }
    let changing = |step: &&Step| {
        let class = runbook.effective_class(step);
        let is_change = matches!(class, Some(Class::Converge | Class::Once));
        is_run(step) && is_change && runbook.is_here(step)
    };
    let naked = |step: &&Step| step.undo.is_none() && step.links.undo.is_empty();
    if !primary && runbook.front.mode != Mode::Readiness {
        for step in runbook.steps.iter().filter(changing).filter(naked) {
            let text = format!("{} changes something, and nothing takes it back", step.id);
            findings.fault(step.line, "no-rollback", text);
        }
    }
    for step in &runbook.steps {
        for name in &step.links.undo {
            if runbook.step(name).is_some_and(|other| other.section != Section::Rollback) {
                let text =
                    format!("{} is undone by {name}, which is no step of a way back", step.id);
                findings.fault(step.line, "no-rollback", text);
            }
        }
    }
}
