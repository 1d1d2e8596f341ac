//! Owners: each step has one, each role is known, and in production each is a person; who approves is
//! not all of who does it.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    front::Person,
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
    keys(runbook, findings);
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

fn people<'r>(runbook: &'r Runbook, step: &'r Step) -> impl Iterator<Item = &'r Person> {
    let roles = step.owners.iter().filter_map(|owner| runbook.front.roles.get(owner));
    roles.flat_map(|role| &role.people)
}

/// A key stands for one person: under two names it would make two of them.
fn keys(runbook: &Runbook, findings: &mut Findings) {
    let mut names: BTreeMap<[u8; 32], &str> = BTreeMap::new();
    for role in runbook.front.roles.values() {
        for person in &role.people {
            let Some(key) = &person.key else { continue };
            let first = *names.entry(*key.public()).or_insert(&person.name);
            if first != person.name {
                let (id, name) = (key.key_id(), &person.name);
                let text = format!("the key {id} of {name} stands under {first} too");
                findings.fault(role.line, "key-twice", text);
            }
        }
    }
}

/// A decision needs a person that changes nothing in the run, and keys to sign it.
fn approvers(runbook: &Runbook, findings: &mut Findings) {
    let here = || runbook.steps.iter().filter(|step| runbook.is_here(step));
    // As in `Plan::operators`.
    let is_run = |step: &&Step| step.section != Section::Rollback;
    let changes = |step: &&Step| runbook.changes(step);
    let changing = || here().filter(is_run).filter(changes);
    let operators: Vec<&Person> = changing().flat_map(|step| people(runbook, step)).collect();
    let is_operator = |person: &Person| operators.iter().any(|operator| operator.is(person));
    // Whoever sees the need may send a run back.
    let is_to_go_on = |step: &Step| step.section != Section::Triggers;
    let decisions = || here().filter(|step| step.kind == Kind::Decision);
    if let (false, Some(first)) = (decisions().any(is_to_go_on), changing().next()) {
        let text = format!(
            "{} changes something in production, and nobody decides: add a step with `run: decision`",
            first.id
        );
        findings.fault(first.line, "approver", text);
    }
    for step in decisions() {
        if is_to_go_on(step) && people(runbook, step).all(is_operator) {
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
