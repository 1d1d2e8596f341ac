//! Owners: each step has one, each role is known, and in production each is a person; who approves is
//! not all of who does it.

use std::collections::BTreeSet;

use super::Findings;
use crate::{
    model::{Runbook, Step},
    vocabulary::{Kind, Mode, Section},
};

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    for step in &runbook.steps {
        if step.owners.is_empty() {
            let what = match step.section {
                Section::Gates => "gate",
                _ => "step",
            };
            findings.fault(step.line, "owner-missing", format!("{what} {} has no owner", step.id));
        }
        for owner in &step.owners {
            if !runbook.front.roles.contains_key(owner) {
                let text = format!("{} is owned by `{owner}`, which is none of the roles", step.id);
                findings.fault(step.line, "role-unknown", text);
            }
        }
    }
    let mode = runbook.front.mode;
    for (name, role) in &runbook.front.roles {
        for person in role.people.iter().filter(|person| person.is_placeholder()) {
            let text = format!("the role `{name}` is still the placeholder {}", person.name);
            findings.grave_in_production(mode, role.line, "placeholder", text);
        }
    }
    if mode == Mode::Production {
        approvers(runbook, findings);
    }
}

fn people<'r>(runbook: &'r Runbook, step: &'r Step) -> impl Iterator<Item = &'r str> {
    let roles = step.owners.iter().filter_map(|owner| runbook.front.roles.get(owner));
    roles.flat_map(|role| &role.people).map(|person| person.name.as_str())
}

/// A decision needs a person that changes nothing in the run, and keys to sign it.
fn approvers(runbook: &Runbook, findings: &mut Findings) {
    let here = || runbook.steps.iter().filter(|step| runbook.is_here(step));
    let is_run = |step: &&Step| !matches!(step.section, Section::Rollback | Section::Checklist);
    let changes = |step: &&Step| runbook.changes(step);
    let changing = || here().filter(is_run).filter(changes);
    let operators: BTreeSet<&str> = changing().flat_map(|step| people(runbook, step)).collect();
    let mut decisions = here().filter(|step| step.kind == Kind::Decision).peekable();
    if let (None, Some(first)) = (decisions.peek(), changing().next()) {
        let text = format!(
            "{} changes something in production, and nobody decides: add a step with `run: decision`",
            first.id
        );
        findings.fault(first.line, "approver", text);
    }
    for step in decisions {
        // Whoever sees the need may send a run back.
        let is_to_go_on = step.section != Section::Triggers;
        if is_to_go_on && people(runbook, step).all(|person| operators.contains(person)) {
            let text = format!("{} is decided by nobody but those who carry the run out", step.id);
            findings.fault(step.line, "approver", text);
        }
        let roles = step.owners.iter().filter_map(|owner| runbook.front.roles.get(owner));
        for person in roles.flat_map(|role| &role.people).filter(|person| person.key.is_none()) {
            let text = format!("{} is decided by {}, who has no key", step.id, person.name);
            findings.fault(step.line, "key-missing", text);
        }
    }
}
