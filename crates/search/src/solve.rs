//! The input of a cycle that gains most.
//!
//! A pool's output is concave and increasing in its input, and so is a path's; what is gained, output less
//! input, is concave without rounding: it has one summit, and half of the summit's gain or more at the
//! power of two below it. Through constant-product pools alone a path is itself `N·x / (D + C·x)`, whose
//! summit is `(√(N·D) − D) / C`. Rounding moves amounts by less than each hop's unit: what is stated is
//! always the exact amount of the pools for an input, and small cycles are searched input by input.
//! Must not know: tokens, values.

mod chain;

use alloy_primitives::U256;

use self::chain::Chain;
use crate::{Hop, NoAmount, PoolState, State};

/// Up to so many inputs about the summit are tried one by one.
const WINDOW: u64 = 64;
/// The greatest input that is looked at: as a constant-product pool's reserve.
const BITS_MAX: usize = 112;

/// An input with its exact output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Optimum {
    /// What is given to the first pool.
    pub amount_in: U256,
    /// What the last one gives; more than `amount_in`.
    pub amount_out: U256,
}

impl Optimum {
    /// What is gained.
    #[must_use]
    pub fn gain(&self) -> U256 {
        self.amount_out - self.amount_in
    }
}

/// The best input of a cycle; none where nothing is gained.
///
/// # Errors
///
/// [`NoAmount::Unknown`] where the summit may lie in state that was not read.
pub fn optimum(state: &State, path: &[Hop]) -> Result<Option<Optimum>, NoAmount> {
    match Chain::of(state, path) {
        Some(chain) => Ok(chain.optimum()),
        None => climb(state, path),
    }
}

/// The best input through two constant-product pools.
#[must_use]
pub fn optimum_of_pairs(hops: &[(crate::V2Pool, crate::Side)]) -> Option<Optimum> {
    Chain::of_pairs(hops.iter().map(|(pool, side)| Some((pool, *side))))?.optimum()
}

/// Finds the summit by exact amounts: the best power of two, then thirds of its neighbourhood.
fn climb(state: &State, path: &[Hop]) -> Result<Option<Optimum>, NoAmount> {
    let mut best: Option<(usize, Optimum)> = None;
    let mut unread = None;
    for bit in 0..BITS_MAX {
        match attempt(state, path, U256::ONE << bit) {
            Ok(Some(found)) if best.is_none_or(|(_, it)| found.gain() > it.gain()) => {
                best = Some((bit, found));
            }
            Err(missing) => {
                unread = Some((bit, missing));
                break;
            }
            Ok(_) => {}
        }
    }
    let Some((bit, found)) = best else { return unread_at_start(unread) };
    if let Some((at, missing)) = unread
        && at == bit + 1
    {
        return Err(missing);
    }
    thirds(state, path, found, (U256::ONE << bit) >> 1, U256::ONE << (bit + 1)).map(Some)
}

/// Nothing was gained before the state ended: where it ended, more may be.
fn unread_at_start(unread: Option<(usize, NoAmount)>) -> Result<Option<Optimum>, NoAmount> {
    match unread {
        Some((_, missing)) => Err(missing),
        None => Ok(None),
    }
}

fn thirds(
    state: &State,
    path: &[Hop],
    mut best: Optimum,
    mut low: U256,
    mut high: U256,
) -> Result<Optimum, NoAmount> {
    let mut better = |input: U256| -> Result<Option<U256>, NoAmount> {
        let found = attempt(state, path, input)?;
        if let Some(found) = found
            && found.gain() > best.gain()
        {
            best = found;
        }
        Ok(found.map(|it| it.gain()))
    };
    while high - low > U256::from(WINDOW) {
        let third = (high - low) / U256::from(3);
        if better(low + third)? < better(high - third)? {
            low += third;
        } else {
            high -= third;
        }
    }
    let mut input = low.max(U256::ONE);
    while input <= high {
        better(input)?;
        input += U256::ONE;
    }
    Ok(best)
}

/// The exact outcome where it gains; what the pools refuse gains nothing.
fn attempt(state: &State, path: &[Hop], amount_in: U256) -> Result<Option<Optimum>, NoAmount> {
    match state.amount_out(path, amount_in) {
        Ok(amount_out) if amount_out > amount_in => Ok(Some(Optimum { amount_in, amount_out })),
        Err(missing @ NoAmount::Unknown { .. }) => Err(missing),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// The constant-product pool of a hop.
fn pair<'a>(state: &'a State, hop: &Hop) -> Option<(&'a crate::V2Pool, crate::Side)> {
    match &state.pools.get(&hop.pool)?.state {
        PoolState::V2(pool) => Some((pool, hop.side)),
        PoolState::V3(_) => None,
    }
}

#[cfg(test)]
mod tests;
