//! Owners: each step has one, each role is known, and in production each is a person; who approves is
//! not all of who does it.

use std::collections::BTreeMap;

use evidence::is_visible;

use super::Findings;
use crate::{
    front::Person,
    model::{Runbook, Step},
    placeholder,
    vocabulary::{Kind, Mode, Section},
};

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    for step in &runbook.steps {
        if step.owners.is_empty() {
            let what = match step.section {
                Section::Gates => "gate",
                _ => "step",
            };
            findings.fault(
                step.line,
                "owner-missing",
                format!("{what} {} has no owner", step.name()),
            );
        }
        for owner in &step.owners {
            if !runbook.front.roles.contains_key(owner) {
                let text =
                    format!("{} is owned by `{owner}`, which is none of the roles", step.name());
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
    for (name, role) in &runbook.front.roles {
        for person in role.people.iter().filter(|person| person.name.contains(|c| !is_visible(c))) {
            let text = format!(
                "the role `{name}` is of {}, whose name has something that can't be seen",
                person.name
            );
            findings.grave_in_production(mode, role.line, "name", text);
        }
    }
    let front = &runbook.front;
    if front.environment.as_deref().is_some_and(placeholder::is_stand_in) {
        let text = "the environment is still a placeholder";
        findings.grave_in_production(mode, front.line("environment"), "placeholder", text);
    }
    for name in placeholder::in_text(&runbook.title) {
        let text = format!("the title has the placeholder <{name}>");
        findings.grave_in_production(mode, runbook.title_line, "placeholder", text);
    }
    if mode == Mode::Production {
        approvers(runbook, findings);
        words(runbook, findings);
    }
}

/// What passes by a person's word is signed by one of its owners.
fn words(runbook: &Runbook, findings: &mut Findings) {
    let is_word = |step: &&Step| matches!(step.kind, Kind::SignOff | Kind::External);
    let here = runbook.steps.iter().filter(|step| runbook.is_here(step));
    for step in here.filter(is_word) {
        if people(runbook, step).all(|person| person.key.is_none()) {
            let text = format!("{} passes by the word of an owner, and none has a key", step.id);
            findings.fault(step.line, "key-missing", text);
        }
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

/// Returns the gates and the steps of a run in the order in which they are done.
fn run(runbook: &Runbook) -> impl Iterator<Item = &Step> {
    let of = |is_in: fn(Section) -> bool| {
        let here = runbook.steps.iter().filter(|step| runbook.is_here(step));
        here.filter(move |step| is_in(step.section))
    };
    let is_run = |section| matches!(section, Section::Steps | Section::Timeline);
    of(|section| section == Section::Gates).chain(of(is_run))
}

/// Returns the steps of a run that change something, the way back left out: those of whom
/// [`Plan::operators`](crate::Plan::operators) are the people.
fn changing(runbook: &Runbook) -> impl Iterator<Item = &Step> {
    let is_run = |step: &&Step| step.section != Section::Rollback && runbook.is_here(step);
    runbook.steps.iter().filter(is_run).filter(|step| runbook.changes(step))
}

/// Somebody decides to go on before anything is changed, and something has to hold before and during.
fn undecided(runbook: &Runbook, findings: &mut Findings) {
    let elsewhere = || changing(runbook).next();
    let Some(first) = run(runbook).find(|step| runbook.changes(step)).or_else(elsewhere) else {
        return;
    };
    let is_decision = |step: &&Step| step.kind == Kind::Decision;
    let until_then = run(runbook).take_while(|step| step.line != first.line);
    let (early, any) =
        (until_then.into_iter().any(|s| is_decision(&s)), run(runbook).find(is_decision));
    let text = match any {
        _ if early => None,
        None => Some("and nobody decides: add a step with `run: decision`".to_owned()),
        Some(late) => Some(format!("and {} decides behind it, on line {}", late.id, late.line)),
    };
    if let Some(text) = text {
        let text = format!("{} changes something in production, {text}", first.id);
        findings.fault(first.line, "approver", text);
    }
    if !run(runbook).any(|step| step.section == Section::Gates) {
        let text =
            format!("{} changes something in production, and no gate has to pass before", first.id);
        findings.warning(first.line, "no-gate", text);
    }
    if runbook.guards_here().next().is_none() {
        let text =
            format!("{} changes something in production, and no guard watches the run", first.id);
        findings.warning(first.line, "no-guard", text);
    }
}

/// A decision needs a person that changes nothing in the run, and keys to sign it.
fn approvers(runbook: &Runbook, findings: &mut Findings) {
    let here = || runbook.steps.iter().filter(|step| runbook.is_here(step));
    let operators: Vec<&Person> =
        changing(runbook).flat_map(|step| people(runbook, step)).collect();
    let is_operator = |person: &Person| operators.iter().any(|operator| operator.is(person));
    // Whoever sees the need may send a run back.
    let is_to_go_on = |step: &Step| step.section != Section::Triggers;
    let decisions = || here().filter(|step| step.kind == Kind::Decision);
    undecided(runbook, findings);
    for step in decisions() {
        if is_to_go_on(step) && people(runbook, step).all(is_operator) {
            let text =
                format!("{} is decided by nobody but those who carry the run out", step.name());
            findings.fault(step.line, "approver", text);
        }
        let roles = step.owners.iter().filter_map(|owner| runbook.front.roles.get(owner));
        for person in roles.flat_map(|role| &role.people).filter(|person| person.key.is_none()) {
            let text = format!("{} is decided by {}, who has no key", step.name(), person.name);
            findings.fault(step.line, "key-missing", text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Options, check, plan};

    #[test]
    fn operators_are_those_of_the_plan() {
        for text in [
            include_str!("../../../../runbooks/ws3-redis-cutover.run.md"),
            include_str!("../../../../runbooks/ws3-sse-broker.run.md"),
            include_str!("../../../../runbooks/runtime-cutover.run.md"),
            include_str!("../../../../runbooks/rollback-rehearsal.run.md"),
            include_str!("../../../../runbooks/step22-production-cutover.run.md"),
        ] {
            let options = Options { mode: Some(Mode::Rehearsal), environment: None };
            let runbook = check::checked(text, &options).0.unwrap();
            let ours = changing(&runbook).flat_map(|step| people(&runbook, step));
            let ours: BTreeSet<_> = ours.map(|person| person.name.clone()).collect();
            let plan = plan(text, &options).plan.unwrap();
            let planned = plan.operators().map(|person| person.name.clone());
            assert_eq!(ours, planned.collect());
            assert!(!ours.is_empty());
        }
    }
}
