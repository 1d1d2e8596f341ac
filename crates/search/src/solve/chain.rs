//! Constant-product pools in a row are one fraction: `N·x / (D + C·x)`.
//!
//! The summit is computed in floating point and confirmed by exact amounts; where few inputs can be better,
//! each is tried.

use alloy_primitives::U256;

use super::{Optimum, pair};
use crate::{Hop, Side, State, V2Pool, v2::MILLION};

/// A path has at most so many hops.
const HOPS_MAX: usize = 3;
/// Cycles whose rate is below this share of 1 can't gain, whatever floating point rounds.
const SURE: f64 = 1.0 - 1e-12;
/// Up to so many inputs are tried one by one.
const TRIED_MAX: u128 = 4096;

/// Pools in a row with their common fraction.
pub(super) struct Chain<'a> {
    hops: [Option<(&'a V2Pool, Side)>; HOPS_MAX],
    n: f64,
    d: f64,
    c: f64,
}

impl<'a> Chain<'a> {
    /// The row of a path; none where a pool is of another kind.
    pub(super) fn of(state: &'a State, path: &[Hop]) -> Option<Self> {
        Self::of_pairs(path.iter().map(|hop| pair(state, hop)))
    }

    pub(super) fn of_pairs(
        pairs: impl Iterator<Item = Option<(&'a V2Pool, Side)>>,
    ) -> Option<Self> {
        let mut row = Self { hops: [None; HOPS_MAX], n: 1.0, d: 1.0, c: 0.0 };
        for (at, pair) in pairs.enumerate() {
            let (pool, side) = pair?;
            *row.hops.get_mut(at)? = Some((pool, side));
            row.append(pool, side);
        }
        Some(row)
    }

    /// `out·γ·y / (in + γ·y)` of `y = N·x / (D + C·x)`, scaled so that numbers stay small.
    fn append(&mut self, pool: &V2Pool, side: Side) {
        let (reserve_in, reserve_out) = pool.reserves(side);
        let kept = f64::from(MILLION.saturating_sub(pool.fee_ppm)) / f64::from(MILLION);
        let (reserve_in, reserve_out) = (reserve_in as f64, reserve_out as f64);
        self.c += kept * self.n / reserve_in;
        self.n = kept * self.n * (reserve_out / reserve_in);
    }

    /// The best input.
    pub(super) fn optimum(&self) -> Option<Optimum> {
        if self.n.is_nan() || self.n <= self.d * SURE {
            return None;
        }
        let summit = (((self.n * self.d).sqrt() - self.d) / self.c).max(1.0);
        let middle = summit as u128;
        let first = [middle, middle.saturating_add(1)].into_iter().filter_map(|it| self.tried(it));
        let best = first.max_by_key(|it| it.1);
        let floor = best.map_or(0.0, |it| it.1 as f64);
        let (low, high) = self.better_than(floor, summit);
        let best = if high.saturating_sub(low) <= TRIED_MAX {
            (low..=high).filter_map(|it| self.tried(it)).max_by_key(|it| (it.1, u128::MAX - it.0))
        } else {
            best.map(|it| self.least(it))
        };
        let (amount_in, gain) = best?;
        let (amount_in, gain) = (U256::from(amount_in), U256::from(gain));
        Some(Optimum { amount_in, amount_out: amount_in + gain })
    }

    /// The inputs whose gain without rounding is `floor` or more: `C·x² + (D − N + C·f)·x + D·f ≤ 0`.
    fn better_than(&self, floor: f64, summit: f64) -> (u128, u128) {
        let b = self.d - self.n + self.c * floor;
        let root = (b * b - 4.0 * self.c * self.d * floor).max(0.0).sqrt();
        let (low, high) = ((-b - root) / (2.0 * self.c), (-b + root) / (2.0 * self.c));
        let slack = 2.0 + summit * 1e-7;
        (((low - slack).max(1.0)) as u128, (high + slack).max(1.0) as u128)
    }

    /// An input with its exact gain, where there is one.
    fn tried(&self, amount_in: u128) -> Option<(u128, u128)> {
        let out = self
            .hops
            .iter()
            .flatten()
            .try_fold(amount_in, |amount, (pool, side)| pool.amount_out(*side, amount).ok())?;
        let gain = out.checked_sub(amount_in).filter(|it| *it > 0)?;
        Some((amount_in, gain))
    }

    /// The least input that gives the same output: what rounding would keep is not given.
    fn least(&self, (amount_in, gain): (u128, u128)) -> (u128, u128) {
        let needed = self
            .hops
            .iter()
            .flatten()
            .rev()
            .try_fold(amount_in + gain, |out, hop| hop.0.amount_in(hop.1, out).ok());
        let cheaper = needed.filter(|it| *it < amount_in).and_then(|it| self.tried(it));
        cheaper.filter(|it| it.1 > gain).unwrap_or((amount_in, gain))
    }
}
