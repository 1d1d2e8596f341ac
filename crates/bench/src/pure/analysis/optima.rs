//! The best sizes of cycles of two constant-product pools, those that gain and those that don't.

use std::hint::black_box;

use search::{Side, V2Pool, optimum_of_pairs};

use super::{Figures, rate, time, wrong};
use crate::error::BenchError;

/// Different cycles.
const DIFFERENT: u128 = 1024;

type Cycle = [(V2Pool, Side); 2];

pub(super) struct Optima {
    gaining: Vec<Cycle>,
    balanced: Vec<Cycle>,
    count: usize,
}

impl Optima {
    pub(super) fn new(count: u32) -> Self {
        let gains = |cycle: &Cycle| optimum_of_pairs(&cycle[..]).is_some();
        let (gaining, balanced) = (0..DIFFERENT).map(cycle).partition(gains);
        Optima { gaining, balanced, count: count as usize }
    }

    pub(super) fn once(&self) -> Result<Figures, BenchError> {
        let (gaining, balanced) = (self.solve(&self.gaining)?, self.solve(&self.balanced)?);
        Ok(vec![
            ("optima", "optima/CPU-s of two pools that are out of balance", gaining),
            ("balanced", "cycles/CPU-s of two balanced pools", balanced),
        ])
    }

    fn solve(&self, cycles: &[Cycle]) -> Result<f64, BenchError> {
        if cycles.is_empty() {
            return Err(wrong("made no such cycles"));
        }
        let all = cycles.iter().cycle().take(self.count);
        let ((), took) = time(|| {
            all.for_each(|cycle| {
                black_box(optimum_of_pairs(black_box(&cycle[..])));
            });
        });
        Ok(rate(self.count, took.cpu))
    }
}

fn cycle(seed: u128) -> Cycle {
    let e = 10_u128.pow(18);
    let pool = |a, b| V2Pool { reserve0: a, reserve1: b, fee_ppm: 3000 };
    let shift = 900 + seed * 7919 % 200;
    [
        (pool((1000 + seed) * e + seed, (2000 + seed) * e), Side::ZeroForOne),
        (pool((1000 + seed) * e * shift / 1000, (2000 + seed) * e), Side::OneForZero),
    ]
}
