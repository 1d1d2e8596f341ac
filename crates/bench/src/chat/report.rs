//! What a run found: medians, what was checked, and problems, as a document, as text and drawn. Pure.

#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::{
    plan::ChatPlan,
    sample::{Checked, Sample, Times},
};
use crate::{
    figure::{Figure, Figures},
    generator::Generator,
    plot::Drawing,
    report::{generator_line, heads, limit, number, row, worst},
    sample::quantile_ms,
};

/// What a run found.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) plan: &'a ChatPlan,
    pub(super) kernel: String,
    /// What ran.
    pub(super) about: String,
    pub(super) samples: Vec<Sample>,
    /// Why a repeat gave nothing.
    pub(super) failures: Vec<String>,
}

/// What stands on one line of the table.
const SENDING: &[Figure] = &[
    Figure::SendsPerSecond,
    Figure::SendsPerCpuSecond,
    Figure::SendP50Ms,
    Figure::SendP95Ms,
    Figure::SendP99Ms,
    Figure::DeliveriesPerSecond,
    Figure::DeliveryP50Ms,
    Figure::DeliveryP95Ms,
    Figure::DeliveryP99Ms,
];

const BESIDE: &[Figure] = &[
    Figure::CatchUpP50Ms,
    Figure::CatchUpP95Ms,
    Figure::CatchUpP99Ms,
    Figure::ServerCpuSeconds,
    Figure::DatabaseCpuSeconds,
    Figure::RedisCpuSeconds,
    Figure::MemoryMb,
    Figure::DatabaseMemoryMb,
    Figure::Seconds,
];

impl Report<'_> {
    fn medians(&self) -> Figures {
        Figures::medians(self.samples.iter().map(|sample| &sample.figures))
    }

    fn generator(&self) -> Option<(&Generator, usize)> {
        worst(self.samples.iter().map(|sample| &sample.generator))
    }

    fn checked(&self) -> Checked {
        let mut sum = Checked::default();
        self.samples.iter().for_each(|sample| sum.add(&sample.checked));
        sum
    }

    fn limit(&self) -> Option<String> {
        limit("chat", self.generator(), self.samples.len())
    }

    /// Returns what went wrong, in words.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<_> =
            self.failures.iter().map(|failure| format!("tidegate {failure}")).collect();
        problems.extend(self.checked().words());
        problems.extend(self.samples.iter().flat_map(|sample| sample.problems.clone()));
        problems
    }

    /// Returns everything as one document.
    pub(super) fn document(&self) -> Value {
        let (limit, problems) = (self.limit(), self.problems());
        json!({
            "plan": self.plan,
            "machine": {"cores": self.plan.cores, "kernel": self.kernel},
            "about": self.about,
            "median": self.medians(),
            "checked": self.checked(),
            "faults": self.checked().sum(),
            "repeats": self.samples,
            "failures": self.failures,
            "generator": {"limited": limit.is_some(), "reasons": limit},
            "passed": problems.is_empty(),
            "problems": problems,
        })
    }

    /// Returns what is drawn: how the times of sends, deliveries and reads are distributed.
    pub(super) fn drawing(&self) -> Drawing {
        let mut times = Times::new();
        self.samples.iter().for_each(|sample| times.add(&sample.times));
        let named =
            [("send", times.send), ("delivery", times.delivery), ("catch-up", times.catch_up)];
        let named: Vec<_> = named.into_iter().filter(|(_, times)| !times.is_empty()).collect();
        let bar = |(name, times): &(&str, _)| ((*name).to_owned(), quantile_ms(times, 0.95));
        Drawing {
            title: self.plan.headline(),
            unit: "p95 ms".to_owned(),
            bars: named.iter().map(bar).collect(),
            times_name: "it took".to_owned(),
            times_us: named.into_iter().map(|(_, times)| times).collect(),
        }
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.plan.headline())?;
        writeln!(f, "{}\n", self.about)?;
        let medians = self.medians();
        for figures in [SENDING, BESIDE] {
            let of_all = figures.iter().copied();
            let there: Vec<_> = of_all.filter(|figure| medians.get(*figure).is_some()).collect();
            if !there.is_empty() {
                heads(f, &there)?;
                row(f, "chat", &medians, &there, number)?;
                writeln!(f)?;
            }
        }
        let checked = self.checked();
        let faults = checked.sum();
        writeln!(
            f,
            "checked: {} messages acknowledged, {} read back, {} delivered, {} pages caught up with: \
             {} lost, {} repeated, {} out of order, {} altered, {} unacknowledged",
            checked.acknowledged,
            checked.read_back,
            checked.deliveries,
            checked.pages,
            faults.lost,
            faults.repeated,
            faults.reordered,
            faults.altered,
            faults.unacknowledged,
        )?;
        if let Some((worst, _)) = self.generator() {
            generator_line(f, "chat", worst)?;
        }
        self.limit().iter().try_for_each(|limit| writeln!(f, "{limit}"))?;
        self.problems().iter().try_for_each(|problem| writeln!(f, "FAILED {problem}"))
    }
}
