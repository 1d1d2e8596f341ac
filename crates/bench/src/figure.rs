//! What is measured: the figures' names, units and which way is better; medians and ratios. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

/// A figure, in the order in which figures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    DeliveriesPerCpuSecond,
    DeliveriesPerSecond,
    EventsPerSecond,
    EventsPerCpuSecond,
    SendsPerSecond,
    SendsPerCpuSecond,
    SendP50Ms,
    SendP95Ms,
    SendP99Ms,
    DeliveryP50Ms,
    DeliveryP95Ms,
    DeliveryP99Ms,
    CatchUpP50Ms,
    CatchUpP95Ms,
    CatchUpP99Ms,
    ConnectsPerSecond,
    ConnectsPerCpuSecond,
    BytesPerConnection,
    PssBytesPerConnection,
    CpuMsPerSecond,
    LatencyP50Ms,
    LatencyP90Ms,
    LatencyP99Ms,
    LatencyP999Ms,
    LatencyMaxMs,
    OpenP50Ms,
    OpenP99Ms,
    AnswerP50Ms,
    AnswerP99Ms,
    ServerCpuSeconds,
    DatabaseCpuSeconds,
    RedisCpuSeconds,
    MemoryMb,
    DatabaseMemoryMb,
    Seconds,
    RedisConnections,
}

impl Figure {
    /// Returns the column's head, in two lines.
    pub(crate) fn head(self) -> (&'static str, &'static str) {
        match self {
            Figure::DeliveriesPerCpuSecond => ("deliveries", "/CPU-s"),
            Figure::DeliveriesPerSecond => ("deliveries", "/s"),
            Figure::EventsPerSecond => ("events", "/s"),
            Figure::EventsPerCpuSecond => ("events", "/CPU-s"),
            Figure::SendsPerSecond => ("sends", "/s"),
            Figure::SendsPerCpuSecond => ("sends", "/CPU-s"),
            Figure::SendP50Ms => ("send p50", "ms"),
            Figure::SendP95Ms => ("send p95", "ms"),
            Figure::SendP99Ms => ("send p99", "ms"),
            Figure::DeliveryP50Ms => ("delivery", "p50 ms"),
            Figure::DeliveryP95Ms => ("delivery", "p95 ms"),
            Figure::DeliveryP99Ms => ("delivery", "p99 ms"),
            Figure::CatchUpP50Ms => ("catch-up", "p50 ms"),
            Figure::CatchUpP95Ms => ("catch-up", "p95 ms"),
            Figure::CatchUpP99Ms => ("catch-up", "p99 ms"),
            Figure::ConnectsPerSecond => ("connects", "/s"),
            Figure::ConnectsPerCpuSecond => ("connects", "/CPU-s"),
            Figure::BytesPerConnection => ("bytes", "/connection"),
            Figure::PssBytesPerConnection => ("PSS bytes", "/connection"),
            Figure::CpuMsPerSecond => ("CPU ms", "/s"),
            Figure::LatencyP50Ms => ("p50", "ms"),
            Figure::LatencyP90Ms => ("p90", "ms"),
            Figure::LatencyP99Ms => ("p99", "ms"),
            Figure::LatencyP999Ms => ("p99.9", "ms"),
            Figure::LatencyMaxMs => ("max", "ms"),
            Figure::OpenP50Ms => ("open p50", "ms"),
            Figure::OpenP99Ms => ("open p99", "ms"),
            Figure::AnswerP50Ms => ("answer p50", "ms"),
            Figure::AnswerP99Ms => ("answer p99", "ms"),
            Figure::ServerCpuSeconds => ("server", "CPU s"),
            Figure::DatabaseCpuSeconds => ("database", "CPU s"),
            Figure::RedisCpuSeconds => ("Redis", "CPU s"),
            Figure::MemoryMb => ("memory", "MB"),
            Figure::DatabaseMemoryMb => ("database", "MB"),
            Figure::Seconds => ("took", "s"),
            Figure::RedisConnections => ("Redis con-", "nections"),
        }
    }

    /// Returns whether servers are compared by it.
    pub(crate) fn is_compared(self) -> bool {
        !matches!(
            self,
            Figure::PssBytesPerConnection
                | Figure::LatencyP90Ms
                | Figure::LatencyP999Ms
                | Figure::LatencyMaxMs
                | Figure::OpenP50Ms
                | Figure::AnswerP50Ms
                | Figure::ServerCpuSeconds
                | Figure::Seconds
                | Figure::RedisConnections
        )
    }
}

/// Figures by their names; what was not measured is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<Figure, f64>);

impl Figures {
    /// Sets one; what is no number, such as a rate over no time, stays absent.
    pub(crate) fn set(&mut self, figure: Figure, value: f64) {
        if value.is_finite() {
            self.0.insert(figure, value);
        }
    }

    /// Returns one.
    pub(crate) fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }

    /// Returns all.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Figure, f64)> {
        self.0.iter().map(|(figure, value)| (*figure, *value))
    }

    /// Returns each figure's median; one that is missing somewhere is the median of the others.
    pub(crate) fn medians<'a>(all: impl Iterator<Item = &'a Figures>) -> Self {
        let mut values: BTreeMap<Figure, Vec<f64>> = BTreeMap::new();
        for (figure, value) in all.flat_map(Figures::iter) {
            values.entry(figure).or_default().push(value);
        }
        let medians = values.into_iter().filter_map(|(figure, of)| Some((figure, median(of)?)));
        Figures(medians.collect())
    }

    /// Returns by what each compared figure is a multiple of another's.
    pub(crate) fn ratios(&self, to: &Figures) -> Figures {
        let mut ratios = Figures::default();
        for (figure, value) in self.iter().filter(|(figure, _)| figure.is_compared()) {
            if let Some(other) = to.get(figure) {
                ratios.set(figure, value / other);
            }
        }
        ratios
    }
}

/// Returns the middle value, or the mean of the two middle ones.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[middle - 1] + upper) / 2.0 })
}
