//! Names: each is there once, each that is named is there, and nothing leads back to itself.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    model::{Runbook, Step},
    vocabulary::Kind,
};

/// Why something that is there can't be named all the same.
const ELSEWHERE: &str = "which is for another environment";

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    let mut first: BTreeMap<&str, &Step> = BTreeMap::new();
    for step in runbook.steps.iter().filter(|step| !step.id.is_empty()) {
        if let Some(before) = first.get(step.id.as_str()) {
            let mut text = format!("the id {} stands on line {} already", step.id, before.line);
            if step.at.is_some_and(|at| at.to_string() == step.id) {
                text.push_str("; of two rows at one time one needs `id=`");
            }
            findings.fault(step.line, "id-twice", text);
        } else {
            first.insert(&step.id, step);
        }
    }
    let mut guards: BTreeMap<&str, usize> = BTreeMap::new();
    for guard in &runbook.guards {
        if let Some(line) = guards.insert(&guard.spec.id, guard.line) {
            let text = format!("the guard {} stands on line {line} already", guard.spec.id);
            findings.fault(guard.line, "id-twice", text);
        }
    }
    for step in &runbook.steps {
        for (key, name) in step.links.steps() {
            let why = match first.get(name.as_str()) {
                None => "which is not there",
                Some(other) if runbook.is_here(step) && !runbook.is_here(other) => ELSEWHERE,
                Some(_) => continue,
            };
            let text = format!("{} names the step {name} under `{key}`, {why}", step.id);
            findings.fault(step.line, "unknown-step", text);
        }
        let again = step.links.of.iter().filter_map(|name| first.get(name.as_str()));
        for other in again {
            repeated(step, other, findings);
        }
        for name in &step.links.guards {
            let is_here = || runbook.guards_here().any(|guard| guard.spec.id == *name);
            let why = match guards.get(name.as_str()) {
                None => "which is not there",
                Some(_) if runbook.is_here(step) && !is_here() => ELSEWHERE,
                Some(_) => continue,
            };
            let text = format!("{} names the guard {name}, {why}", step.id);
            findings.fault(step.line, "unknown-guard", text);
        }
    }
    cycles(&first, findings);
}

/// Checks that a step can be done again as part of another one.
fn repeated(step: &Step, other: &Step, findings: &mut Findings) {
    let why = match other.class.filter(|class| class.is_grave()) {
        Some(class) => format!("which is `{class}` and must not be done twice"),
        None if other.kind == Kind::Repeat => "which repeats itself; name its steps".to_owned(),
        None => return,
    };
    let text = format!("{} repeats {}, {why}", step.id, other.id);
    findings.fault(step.line, "repeat", text);
}

/// What a search has made of a step.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Open,
    Done,
}

/// Finds steps that come to themselves by `of`, `with` and `after`; without recursion, since a chain
/// may be long.
fn cycles(steps: &BTreeMap<&str, &Step>, findings: &mut Findings) {
    let next = |step: &Step| -> Vec<String> {
        let links = &step.links;
        links.of.iter().chain(&links.with).chain(&links.after).cloned().collect()
    };
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for start in steps.keys() {
        if seen.contains_key(*start) {
            continue;
        }
        let mut stack = vec![((*start).to_owned(), 0)];
        while let Some((name, turn)) = stack.last_mut() {
            let Some(step) = steps.get(name.as_str()) else {
                stack.pop();
                continue;
            };
            seen.entry(name.clone()).or_insert(Seen::Open);
            let follow = next(step).get(*turn).cloned();
            *turn += 1;
            match follow {
                None => {
                    seen.insert(name.clone(), Seen::Done);
                    stack.pop();
                }
                Some(follow) => match seen.get(&follow) {
                    Some(Seen::Done) => {}
                    Some(Seen::Open) => {
                        let from = stack.iter().position(|(name, _)| *name == follow).unwrap_or(0);
                        let mut way: Vec<_> =
                            stack[from..].iter().map(|(n, _)| n.as_str()).collect();
                        way.push(&follow);
                        let line = steps.get(follow.as_str()).map_or(1, |step| step.line);
                        let text =
                            format!("steps refer to each other in a circle: {}", way.join(" → "));
                        findings.fault(line, "cycle", text);
                    }
                    None => stack.push((follow, 0)),
                },
            }
        }
    }
}
