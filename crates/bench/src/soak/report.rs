//! What a soak found: phase by phase, over the whole run, and whether memory stayed flat. Pure.

#[cfg(test)]
mod tests;
mod text;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    board::{Board, Counts},
    crew::Found,
    judge::{Flatness, Moment},
    phase::PhaseName,
    plan::SoakPlan,
    publisher::Done,
    sampler::Sample,
};
use crate::{
    check::Faults, crowd::histogram, figure::median, generator::Generator, sample::quantile_ms,
};

/// Levels are read in so small a part of a phase, at its end.
pub(super) const LEVEL_PART: usize = 10;

/// The least samples of which a level is the median.
const LEVEL_SAMPLES_MIN: usize = 3;

/// What was measured in one phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) phase: PhaseName,
    pub(super) seconds: f64,
    pub(super) deliveries_per_second: f64,
    pub(super) publishes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p99_ms: Option<f64>,
    /// CPU-seconds a second of the server.
    pub(super) cpu: f64,
    /// The most resident memory.
    pub(super) rss_bytes_max: f64,
    pub(super) gaps: u64,
    pub(super) lag_closes: u64,
    pub(super) resumed: u64,
    /// Medians of its last tenth.
    pub(super) level: Moment,
}

/// What was checked, over the whole run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Checked {
    pub(super) deliveries: u64,
    pub(super) publishes: u64,
    pub(super) faults: Faults,
    /// Events in holes that the server told of.
    pub(super) told_missing: u64,
    /// Cursors that are none, or not that of their event.
    pub(super) garbled: u64,
    /// Readers that never had a stream.
    pub(super) absent: u64,
    /// Readers that did not have everything at the end.
    pub(super) behind: u64,
    /// Some of them.
    pub(super) behind_are: Vec<String>,
    /// Acknowledgements with a cursor that was not due.
    pub(super) misnumbered: u64,
    /// Publishes that were refused because of the rate, and tried again.
    pub(super) limited: u64,
    /// Readers that the server closed because they were too far behind, by its own count.
    pub(super) lag_closes: u64,
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// Why the first stream broke, and how many did.
    pub(super) broken: Option<(String, u64)>,
}

impl Checked {
    /// Adds up what readers and publishers found.
    pub(super) fn of(board: &Board, found: &Found, done: &Done) -> Self {
        Checked {
            deliveries: board.received(),
            publishes: board.published(),
            faults: found.faults,
            told_missing: found.told_missing,
            garbled: found.garbled,
            absent: found.absent,
            behind_are: found.behind.clone(),
            misnumbered: done.misnumbered,
            limited: done.limited,
            counts: board.counts(),
            broken: board.broken(),
            ..Checked::default()
        }
    }
}

/// What a soak found.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) plan: &'a SoakPlan,
    pub(super) samples: Vec<Sample>,
    pub(super) phases: Vec<Summary>,
    pub(super) checked: Checked,
    pub(super) flatness: Flatness,
    pub(super) generator: Generator,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        plan: &'a SoakPlan,
        samples: Vec<Sample>,
        checked: Checked,
        generator: Generator,
    ) -> Self {
        let phases: Vec<_> = samples
            .chunk_by(|a, b| a.phase == b.phase)
            .map(|of_phase| summary(of_phase[0].phase, of_phase))
            .collect();
        let level = |name: PhaseName| {
            let found = phases.iter().find(|summary| summary.phase == name);
            found.map(|summary| summary.level).unwrap_or_default()
        };
        let flatness = Flatness::of(level(PhaseName::Steady), level(PhaseName::Calm));
        Report { plan, samples, phases, checked, flatness, generator }
    }

    /// Returns what went wrong, in words.
    pub(super) fn problems(&self) -> Vec<String> {
        let Checked { faults, counts, .. } = &self.checked;
        let Faults { lost, repeated, reordered, foreign } = *faults;
        let unexplained = counts.closed.saturating_sub(self.checked.lag_closes);
        let counts = [
            (lost, "events lost without a word"),
            (repeated, "events repeated"),
            (reordered, "events out of order"),
            (foreign, "events of other streams"),
            (self.checked.garbled, "cursors that are not those of their events"),
            (self.checked.misnumbered, "acknowledgements with a cursor that was not due"),
            (self.checked.absent, "readers that never had a stream"),
            (unexplained, "streams that were closed, and not because of lag"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut problems: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        if self.checked.behind > 0 {
            let behind = self.checked.behind;
            let are = self.checked.behind_are.join("; ");
            problems.push(format!("{behind} readers did not have everything at the end: {are}"));
        }
        if let Some((why, count)) = &self.checked.broken {
            problems.push(format!("{count} streams broke; the first: the server {why}"));
        }
        if !self.flatness.is_flat {
            let Flatness { ratio, bound, .. } = self.flatness;
            problems.push(format!(
                "memory grew to {ratio:.2} times what it was; {bound:.2} is the bound"
            ));
        }
        problems
    }

    /// Returns everything as one document.
    pub(super) fn document(&self) -> Value {
        let problems = self.problems();
        json!({
            "plan": self.plan,
            "phases": self.phases,
            "checked": self.checked,
            "memory": self.flatness,
            "generator": self.generator,
            "samples": self.samples,
            "passed": problems.is_empty(),
            "problems": problems,
        })
    }
}

fn summary(phase: PhaseName, samples: &[Sample]) -> Summary {
    let count = samples.len();
    let seconds: f64 = samples.iter().map(|sample| sample.seconds).sum();
    let mean = |of: fn(&Sample) -> f64| {
        samples.iter().map(|sample| of(sample) * sample.seconds).sum::<f64>() / seconds
    };
    let sum = |of: fn(&Sample) -> u64| samples.iter().map(of).sum::<u64>();
    let last = &samples[count - (count / LEVEL_PART).max(LEVEL_SAMPLES_MIN).min(count)..];
    let level = |of: fn(&Sample) -> f64| median(last.iter().map(of).collect()).unwrap_or(0.0);
    let mut latency_us = histogram();
    for sample in samples {
        latency_us.add(&sample.latency_us).expect("all have the same bounds");
    }
    let quantile = |of| (!latency_us.is_empty()).then(|| quantile_ms(&latency_us, of));
    Summary {
        phase,
        seconds,
        deliveries_per_second: mean(|sample| sample.deliveries_per_second),
        publishes_per_second: mean(|sample| sample.publishes_per_second),
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
        cpu: mean(|sample| sample.cpu),
        rss_bytes_max: samples.iter().map(|sample| sample.rss_bytes).fold(0.0, f64::max),
        gaps: sum(|sample| sample.gaps),
        lag_closes: sum(|sample| sample.lag_closes),
        resumed: sum(|sample| sample.resumed),
        level: Moment {
            rss_bytes: level(|sample| sample.rss_bytes),
            pss_bytes: level(|sample| sample.pss_bytes),
            readers: level(|sample| sample.readers as f64),
            windows_bytes: level(|sample| sample.windows_bytes),
        },
    }
}
