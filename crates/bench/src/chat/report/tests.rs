//! A report shows what was measured and checked, and fails for whatever was wrong.

use super::*;
use crate::chat::{account::Faults, plan::tests::plan};

fn sample(sends_per_second: f64, readers: Faults) -> Sample {
    let mut times = Times::new();
    times.send.record(2500).unwrap();
    let mut figures = Figures::default();
    figures.set(Figure::SendsPerSecond, sends_per_second);
    times.set(&mut figures);
    let checked = Checked { acknowledged: 40, read_back: 80, readers, ..Checked::default() };
    Sample { figures, checked, generator: Generator::default(), problems: Vec::new(), times }
}

#[track_caller]
fn check(samples: Vec<Sample>, failures: Vec<String>, problems: &[&str]) {
    let plan = plan("--senders 4").unwrap();
    let (kernel, about) = ("6.1".to_owned(), "0.1.0 serve".to_owned());
    let report = Report { plan: &plan, kernel, about, samples, failures };
    assert_eq!(report.problems(), problems);
    let document = report.document();
    assert_eq!(document["passed"], problems.is_empty(), "{document}");
    let text = report.to_string();
    assert_eq!(text.matches("FAILED ").count(), problems.len(), "{text}");
}

#[test]
fn whatever_was_wrong_fails_it() {
    let right = || sample(100.0, Faults::default());
    check(vec![right()], Vec::new(), &[]);
    let lost = sample(100.0, Faults { lost: 2, altered: 1, ..Faults::default() });
    let words = [
        "to readers: 2 messages lost",
        "to readers: 1 messages not what was acknowledged under their number",
    ];
    check(vec![right(), lost], Vec::new(), &words);
    check(vec![right()], vec!["answers 503: no".to_owned()], &["tidegate answers 503: no"]);
    let broken = Sample { problems: vec!["3 readers: it left".to_owned()], ..right() };
    check(vec![broken], Vec::new(), &["3 readers: it left"]);
}

#[test]
fn medians_counts_and_times_are_shown() {
    let plan = plan("--senders 4 --repeat 3").unwrap();
    let samples = [100.0, 900.0, 300.0].map(|sends| sample(sends, Faults::default())).into();
    let (kernel, about) = ("6.1".to_owned(), "0.1.0 serve".to_owned());
    let report = Report { plan: &plan, kernel, about, samples, failures: Vec::new() };
    let text = report.to_string();
    for part in ["4 senders to one thread", "300.0", "2.50", "120 messages acknowledged, 240 read"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(report.document()["median"]["sends_per_second"], 300.0);
    let drawing = report.drawing();
    assert_eq!(drawing.bars.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["send"]);
}
