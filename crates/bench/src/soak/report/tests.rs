//! What people and machines are shown.

use clap::Parser;

use super::*;
use crate::{args::SoakArgs, crowd::histogram};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: SoakArgs,
}

fn plan(line: &str) -> Result<SoakPlan, String> {
    let words = ["soak"].into_iter().chain(line.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    SoakPlan::of(line.args, 2).map_err(|error| error.to_string())
}

/// Returns the samples of a run of 100 seconds, with memory as it was at the beginning and end.
fn samples(plan: &SoakPlan, steady: f64, calm: f64) -> Vec<Sample> {
    let sample = |at: u64| {
        let phase = plan.phases.at(std::time::Duration::from_secs(at)).name;
        let mut latency_us = histogram();
        latency_us.record(1000 * (at + 1)).unwrap();
        let rss_bytes = if phase == PhaseName::Calm { calm } else { steady };
        Sample {
            at_s: at as f64,
            phase,
            seconds: 1.0,
            rss_bytes,
            pss_bytes: rss_bytes,
            windows_bytes: 0.0,
            cpu: 0.5,
            readers: 20,
            deliveries_per_second: 100.0,
            publishes_per_second: 10.0,
            p50_ms: None,
            p99_ms: None,
            gaps: u64::from(at == 20),
            lag_closes: 0,
            resumed: 2,
            latency_us,
        }
    };
    (0..100).map(sample).collect()
}

fn report<'a>(plan: &'a SoakPlan, calm: f64, checked: Checked) -> Report<'a> {
    Report::new(plan, samples(plan, 100e6, calm), checked, Generator::default())
}

#[test]
fn every_phase_has_its_line_and_the_end_is_judged() {
    let plan = plan("--readers 20 --streams 4 --seconds 100 --seed 9").unwrap();
    let report = report(&plan, 101e6, Checked::default());
    assert_eq!(report.phases.len(), 7);
    let bursts = &report.phases[2];
    assert_eq!((bursts.seconds, bursts.gaps, bursts.resumed), (10.0, 1, 20));
    let text = report.to_string();
    for part in ["soak: 20", "seed 9", "churn storm", "1.01 times; at most 1.16", "0 lost"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("FAILED"), "{text}");
    let document = report.document();
    assert_eq!(document["passed"], true);
    assert_eq!(document["phases"][3]["phase"], "churn-storm");
    assert_eq!(document["samples"].as_array().unwrap().len(), 100);
    let svg = crate::soak::plot::svg(&report);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<polyline").count(), 6);
}

#[test]
fn growth_loss_and_breaks_fail() {
    let plan = plan("--readers 20 --streams 4 --seconds 100").unwrap();
    let check = |calm: f64, checked: Checked, part: &str| {
        let problems = report(&plan, calm, checked).problems();
        assert!(problems.len() == 1 && problems[0].contains(part), "{part}: {problems:?}");
    };
    check(120e6, Checked::default(), "1.20 times");
    let faults = Faults { lost: 3, ..Faults::default() };
    check(100e6, Checked { faults, ..Checked::default() }, "3 events lost");
    let counts = Counts { closed: 5, ..Counts::default() };
    let closed = Checked { counts: counts.clone(), lag_closes: 4, ..Checked::default() };
    check(100e6, closed, "1 streams that were closed");
    let lagged = Checked { counts, lag_closes: 5, ..Checked::default() };
    assert!(report(&plan, 100e6, lagged).problems().is_empty());
    let broken = Some(("said no".to_owned(), 2));
    check(100e6, Checked { broken, ..Checked::default() }, "2 streams broke");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let check = |line: &str, part: &str| {
        let refused = plan(line).unwrap_err();
        assert!(refused.contains(part), "{line}: {refused}");
    };
    check("--readers 3 --streams 4", "--streams");
    check("--server nchan", "--server tidegate");
    check("--ws 120%", "a share is");
    check("--seconds 1", "seconds");
    assert_eq!(plan("--seconds 240").unwrap().limits.lag_seconds_max, 10);
}
