//! One measurement of one server.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{
    check::Faults,
    figure::{Figure, Figures},
    generator::Generator,
};

/// What one measurement gave.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) figures: Figures,
    pub(crate) faults: Faults,
    pub(crate) generator: Generator,
    /// What went wrong beside faults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<String>,
    /// What is drawn: the time that matters in this work, in microseconds.
    #[serde(skip)]
    pub(crate) times_us: Histogram<u64>,
}

/// Returns a quantile in milliseconds.
pub(crate) fn quantile_ms(us: &Histogram<u64>, quantile: f64) -> f64 {
    us.value_at_quantile(quantile) as f64 / 1000.0
}

/// Sets the quantiles of a time that was measured at all.
pub(crate) fn set_quantiles(figures: &mut Figures, us: &Histogram<u64>, of: &[(Figure, f64)]) {
    if !us.is_empty() {
        of.iter().for_each(|(figure, quantile)| figures.set(*figure, quantile_ms(us, *quantile)));
    }
}

/// The quantiles of a delivery's latency.
pub(crate) const LATENCIES: &[(Figure, f64)] = &[
    (Figure::LatencyP50Ms, 0.5),
    (Figure::LatencyP90Ms, 0.9),
    (Figure::LatencyP99Ms, 0.99),
    (Figure::LatencyP999Ms, 0.999),
    (Figure::LatencyMaxMs, 1.0),
];
