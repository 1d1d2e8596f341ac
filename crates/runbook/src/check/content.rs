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
        certificate(step, findings);
        allows(step, findings);
        class(runbook, step, findings);
        undo(step, findings);
        if runbook.is_here(step) {
            placeholders(runbook, step, findings);
        }
        secrets(step, findings);
        if step.traffic.is_some() && step.kind != Kind::Traffic {
            findings.fault(step.line, "fence", format!("{} gives no traffic", step.name()));
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

/// A certificate is asked for by a gate that a person signs: what is looked at stands beside their word.
fn certificate(step: &Step, findings: &mut Findings) {
    let Some(name) = &step.certificate else { return };
    if step.section != Section::Gates || step.kind != Kind::SignOff {
        let text = format!(
            "{} asks for a certificate; a gate of the kind `sign-off` does, and no other step",
            step.name()
        );
        findings.fault(step.line, "certificate", text);
    }
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.len() > 40 || !name.bytes().all(is_inner) {
        let text = format!(
            "`{name}` names no certificate: lower-case letters, digits and `-`, 40 at most, as under \
             [certificates] of the environment's file"
        );
        findings.fault(step.line, "certificate", text);
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
    if let Some(lacks) = lacks.filter(|_| !step.refused.code) {
        let text = format!("{} is a `{}` and lacks {lacks}", step.name(), step.kind);
        findings.fault(step.line, "content-missing", text);
    }
    if step.section == Section::Timeline && step.at.is_none() && !step.refused.time {
        findings.fault(
            step.line,
            "time",
            format!("{} stands in a timeline and has no time", step.name()),
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
        ("assertions", !content.assertions.is_empty(), kind != Kind::Flag),
    ];
    for (what, _, _) in held.into_iter().filter(|(_, is_there, may)| *is_there && !may) {
        let text = format!("{} is a `{kind}`, which holds no {what}", step.name());
        findings.fault(step.line, "content", text);
    }
}

fn class(runbook: &Runbook, step: &Step, findings: &mut Findings) {
    match (step.kind, step.class) {
        (Kind::Repeat, Some(_)) => {
            let text = format!("{} is of the class of what it repeats, and says one", step.name());
            findings.fault(step.line, "class", text);
        }
        (Kind::Repeat, None) => {}
        (kind, None) => {
            let text = format!(
                "{} is a `{kind}` and has no `class`: observe, converge, once or irreversible",
                step.name()
            );
            findings.fault(step.line, "class", text);
        }
        (kind @ (Kind::Flag | Kind::Traffic), Some(Class::Observe)) => {
            let text = format!("{} is a `{kind}`, which changes something", step.name());
            findings.fault(step.line, "class", text);
        }
        _ => {}
    }
    if step.section == Section::Gates && runbook.changes(step) {
        let text = format!("{} is a gate and changes something", step.name());
        findings.fault(step.line, "class", text);
    }
}

fn undo(step: &Step, findings: &mut Findings) {
    let Some(undo) = &step.undo else { return };
    for flag in &undo.flags {
        // The text is not shown: it may hold a secret.
        let name = flag.split_once('=').map_or("", |(name, _)| name);
        if !matches!(form(&format!("{name}=")), Form::Flag(_)) {
            let text = format!("a setting that undoes {} is not `NAME=value`", step.name());
            findings.fault(step.line, "fence", text);
        }
    }
    if undo.commands.iter().any(|command| command.first().is_none_or(String::is_empty)) {
        findings.fault(
            step.line,
            "fence",
            format!("a command that undoes {} has no program", step.name()),
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
    let looked_at = || flags.clone().chain(&content.targets).chain(assertions.clone());
    let filled = commands.chain(looked_at()).chain(undo);
    // What a text says of a placeholder that has a value is right; and an owner's role is none.
    let front = &runbook.front;
    let is_known =
        |name: &&str| front.values.contains_key(*name) || front.roles.contains_key(*name);
    let said = step.undo.iter().map(|undo| &undo.what);
    let said = said.chain(step.pass.iter()).chain(step.output.iter()).chain([&step.text]);
    let said = said.flat_map(|text| placeholder::in_text(text)).filter(|name| !is_known(name));
    let mut names: Vec<&str> =
        filled.flat_map(|text| placeholder::find(text)).chain(said).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let text =
            format!("{} has the placeholder <{name}>; {}", step.name(), placeholder::remedy(name));
        findings.grave_in_production(front.mode, step.line, "placeholder", text);
    }
    if looked_at().any(|text| placeholder::is_template(text)) {
        let text =
            format!("{} has a `$NAME` or a `{{{{ name }}}}`, which nothing fills in", step.name());
        findings.grave_in_production(front.mode, step.line, "placeholder", text);
    }
}
