//! A pool of concentrated liquidity, to the unit, over the ticks that were read of it.
//!
//! The loop is `UniswapV3Pool.swap` (`v3-core`), with the word boundaries of its `TickBitmap`: a step ends
//! there too, and rounds. Source: "Uniswap v3 Core" (Adams et al., 2021), section 6.
//! Must not know: how ticks are read.

mod price;
mod step;
mod tick;

use alloy_primitives::{I256, U256};
use serde::{Deserialize, Serialize};

pub use self::tick::{TICK_MAX, TICK_MIN};
use self::{
    step::Step,
    tick::{PRICE_MAX, PRICE_MIN, price_at, tick_at},
};
use crate::{Exact, NoAmount, Side, Swapped, v2::MILLION};

/// The most ticks and words that one swap crosses here.
const STEPS_MAX: usize = 4096;

/// A pool's price, the liquidity at it, and the ticks that were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct V3Pool {
    /// The root of token 1 per token 0, times 2^96.
    #[serde(with = "crate::decimal")]
    pub sqrt_price: U256,
    /// The pool's tick (`slot0`).
    pub tick: i32,
    /// The liquidity in range.
    pub liquidity: u128,
    /// What is kept of what is given, in parts per million.
    pub fee_ppm: u32,
    /// Only multiples of it can be initialised.
    pub tick_spacing: i32,
    /// Initialised ticks with their net liquidity, ascending.
    pub ticks: Vec<(i32, i128)>,
    /// The least and the greatest tick that were read: an initialised one between them is in `ticks`.
    pub read: (i32, i32),
}

impl V3Pool {
    /// What a swap moves, without a limit of its price.
    ///
    /// # Errors
    ///
    /// [`NoAmount::Unknown`] where it leaves the ticks that were read; others where the contract would
    /// refuse or not fill it.
    pub fn swap(&self, side: Side, exact: Exact) -> Result<Swapped<Self>, NoAmount> {
        self.sound()?;
        let (Exact::In(asked) | Exact::Out(asked)) = exact;
        if asked.is_zero() {
            return Err(NoAmount::Nothing);
        }
        if I256::try_from(asked).is_err() {
            return Err(NoAmount::Overflow);
        }
        let mut run = Run { at: self.clone(), left: asked, counted: U256::ZERO };
        for _ in 0..STEPS_MAX {
            run.step(side, matches!(exact, Exact::In(_)))?;
            if run.left.is_zero() {
                return run.end(exact);
            }
        }
        Err(NoAmount::Liquidity)
    }

    fn sound(&self) -> Result<(), NoAmount> {
        let price = self.sqrt_price > PRICE_MIN && self.sqrt_price < PRICE_MAX;
        let fee = self.fee_ppm < MILLION && (1..=16_384).contains(&self.tick_spacing);
        let tick = (TICK_MIN..=TICK_MAX).contains(&self.tick);
        if self.sqrt_price.is_zero() {
            return Err(NoAmount::Liquidity);
        }
        if price && fee && tick { Ok(()) } else { Err(NoAmount::Nonsense) }
    }

    /// The next tick of this word of the bitmap (`nextInitializedTickWithinOneWord`), and its net
    /// liquidity where it is initialised.
    fn next(&self, side: Side) -> Result<(i32, Option<i128>), NoAmount> {
        let compressed = self.tick.div_euclid(self.tick_spacing);
        match side {
            Side::ZeroForOne => self.below(compressed),
            Side::OneForZero => self.above(compressed + 1),
        }
    }

    fn below(&self, compressed: i32) -> Result<(i32, Option<i128>), NoAmount> {
        let last = compressed * self.tick_spacing;
        let first = ((compressed >> 8) << 8) * self.tick_spacing;
        let upto = self.ticks.partition_point(|(tick, _)| *tick <= last);
        let found = self.ticks[..upto].last().filter(|(tick, _)| *tick >= first);
        self.known(found.map_or(first, |it| it.0), last)?;
        Ok(found.map_or((first, None), |(tick, net)| (*tick, Some(*net))))
    }

    fn above(&self, compressed: i32) -> Result<(i32, Option<i128>), NoAmount> {
        let first = compressed * self.tick_spacing;
        let last = (((compressed >> 8) << 8) + 255) * self.tick_spacing;
        let from = self.ticks.partition_point(|(tick, _)| *tick < first);
        let found = self.ticks[from..].first().filter(|(tick, _)| *tick <= last);
        self.known(first, found.map_or(last, |it| it.0))?;
        Ok(found.map_or((last, None), |(tick, net)| (*tick, Some(*net))))
    }

    fn known(&self, lower: i32, upper: i32) -> Result<(), NoAmount> {
        let (lower, upper) = (lower.max(TICK_MIN), upper.min(TICK_MAX));
        if lower > upper || (lower >= self.read.0 && upper <= self.read.1) {
            return Ok(());
        }
        Err(NoAmount::Unknown { lower, upper })
    }
}

/// A swap under way.
struct Run {
    at: V3Pool,
    left: U256,
    counted: U256,
}

impl Run {
    fn step(&mut self, side: Side, exact_in: bool) -> Result<(), NoAmount> {
        let (next, net) = self.at.next(side)?;
        let next = next.clamp(TICK_MIN, TICK_MAX);
        let goal = price_at(next).clamp(PRICE_MIN + U256::ONE, PRICE_MAX - U256::ONE);
        let from = self.at.sqrt_price;
        let step = Step { from, goal, liquidity: self.at.liquidity, fee_ppm: self.at.fee_ppm };
        let done = step.take(self.left, exact_in)?;
        let given = done.amount_in.checked_add(done.fee).ok_or(NoAmount::Overflow)?;
        let (used, got) =
            if exact_in { (given, done.amount_out) } else { (done.amount_out, given) };
        self.left = self.left.checked_sub(used).ok_or(NoAmount::Nonsense)?;
        self.counted = self.counted.checked_add(got).ok_or(NoAmount::Overflow)?;
        self.at.sqrt_price = done.price;
        if done.price == price_at(next) {
            self.cross(side, next, net)?;
        } else if done.price != from {
            self.at.tick = tick_at(done.price);
        }
        let ended = done.price == PRICE_MIN + U256::ONE || done.price == PRICE_MAX - U256::ONE;
        if ended && !self.left.is_zero() { Err(NoAmount::Liquidity) } else { Ok(()) }
    }

    fn cross(&mut self, side: Side, next: i32, net: Option<i128>) -> Result<(), NoAmount> {
        let net = net.unwrap_or(0);
        let (change, tick) = match side {
            Side::ZeroForOne => (net.checked_neg().ok_or(NoAmount::Nonsense)?, next - 1),
            Side::OneForZero => (net, next),
        };
        let liquidity = self.at.liquidity.checked_add_signed(change);
        self.at.liquidity = liquidity.ok_or(NoAmount::Nonsense)?;
        self.at.tick = tick;
        Ok(())
    }

    fn end(self, exact: Exact) -> Result<Swapped<V3Pool>, NoAmount> {
        let (amount_in, amount_out) = match exact {
            Exact::In(given) => (given, self.counted),
            Exact::Out(taken) => (self.counted, taken),
        };
        if amount_out.is_zero() {
            return Err(NoAmount::Nothing);
        }
        Ok(Swapped { amount_in, amount_out, after: self.at })
    }
}

#[cfg(test)]
mod summits;
#[cfg(test)]
mod tests;
