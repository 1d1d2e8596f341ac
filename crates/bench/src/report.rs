//! What a run found: medians, ratios and problems, as a document and as text. Pure.

mod text;

#[cfg(test)]
mod tests;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::text::{generator_line, heads, number, row};
use crate::{
    check::Faults,
    crowd::histogram,
    figure::{Figure, Figures},
    generator::Generator,
    plan::{Plan, Work},
    plot::Drawing,
    sample::Sample,
};

/// What was found about one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Why it does not do this work.
    pub(crate) not_offered: Option<&'static str>,
    pub(crate) samples: Vec<Sample>,
    /// Why a repeat gave nothing.
    pub(crate) failures: Vec<String>,
}

/// What a run found.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) kernel: String,
    pub(crate) servers: Vec<Measured>,
}

impl Measured {
    /// Returns the median of each figure.
    pub(crate) fn medians(&self) -> Figures {
        Figures::medians(self.samples.iter().map(|sample| &sample.figures))
    }

    /// Returns the times of all repeats together.
    pub(crate) fn times_us(&self) -> Histogram<u64> {
        let mut sum = histogram();
        for sample in &self.samples {
            sum.add(&sample.times_us).expect("all have the same bounds");
        }
        sum
    }

    fn faults(&self) -> Faults {
        let mut sum = Faults::default();
        self.samples.iter().for_each(|sample| sum.add(sample.faults));
        sum
    }

    /// Returns what went wrong, in words.
    fn problems(&self) -> Vec<String> {
        let name = &self.name;
        let mut problems: Vec<_> =
            self.failures.iter().map(|failure| format!("{name} {failure}")).collect();
        let Faults { lost, repeated, reordered, foreign } = self.faults();
        let counts = [
            (lost, "lost"),
            (repeated, "repeated"),
            (reordered, "out of order"),
            (foreign, "of other streams"),
        ];
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            problems.push(format!("{name}: {count} events {what}"));
        }
        let of_samples = self.samples.iter().flat_map(|sample| &sample.problems);
        problems.extend(of_samples.map(|problem| format!("{name}: {problem}")));
        problems
    }

    /// Returns the generator's worst measurement, and in how many it was the limit.
    fn generator(&self) -> Option<(&Generator, usize)> {
        worst(self.samples.iter().map(|sample| &sample.generator))
    }
}

/// Returns the sentence about a generator that was the limit.
pub(crate) fn limit(
    name: &str,
    generator: Option<(&Generator, usize)>,
    of: usize,
) -> Option<String> {
    let (worst, limited) = generator.filter(|(_, limited)| *limited > 0)?;
    let reasons = worst.reasons.join(", and ");
    Some(format!("the generator was the limit: {name}, in {limited} of {of}: {reasons}"))
}

/// Returns the worst of several measurements' generators, and in how many it was the limit.
pub(crate) fn worst<'a>(
    all: impl Iterator<Item = &'a Generator> + Clone,
) -> Option<(&'a Generator, usize)> {
    let limited = all.clone().filter(|generator| generator.limited).count();
    let worst = all.max_by(|a, b| {
        let rank = |g: &Generator| (g.limited, g.busy_share_max);
        let ((a_limited, a_busy), (b_limited, b_busy)) = (rank(a), rank(b));
        a_limited.cmp(&b_limited).then(a_busy.total_cmp(&b_busy))
    });
    worst.map(|worst| (worst, limited))
}

/// What one server's figures are as multiples of another's.
#[derive(Debug, Serialize)]
struct Ratio<'a> {
    of: &'a str,
    to: &'a str,
    figures: Figures,
}

impl Report<'_> {
    /// Returns what went wrong with any server.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<_> = self.servers.iter().flat_map(Measured::problems).collect();
        if self.servers.iter().all(|server| server.not_offered.is_some()) {
            problems.push("nothing was measured: no server offers this work".to_owned());
        }
        problems
    }

    /// Returns the figure that the work is about.
    pub(crate) fn main_figure(&self) -> Figure {
        match self.plan.work {
            Work::Fanout(_) | Work::Replay(_) => Figure::DeliveriesPerCpuSecond,
            Work::Idle(_) => Figure::BytesPerConnection,
            Work::Publish(_) => Figure::EventsPerSecond,
            Work::Churn(_) => Figure::ConnectsPerSecond,
        }
    }

    /// Returns which time is drawn.
    pub(crate) fn times_name(&self) -> &'static str {
        match self.plan.work {
            Work::Fanout(_) => "from the publisher's stamp to the read",
            Work::Publish(_) => "from a request to its answer",
            Work::Idle(_) | Work::Replay(_) | Work::Churn(_) => {
                "from connecting to the first frame"
            }
        }
    }

    /// Returns each server's figures against those of every one behind it.
    fn ratios(&self) -> Vec<Ratio<'_>> {
        let medians: Vec<_> =
            self.servers.iter().map(|server| (server.name.as_str(), server.medians())).collect();
        let pairs =
            (0..medians.len()).flat_map(|of| (of + 1..medians.len()).map(move |to| (of, to)));
        let ratio = |(of, to): (usize, usize)| Ratio {
            of: medians[of].0,
            to: medians[to].0,
            figures: medians[of].1.ratios(&medians[to].1),
        };
        pairs.map(ratio).filter(|ratio| ratio.figures != Figures::default()).collect()
    }

    /// Returns the sentences about a generator that was the limit.
    fn limits(&self) -> Vec<String> {
        let limit =
            |server: &Measured| limit(&server.name, server.generator(), server.samples.len());
        self.servers.iter().filter_map(limit).collect()
    }

    /// Returns what is drawn: the main figure as bars, and how the work's time is distributed.
    pub(crate) fn drawing(&self) -> Drawing {
        let offered = || self.servers.iter().filter(|server| !server.samples.is_empty());
        let figure = self.main_figure();
        let bar =
            |server: &Measured| (server.name.clone(), server.medians().get(figure).unwrap_or(0.0));
        let (unit, per) = figure.head();
        Drawing {
            title: self.to_string().lines().next().unwrap_or_default().to_owned(),
            unit: format!("{unit} {per}"),
            bars: offered().map(bar).collect(),
            times_name: self.times_name().to_owned(),
            times_us: offered().map(Measured::times_us).collect(),
        }
    }

    /// Returns everything as one document.
    pub(crate) fn document(&self) -> Value {
        let servers: Vec<_> = self.servers.iter().map(server_document).collect();
        let limits = self.limits();
        let problems = self.problems();
        let mut document = json!({
            "plan": self.plan,
            "machine": {"cores": self.plan.cores, "kernel": self.kernel},
            "servers": servers,
            "ratios": self.ratios(),
            "generator": {"limited": !limits.is_empty(), "reasons": limits},
        });
        document["passed"] = problems.is_empty().into();
        document["problems"] = problems.into();
        document
    }
}

fn server_document(server: &Measured) -> Value {
    if let Some(why) = server.not_offered {
        return json!({"name": server.name, "not_offered": why});
    }
    json!({
        "name": server.name,
        "about": server.about,
        "median": server.medians(),
        "repeats": server.samples,
        "failures": server.failures,
    })
}
