//! A verification as people read it. Pure.

use std::fmt::Write;

use ::evidence::{Report, Signatures, Standing, Visible};

/// How much is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What is signed, and how much else there is.
    Signed,
    /// Everything.
    All,
}

/// Writes what was found: everything that is wrong, then who vouches for what.
pub(super) fn text(report: &Report, detail: Detail) -> String {
    let mut out = String::new();
    write_head(&mut out, report);
    if !report.is_sound() {
        line(&mut out, format_args!(""));
        line(&mut out, format_args!("FALSE: {} faults", report.findings.len()));
        for finding in &report.findings {
            line(&mut out, format_args!("  {finding}"));
        }
    }
    for standing in [Standing::Signed, Standing::Claimed, Standing::Derived, Standing::Asserted] {
        write_items(&mut out, report, standing, detail);
    }
    let end = match (report.is_sound(), report.signatures) {
        (true, Signatures::Checked) => {
            "\nSound: every byte is accounted for. What is only asserted is as good as who wrote the \
             log."
        }
        (true, Signatures::Unchecked) => {
            "\nNot contradicted, and not proved: no signature was checked. Give the keys that you \
             trust with --keys."
        }
        (false, _) => "\nNot sound: nothing above counts until each fault is explained.",
    };
    out.push_str(end);
    out
}

fn write_head(out: &mut String, report: &Report) {
    if report.root.is_empty() {
        return line(out, format_args!("no log that can be read"));
    }
    let origin = report.origin.as_deref().unwrap_or("a log without a readable checkpoint");
    let end = match (report.closed, report.goes_on) {
        (true, _) => "closed",
        (false, true) => "it goes on",
        (false, false) => "without an end",
    };
    line(out, format_args!("{origin}: {} entries, {end}", report.entries));
    line(out, format_args!("root {}", report.root));
    if let Some(plan) = &report.plan {
        line(out, format_args!("plan sha256:{plan}"));
    }
}

fn write_items(out: &mut String, report: &Report, standing: Standing, detail: Detail) {
    // Signatures are either checked or not; the other one of the two is not spoken of.
    let is_unspoken = match report.signatures {
        Signatures::Checked => standing == Standing::Claimed,
        Signatures::Unchecked => standing == Standing::Signed,
    };
    if is_unspoken {
        return;
    }
    let head = match standing {
        Standing::Signed => "signed by a trusted key",
        Standing::Claimed => "said to be signed, NOT CHECKED as no keys were given",
        Standing::Derived => "derived here from what is in the folder",
        Standing::Asserted => "only asserted by who wrote the log",
    };
    line(out, format_args!(""));
    line(out, format_args!("{} {head}", report.count(standing)));
    let is_other = matches!(standing, Standing::Derived | Standing::Asserted);
    if is_other && detail == Detail::Signed {
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

/// Writes a line, all of which can be seen whatever it is made of.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{}", Visible(text)).expect("a string takes everything");
}
