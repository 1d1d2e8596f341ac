//! What is computed of transactions and pools: features, simulated transfers beside bare `revm`, and
//! the best sizes of cycles of two pools.

mod features;
mod optima;
mod simulations;

use std::time::Duration;

use super::{AnalysisArgs, Figures, Repeated, time};
use crate::{
    bound::Bound::{self, AtLeast},
    error::BenchError,
};

/// What a core has to do, and what of bare `revm` has to remain where all state is known.
const BOUNDS: [(&str, Bound); 5] = [
    ("features", AtLeast(200_000.0)),
    ("together_percent", AtLeast(70.0)),
    ("each_percent", AtLeast(70.0)),
    ("alone_percent", AtLeast(70.0)),
    ("optima", AtLeast(1_000_000.0)),
];

pub(super) struct Analysis {
    features: features::Features,
    simulations: simulations::Simulations,
    optima: optima::Optima,
}

impl Analysis {
    pub(super) fn new(args: &AnalysisArgs) -> Self {
        Analysis {
            features: features::Features::new(args.transactions),
            simulations: simulations::Simulations::new(args.transfers),
            optima: optima::Optima::new(args.cycles),
        }
    }
}

impl Repeated for Analysis {
    fn once(&mut self) -> Result<Figures, BenchError> {
        let mut figures = self.features.once()?;
        figures.extend(self.simulations.once()?);
        figures.extend(self.optima.once()?);
        Ok(figures)
    }

    fn bounds(&self) -> &[(&'static str, Bound)] {
        &BOUNDS
    }
}

fn rate(count: usize, cpu: Duration) -> f64 {
    count as f64 / cpu.as_secs_f64()
}

fn wrong(what: &str) -> BenchError {
    BenchError::Refused { server: "analysis".to_owned(), what: what.to_owned() }
}
