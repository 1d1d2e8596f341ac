//! The report for people and for machines.

use serde_json::json;

use super::report::{Check, Report, Standing, Verdict};

/// Returns the table, and below it what to do.
pub(super) fn in_words(report: &Report) -> String {
    let mut lines = vec![format!("{:<7} {:<18} {:>8}  {}", "VERDICT", "GATE", "TOOK", "SEEN")];
    lines.extend(report.checks.iter().map(line));
    for check in report.checks.iter().filter(|check| check.finding.verdict != Verdict::Pass) {
        let document = check.document();
        let wanted = document["wanted"].as_str().unwrap_or_default();
        lines.push(format!("\n{} {}", check.finding.verdict.as_str(), check.gate.name()));
        lines.push(format!("  wanted: {wanted}"));
        lines.push(format!("  seen:   {}", check.finding.seen));
        lines.push(format!("  do:     {}", check.finding.advice));
    }
    let passed =
        report.checks.iter().filter(|check| check.finding.verdict == Verdict::Pass).count();
    let (all, took) = (report.checks.len(), report.took.as_secs_f64());
    lines.push(format!(
        "\n{}: {passed} of {all} gates pass, {took:.1} s",
        report.verdict().as_str()
    ));
    lines.extend(report.out.as_ref().map(|out| format!("evidence: {out}")));
    lines.join("\n")
}

fn line(check: &Check) -> String {
    let finding = &check.finding;
    let standing = match finding.standing {
        Standing::Seen => String::new(),
        other => format!("[{}] ", other.as_str()),
    };
    let (verdict, name) = (finding.verdict.as_str(), check.gate.name());
    let took = check.took.as_millis();
    format!("{verdict:<7} {name:<18} {took:>5} ms  {standing}{}", finding.seen)
}

/// Returns the whole report as JSON.
pub(super) fn document(report: &Report) -> String {
    let checks: Vec<_> = report.checks.iter().map(Check::document).collect();
    json!({
        "verdict": report.verdict().as_str(),
        "candidate": report.candidate,
        "at": format!("{:.3}", report.at),
        "took_ms": report.took.as_millis() as u64,
        "checks": checks,
        "evidence": report.out,
    })
    .to_string()
}
