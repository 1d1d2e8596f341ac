//! From a runbook without faults to its plan.

use super::{FORMAT, Plan, PlannedGuard, PlannedPerson, PlannedRole, PlannedStep, UndoBy, Ways};
use crate::{
    Class, Content, Flag, Mode, Section, Undo, Way, detect,
    front::Person,
    model::{Runbook, Step},
    rto,
};

pub(super) fn build(runbook: &Runbook) -> Plan {
    let steps = |is_in: &dyn Fn(&Step) -> bool| -> Vec<PlannedStep> {
        let here = runbook.steps.iter().filter(|step| runbook.is_here(step) && is_in(step));
        here.map(|step| planned(runbook, step)).collect()
    };
    let section = |section| move |step: &Step| step.section == section;
    let back = |way| move |step: &Step| step.section == Section::Rollback && step.way == way;
    let run = steps(&|step| matches!(step.section, Section::Steps | Section::Timeline));
    let mut primary = own_undos(runbook);
    primary.extend(steps(&back(Way::Primary)));
    let (fallback, after) = (steps(&back(Way::Fallback)), steps(&back(Way::After)));
    let rollback = Ways { primary, fallback, after };
    // The way back may have such a step as well; elsewhere it is a fault.
    let point_of_no_return = run
        .iter()
        .chain(&rollback.primary)
        .chain(&rollback.fallback)
        .chain(&rollback.after)
        .find(|step| step.class == Class::Irreversible && step.carried_out)
        .map(|step| step.id.clone());
    let front = &runbook.front;
    Plan {
        format: FORMAT,
        runbook: runbook.title.clone(),
        source: runbook.source,
        mode: front.mode,
        environment: front.environment.clone(),
        window_s: front.window.map(|window| window.seconds()),
        alpha: front.alpha.get(),
        roles: roles(runbook),
        gates: steps(&section(Section::Gates)),
        guards: guards(runbook, &run),
        steps: run,
        triggers: steps(&section(Section::Triggers)),
        rollback,
        closing: steps(&|step| matches!(step.section, Section::Checklist | Section::Criteria)),
        point_of_no_return,
        rto: rto::rto(runbook),
        rto_promised_s: front.rto.map(|rto| rto.seconds()),
    }
}

fn roles(runbook: &Runbook) -> Vec<PlannedRole> {
    let roles = runbook.front.roles.iter().map(|(role, who)| PlannedRole {
        role: role.clone(),
        people: who.people.iter().map(person).collect(),
    });
    roles.collect()
}

fn person(person: &Person) -> PlannedPerson {
    PlannedPerson { name: person.name.clone(), key: person.key.clone() }
}

fn guards(runbook: &Runbook, run: &[PlannedStep]) -> Vec<PlannedGuard> {
    let first = || run.iter().find(|step| step.class.changes()).map(|step| step.id.clone());
    let guards = runbook.guards_here().filter_map(|guard| {
        let sees = detect::detection(runbook, guard)?;
        let armed_from = guard.spec.watch.clone().or_else(first);
        Some(PlannedGuard { spec: guard.spec.clone(), armed_from, sees })
    });
    guards.collect()
}

fn planned(runbook: &Runbook, step: &Step) -> PlannedStep {
    let class = runbook.effective_class(step).unwrap_or(Class::Observe);
    PlannedStep {
        id: step.id.clone(),
        at: step.at,
        kind: step.kind,
        class,
        carried_out: runbook.front.mode != Mode::Readiness || !class.changes(),
        owners: step.owners.clone(),
        within_s: rto::within_s(runbook, step),
        text: step.text.clone(),
        pass: step.pass.clone(),
        output: step.output.clone(),
        content: step.content.clone(),
        repeats: step.links.of.clone(),
        compares: step.links.with.clone(),
        guards: step.links.guards.clone(),
        certificate: step.certificate.clone(),
        after: step.links.after.clone(),
        traffic: step.traffic.clone(),
        undo: undo(step, class),
        undoes: None,
    }
}

/// Returns what steps bring along to take themselves back, as the beginning of the way back: the last
/// one that was done is taken back first.
fn own_undos(runbook: &Runbook) -> Vec<PlannedStep> {
    let steps = runbook.steps.iter().rev().filter(|step| runbook.is_here(step));
    let undos = steps.filter_map(|step| {
        let planned = planned(runbook, step);
        let UndoBy::Own(undo) = &planned.undo else { return None };
        Some(taking_back(&planned, undo))
    });
    undos.collect()
}

fn taking_back(step: &PlannedStep, undo: &Undo) -> PlannedStep {
    let kind = undo.kind();
    let flags = undo.flags.iter().map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Flag { name: name.to_owned(), value: value.to_owned() }
    });
    let content =
        Content { commands: undo.commands.clone(), flags: flags.collect(), ..Content::default() };
    PlannedStep {
        // No step of a document can be called so.
        id: format!("undo:{}", step.id),
        at: None,
        kind,
        class: step.class,
        carried_out: step.carried_out,
        owners: step.owners.clone(),
        within_s: kind.within_s(),
        text: undo.what.clone(),
        pass: None,
        output: None,
        content,
        repeats: Vec::new(),
        compares: Vec::new(),
        guards: Vec::new(),
        certificate: None,
        after: Vec::new(),
        traffic: None,
        undo: UndoBy::Nothing,
        undoes: Some(step.id.clone()),
    }
}

fn undo(step: &Step, class: Class) -> UndoBy {
    let is_way_back = matches!(step.section, Section::Rollback | Section::Checklist);
    match (class, &step.undo) {
        (Class::Observe, _) => UndoBy::Nothing,
        (Class::Irreversible, _) => UndoBy::Impossible,
        (_, Some(undo)) => UndoBy::Own(undo.clone()),
        _ if !step.links.undo.is_empty() => UndoBy::Steps(step.links.undo.clone()),
        _ if is_way_back => UndoBy::Nothing,
        _ => UndoBy::Rollback,
    }
}
