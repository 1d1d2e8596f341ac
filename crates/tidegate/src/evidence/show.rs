//! A verification as people read it. Pure.

use std::fmt::Write;

use ::evidence::{Report, Standing};

/// Writes what was found: everything that is wrong, then who vouches for what.
pub(super) fn text(report: &Report, all: bool) -> String {
    let mut out = String::new();
    let origin = report.origin.as_deref().unwrap_or("a log without a readable checkpoint");
    let end = if report.closed { "closed" } else { "without an end" };
    line(&mut out, format_args!("{origin}: {} entries, {end}", report.entries));
    line(&mut out, format_args!("root {}", report.root));
    if !report.is_sound() {
        line(&mut out, format_args!("\nFALSE: {} faults", report.findings.len()));
        for finding in &report.findings {
            line(&mut out, format_args!("  {finding}"));
        }
    }
    for standing in [Standing::Signed, Standing::Derived, Standing::Asserted] {
        write_items(&mut out, report, standing, all);
    }
    let end = if report.is_sound() {
        "\nSound: every byte is accounted for. What is only asserted is as good as who wrote the log."
    } else {
        "\nNot sound: nothing above counts until each fault is explained."
    };
    out.push_str(end);
    out
}

fn write_items(out: &mut String, report: &Report, standing: Standing, all: bool) {
    let head = match standing {
        Standing::Signed => "signed by a trusted key",
        Standing::Derived => "derived here from what is in the folder",
        Standing::Asserted => "only asserted by who wrote the log",
    };
    line(out, format_args!("\n{} {head}", report.count(standing)));
    if standing != Standing::Signed && !all {
        return;
    }
    for item in report.items.iter().filter(|item| item.standing == standing) {
        let by = if item.signers.is_empty() {
            String::new()
        } else {
            format!(", by {}", item.signers.join(", "))
        };
        line(out, format_args!("  {}: {}{by}", item.place, item.what));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}
