//! Contents: each kind of step has what it needs, and nothing that it can't have.

use evidence::Secret;

use super::Findings;
use crate::{
    code::Form,
    code::form,
    model::{Runbook, Step},
    placeholder, secret,
    vocabulary::{Class, Kind, Section},
};

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    for step in &runbook.steps {
        needs(step, findings);
        allows(step, findings);
        class(runbook, step, findings);
        undo(step, findings);
        if runbook.is_here(step) {
            placeholders(runbook, step, findings);
        }
        secrets(step, findings);
        if step.traffic.is_some() && step.kind != Kind::Traffic {
            findings.fault(step.line, "fence", format!("{} gives no traffic", step.id));
        }
    }
}

/// Looks at what is carried out as it is filled in: a value may be a secret, or make one of an address.
fn secrets(step: &Step, findings: &mut Findings) {
    let content = &step.content;
    let undo = step.undo.iter();
    let commands = content.commands.iter().chain(undo.clone().flat_map(|undo| &undo.commands));
    let mut found: Vec<Secret> = commands.flat_map(|words| secret::in_command(words)).collect();
    let flags = content.flags.iter().map(|flag| format!("{}={}", flag.name, flag.value));
    let assertions = content.assertions.iter().map(|it| format!("{}={}", it.path, it.is));
    let others = content.targets.iter().chain(undo.flat_map(|undo| &undo.flags)).cloned();
    found.extend(flags.chain(assertions).chain(others).flat_map(|text| evidence::secrets(&text)));
    for secret in &found {
        findings.fault(step.line, "secret", secret::told(secret));
    }
}

fn needs(step: &Step, findings: &mut Findings) {
    let content = &step.content;
    let lacks = match step.kind {
        Kind::Command => content.commands.is_empty().then_some("a command as inline code"),
        Kind::Flag => content.flags.is_empty().then_some("a setting as inline code, `NAME=value`"),
        Kind::HttpExpect => {
            content.targets.is_empty().then_some("a path or an address as inline code")
        }
        Kind::Traffic => step.traffic.is_none().then_some("a `toml traffic` fence"),
        Kind::Guard => step.links.guards.is_empty().then_some("`guards=` in its mark"),
        Kind::Repeat => step.links.of.is_empty().then_some("`of=` in its mark"),
        Kind::Compare => step.links.with.is_empty().then_some("`with=` in its mark"),
        _ => None,
    };
    if let Some(lacks) = lacks {
        let text = format!("{} is a `{}` and lacks {lacks}", step.id, step.kind);
        findings.fault(step.line, "content-missing", text);
    }
    if step.section == Section::Timeline && step.at.is_none() {
        findings.fault(
            step.line,
            "time",
            format!("{} stands in a timeline and has no time", step.id),
        );
    }
}

/// What a kind does not do can't be hidden in it: a command under `sign-off` would be held to change
/// nothing.
fn allows(step: &Step, findings: &mut Findings) {
    let (content, kind) = (&step.content, step.kind);
    let held = [
        ("commands", !content.commands.is_empty(), kind.may_hold_commands()),
        ("settings", !content.flags.is_empty(), kind.may_hold_flags()),
    ];
    for (what, _, _) in held.into_iter().filter(|(_, is_there, may)| *is_there && !may) {
        let text = format!("{} is a `{kind}`, which holds no {what}", step.id);
        findings.fault(step.line, "content", text);
    }
}

fn class(runbook: &Runbook, step: &Step, findings: &mut Findings) {
    match (step.kind, step.class) {
        (Kind::Repeat, Some(_)) => {
            let text = format!("{} is of the class of what it repeats, and says one", step.id);
            findings.fault(step.line, "class", text);
        }
        (Kind::Repeat, None) => {}
        (kind, None) => {
            let text = format!(
                "{} is a `{kind}` and has no `class`: observe, converge, once or irreversible",
                step.id
            );
            findings.fault(step.line, "class", text);
        }
        (kind @ (Kind::Flag | Kind::Traffic), Some(Class::Observe)) => {
            let text = format!("{} is a `{kind}`, which changes something", step.id);
            findings.fault(step.line, "class", text);
        }
        _ => {}
    }
    if step.section == Section::Gates && runbook.changes(step) {
        let text = format!("{} is a gate and changes something", step.id);
        findings.fault(step.line, "class", text);
    }
}

fn undo(step: &Step, findings: &mut Findings) {
    let Some(undo) = &step.undo else { return };
    for flag in &undo.flags {
        // The text is not shown: it may hold a secret.
        let name = flag.split_once('=').map_or("", |(name, _)| name);
        if !matches!(form(&format!("{name}=")), Form::Flag(_)) {
            let text = format!("a setting that undoes {} is not `NAME=value`", step.id);
            findings.fault(step.line, "fence", text);
        }
    }
    if undo.commands.iter().any(|command| command.first().is_none_or(String::is_empty)) {
        findings.fault(
            step.line,
            "fence",
            format!("a command that undoes {} has no program", step.id),
        );
    }
}

/// What is still to be filled in must not be carried out.
fn placeholders(runbook: &Runbook, step: &Step, findings: &mut Findings) {
    let content = &step.content;
    let commands = content.commands.iter().flatten();
    let flags = content.flags.iter().map(|flag| &flag.value);
    let assertions = content.assertions.iter().map(|assertion| &assertion.is);
    let undo = step.undo.iter().flat_map(|undo| undo.commands.iter().flatten().chain(&undo.flags));
    let mut names: Vec<&str> = commands
        .chain(flags)
        .chain(&content.targets)
        .chain(assertions)
        .chain(undo)
        .flat_map(|text| placeholder::find(text))
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let text =
            format!("{} has the placeholder <{name}>; give it a value under `values`", step.id);
        findings.grave_in_production(runbook.front.mode, step.line, "placeholder", text);
    }
}
