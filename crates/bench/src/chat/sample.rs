//! What one measurement gave: figures, and what was checked.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::account::Faults;
use crate::{
    crowd::histogram,
    figure::{Figure, Figures},
    generator::Generator,
    sample::set_quantiles,
};

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    pub(super) figures: Figures,
    pub(super) checked: Checked,
    pub(super) generator: Generator,
    /// What went wrong beside faults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) problems: Vec<String>,
    #[serde(skip)]
    pub(super) times: Times,
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Checked {
    /// Messages that were acknowledged, those before the measurement too.
    pub(super) acknowledged: u64,
    /// Messages that were read back, from all replicas.
    pub(super) read_back: u64,
    /// Messages that readers got.
    pub(super) deliveries: u64,
    /// Pages that were read from random places.
    pub(super) pages: u64,
    /// What acknowledgements themselves had wrong.
    pub(super) acknowledgements: Faults,
    /// What was wrong with what was read back.
    pub(super) back: Faults,
    /// What was wrong with what readers got.
    pub(super) readers: Faults,
    /// What was wrong with the pages.
    pub(super) catch_up: Faults,
}

impl Checked {
    /// Returns what was wrong anywhere, in words.
    pub(super) fn words(&self) -> Vec<String> {
        let places = [
            ("acknowledged", self.acknowledgements),
            ("read back", self.back),
            ("to readers", self.readers),
            ("in pages", self.catch_up),
        ];
        let words = |(place, faults): (&'static str, Faults)| {
            faults.words().into_iter().map(move |words| format!("{place}: {words}"))
        };
        places.into_iter().flat_map(words).collect()
    }

    /// Returns the faults of all places together.
    pub(super) fn sum(&self) -> Faults {
        let mut sum = self.acknowledgements;
        [self.back, self.readers, self.catch_up].into_iter().for_each(|faults| sum.add(faults));
        sum
    }

    /// Adds another measurement's.
    pub(super) fn add(&mut self, other: &Checked) {
        self.acknowledged += other.acknowledged;
        self.read_back += other.read_back;
        self.deliveries += other.deliveries;
        self.pages += other.pages;
        self.acknowledgements.add(other.acknowledgements);
        self.back.add(other.back);
        self.readers.add(other.readers);
        self.catch_up.add(other.catch_up);
    }
}

/// How long things took, in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub(super) send: Histogram<u64>,
    pub(super) delivery: Histogram<u64>,
    pub(super) catch_up: Histogram<u64>,
}

impl Times {
    pub(super) fn new() -> Self {
        Times { send: histogram(), delivery: histogram(), catch_up: histogram() }
    }

    /// Adds another measurement's.
    pub(super) fn add(&mut self, other: &Times) {
        self.each(other).into_iter().for_each(|(sum, part)| {
            sum.add(part).expect("all have the same bounds");
        });
    }

    fn each<'a>(
        &'a mut self,
        other: &'a Times,
    ) -> [(&'a mut Histogram<u64>, &'a Histogram<u64>); 3] {
        [
            (&mut self.send, &other.send),
            (&mut self.delivery, &other.delivery),
            (&mut self.catch_up, &other.catch_up),
        ]
    }

    /// Sets the quantiles of what was measured at all.
    pub(super) fn set(&self, figures: &mut Figures) {
        use Figure::{
            CatchUpP50Ms, CatchUpP95Ms, CatchUpP99Ms, DeliveryP50Ms, DeliveryP95Ms, DeliveryP99Ms,
            SendP50Ms, SendP95Ms, SendP99Ms,
        };
        let of = [
            (&self.send, [SendP50Ms, SendP95Ms, SendP99Ms]),
            (&self.delivery, [DeliveryP50Ms, DeliveryP95Ms, DeliveryP99Ms]),
            (&self.catch_up, [CatchUpP50Ms, CatchUpP95Ms, CatchUpP99Ms]),
        ];
        for (times, [p50, p95, p99]) in of {
            set_quantiles(figures, times, &[(p50, 0.5), (p95, 0.95), (p99, 0.99)]);
        }
    }
}
