//! Guards: each has the numbers that its measure needs, and watches what is there.

use guard::{Share, ShortNumber};

use super::Findings;
use crate::{
    detect,
    fence::{Rate, Traffic},
    model::{Guard, Runbook},
    placeholder, secret,
    vocabulary::{Kind, Length, Measure},
};

pub(super) fn check(runbook: &Runbook, findings: &mut Findings) {
    for step in &runbook.steps {
        if let Some(traffic) = &step.traffic {
            check_traffic(step.line, traffic, findings);
        }
    }
    for guard in &runbook.guards {
        texts(runbook, guard, findings);
        let before = findings.0.len();
        check_guard(runbook, guard, findings);
        // What a guard with faults can see is not asked.
        if findings.0.len() == before {
            check_sight(runbook, guard, findings);
        }
    }
}

/// Looks at a guard's texts as they are filled in.
fn texts(runbook: &Runbook, guard: &Guard, findings: &mut Findings) {
    let spec = &guard.spec;
    for secret in evidence::secrets(&spec.source) {
        findings.fault(guard.line, "secret", secret::told(&secret));
    }
    let texts = [Some(&spec.source), spec.what.as_ref()];
    for name in texts.into_iter().flatten().flat_map(|text| placeholder::in_text(text)) {
        let id = &spec.id;
        let text =
            format!("the guard {id} has the placeholder <{name}>; {}", placeholder::remedy(name));
        findings.grave_in_production(runbook.front.mode, guard.line, "placeholder", text);
    }
    if placeholder::is_template(&spec.source) {
        let text =
            format!("the `source` of the guard {} has something that nothing fills in", spec.id);
        findings.grave_in_production(runbook.front.mode, guard.line, "placeholder", text);
    }
}

fn check_traffic(line: usize, traffic: &Traffic, findings: &mut Findings) {
    let weight = traffic.weight_percent;
    if !(weight > 0.0 && weight <= 100.0) {
        let text =
            format!("`weight_percent` is {}, it lies between 0 and 100", ShortNumber(weight));
        findings.fault(line, "traffic", text);
    }
    if traffic.hold == Length::default() {
        findings.fault(line, "traffic", "`hold` is more than 0s");
    }
    let rates = [
        ("requests_per_second", traffic.requests_per_second),
        ("connections", traffic.connections),
    ];
    for (name, rate) in rates {
        if let Some(rate) = rate.filter(|rate| !(rate.is_finite() && *rate > 0.0 && *rate < 1e9)) {
            findings.fault(
                line,
                "traffic",
                format!("`{name}` is {}, it is a number above 0", ShortNumber(rate)),
            );
        }
    }
}

fn check_sight(runbook: &Runbook, guard: &Guard, findings: &mut Findings) {
    let id = &guard.spec.id;
    match detect::detection(runbook, guard) {
        Some(sees) if sees.is_enough => {}
        Some(sees) => {
            let text = format!("the guard {id} can't see enough: it {}", sees.sentence);
            findings.grave_in_production(runbook.front.mode, guard.line, "guard", text);
        }
        None => {
            let text = format!("nothing can be said of what the guard {id} sees with its numbers");
            findings.fault(guard.line, "guard", text);
        }
    }
}

/// The settings of a guard by their names, with whether each is there.
fn given(guard: &Guard) -> [(&'static str, bool); 7] {
    let spec = &guard.spec;
    [
        ("watch", spec.watch.is_some()),
        ("stable_rate", spec.stable_rate.is_some()),
        ("ratio", spec.ratio.is_some()),
        ("pairs", spec.pairs.is_some()),
        ("within", spec.within.is_some()),
        ("restarts", spec.restarts.is_some()),
        ("what", spec.what.is_some()),
    ]
}

/// Checks that a rate is one of its measure: a share of requests, or breaks for each second.
fn check_rate(guard: &Guard, rate: Rate, findings: &mut Findings) {
    let id = &guard.spec.id;
    let why = match (guard.spec.measure, rate) {
        (Measure::Errors, Rate::PerSecond(number)) => {
            // As on a command line, where it would be a share without its sign.
            match ShortNumber(number).to_string().parse::<Share>() {
                Ok(share) => format!("is a share, written with its sign: \"{share}\""),
                Err(error) => error.to_string(),
            }
        }
        (Measure::Disconnects, Rate::Share(_)) => {
            "is a number of breaks for each second of a connection, and no share".to_owned()
        }
        (_, Rate::PerSecond(number)) if !(0.0..=1e6).contains(&number) => {
            format!("is {}, which can't be", ShortNumber(number))
        }
        _ => return,
    };
    findings.fault(guard.line, "guard", format!("`stable_rate` of the guard {id}: {why}"));
}

fn check_guard(runbook: &Runbook, guard: &Guard, findings: &mut Findings) {
    let spec = &guard.spec;
    let wanted: &[&str] = match spec.measure {
        Measure::Errors | Measure::Disconnects => &["watch", "stable_rate", "ratio"],
        Measure::Latency => &["watch", "ratio", "pairs"],
        Measure::Zero => &["what"],
        Measure::Down => &["within"],
        Measure::Restarts => &["within", "restarts"],
    };
    for (name, is_there) in given(guard) {
        if is_there != wanted.contains(&name) {
            let has = if is_there { "has no use for" } else { "needs" };
            let text = format!("the guard {} of `{}` {has} `{name}`", spec.id, spec.measure);
            findings.fault(guard.line, "guard", text);
        }
    }
    if let Some(rate) = spec.stable_rate {
        check_rate(guard, rate, findings);
    }
    for (name, text) in [("id", &spec.id), ("source", &spec.source)] {
        if text.trim().is_empty() {
            findings.fault(guard.line, "guard", format!("the guard {} has no `{name}`", spec.id));
        }
    }
    if spec.what.as_ref().is_some_and(|what| what.trim().is_empty()) {
        findings.fault(guard.line, "guard", format!("the guard {} has no `what`", spec.id));
    }
    if spec.within == Some(Length::default()) {
        let text = format!("the guard {} looks for nothing `within` 0s", spec.id);
        findings.fault(guard.line, "guard", text);
    }
    if spec.pairs.is_some_and(|pairs| pairs == 0 || pairs > detect::PAIRS_MAX) {
        let text = format!("the guard {} takes 1 to {} pairs", spec.id, detect::PAIRS_MAX);
        findings.fault(guard.line, "guard", text);
    }
    if let Some(ratio) = spec.ratio.filter(|ratio| !(ratio.is_finite() && *ratio > 1.0)) {
        let text =
            format!("the guard {} has the ratio {}, it lies above 1", spec.id, ShortNumber(ratio));
        findings.fault(guard.line, "guard", text);
    }
    let Some(watch) = &spec.watch else { return };
    let step = runbook.step(watch).filter(|step| step.kind == Kind::Traffic);
    let Some(step) = step else {
        let text = format!("the guard {} watches {watch}, which is no step with traffic", spec.id);
        return findings.fault(guard.line, "unknown-step", text);
    };
    if runbook.is_guard_here(guard) && !runbook.is_here(step) {
        let id = &spec.id;
        let text = format!("the guard {id} watches {watch}, which is for another environment");
        findings.fault(guard.line, "unknown-step", text);
    }
    let Some(traffic) = &step.traffic else { return };
    let lacks = match spec.measure {
        Measure::Errors => traffic.requests_per_second.is_none().then_some("requests_per_second"),
        Measure::Disconnects => traffic.connections.is_none().then_some("connections"),
        _ => None,
    };
    if let Some(lacks) = lacks {
        let text = format!("the guard {} watches {watch}, whose traffic has no `{lacks}`", spec.id);
        findings.fault(guard.line, "guard", text);
    }
}
