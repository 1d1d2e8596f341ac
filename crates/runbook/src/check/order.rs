//! Order: times do not go back, and there is a way back for what is changed.

use super::Findings;
use crate::{
    model::{Runbook, Step},
    rto,
    vocabulary::{Class, Length, Mode, Section, Way},
};

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    times(runbook, findings);
    overruns(runbook, findings);
    after(runbook, findings);
    way_back(runbook, findings);
    no_return(runbook, findings);
    promise(runbook, findings);
    let (worst, Some(promised)) = (rto::rto(runbook).worst_s, runbook.front.rto) else { return };
    if worst > promised.seconds() {
        let worst = Length::of_seconds(worst);
        let text = format!("the way back may take {worst}, the runbook promises {promised}");
        findings.grave_in_production(runbook.front.mode, runbook.front.line("rto"), "rto", text);
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
            let line = runbook.front.line(name);
            findings.fault(line, "front-matter", format!("`{name}` is more than 0s"));
        }
    }
    let is_back = |step: &Step| is_way_back(step) && runbook.is_here(step);
    let is_there = runbook.steps.iter().any(is_back) || rto::rto(runbook).worst_s > 0;
    if let Some(rto) = rto.filter(|_| !is_there) {
        let text =
            format!("the runbook promises a way back within {rto}, and no section is `rollback`");
        findings.fault(runbook.front.line("rto"), "rto", text);
    }
}

/// Returns whether a step belongs to a way back, and not only behind it.
fn is_way_back(step: &Step) -> bool {
    step.section == Section::Rollback && step.way != Way::After
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
            findings.fault(runbook.front.line("window"), "window", text);
        }
    }
}

/// When in a run the steps of a section are done; of a way back nobody knows.
fn stage(step: &Step) -> Option<u8> {
    match step.section {
        Section::Gates => Some(0),
        Section::Steps | Section::Timeline => Some(1),
        Section::Triggers => Some(2),
        Section::Checklist | Section::Criteria => Some(3),
        Section::Rollback => None,
    }
}

/// What comes after another, or is compared with it, is done behind it.
fn after(runbook: &Runbook, findings: &mut Findings) {
    for (index, step) in runbook.steps.iter().enumerate() {
        for name in &step.links.after {
            let Some(place) = runbook.place(name) else { continue };
            let other = &runbook.steps[place];
            let why = match (stage(step), stage(other)) {
                (Some(ours), Some(theirs)) if theirs > ours => "which is done behind it",
                (Some(ours), Some(theirs)) if theirs < ours => continue,
                (Some(_), None) => "which is a step of the way back",
                (None, Some(_)) => "which may not be done when the way back begins",
                (None, None) if step.way != other.way => "which is a step of the other way back",
                _ if place > index => "which stands behind it",
                _ => continue,
            };
            let text = format!("{} comes after {name}, {why}", step.id);
            findings.fault(step.line, "order", text);
        }
        for name in &step.links.with {
            let place = runbook.place(name).filter(|place| *place > index);
            let other = place.map(|place| &runbook.steps[place]);
            let is_later = |other: &Step| stage(step).is_some() && stage(other) >= stage(step);
            if other.is_some_and(is_later) {
                let text = format!("{} compares with {name}, which is done behind it", step.id);
                findings.fault(step.line, "order", text);
            }
        }
    }
}

/// What takes longer than the time until the next step moves all that comes behind it.
fn overruns(runbook: &Runbook, findings: &mut Findings) {
    let mut until: Option<i64> = None;
    for step in runbook.steps.iter().filter(|step| is_run(step) && runbook.is_here(step)) {
        let at = step.at.map(|at| i64::from(at.minutes()) * 60);
        if let (Some(until), Some(start), Some(at)) = (until, at, step.at)
            && until > start
        {
            let late = Length::of_seconds((until - start).unsigned_abs());
            let text =
                format!("{} is at {at}, and what comes before it may take {late} longer", step.id);
            findings.warning(step.line, "overrun", text);
        }
        let taken = i64::try_from(rto::within_s(runbook, step)).unwrap_or(i64::MAX);
        until = at.or(until).map(|start| start.saturating_add(taken));
    }
}

/// What is changed can be taken back, by itself or by the primary way back.
fn way_back(runbook: &Runbook, findings: &mut Findings) {
    let is_back = |step: &Step| step.section == Section::Rollback && runbook.is_here(step);
    let primary = runbook.steps.iter().any(|step| is_back(step) && step.way == Way::Primary);
    let fallback = runbook.steps.iter().find(|step| is_back(step) && step.way == Way::Fallback);
    if let Some(step) = fallback.filter(|_| !primary) {
        findings.fault(step.line, "no-rollback", "there is a fallback and no primary way back");
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
            if runbook.step(name).is_some_and(|other| !is_way_back(other)) {
                let text =
                    format!("{} is undone by {name}, which is no step of a way back", step.id);
                findings.fault(step.line, "no-rollback", text);
            }
        }
    }
}
