//! One step of a swap, between two ticks: `SwapMath.computeSwapStep` of `v3-core`.

use alloy_primitives::U256;

use super::price::{Round, after_in, after_out, amount0, amount1};
use crate::{
    NoAmount,
    math::{mul_div, mul_div_up},
    v2::MILLION,
};

/// Where a step begins, and where it ends at the latest.
pub(super) struct Step {
    pub(super) from: U256,
    pub(super) goal: U256,
    pub(super) liquidity: u128,
    pub(super) fee_ppm: u32,
}

/// What a step did.
pub(super) struct Stepped {
    pub(super) price: U256,
    pub(super) amount_in: U256,
    pub(super) amount_out: U256,
    pub(super) fee: U256,
}

impl Step {
    pub(super) fn take(&self, left: U256, exact_in: bool) -> Result<Stepped, NoAmount> {
        let price = if exact_in { self.price_in(left)? } else { self.price_out(left)? };
        let amount_in = self.given(price)?;
        let mut amount_out = self.taken(price)?;
        if !exact_in {
            amount_out = amount_out.min(left);
        }
        let fee = if exact_in && price != self.goal {
            left.checked_sub(amount_in).ok_or(NoAmount::Nonsense)?
        } else {
            mul_div_up(amount_in, U256::from(self.fee_ppm), U256::from(MILLION - self.fee_ppm))?
        };
        Ok(Stepped { price, amount_in, amount_out, fee })
    }

    /// Whether token 0 is given.
    fn zero(&self) -> bool {
        self.from >= self.goal
    }

    fn price_in(&self, left: U256) -> Result<U256, NoAmount> {
        let kept = mul_div(left, U256::from(MILLION - self.fee_ppm), U256::from(MILLION))?;
        if kept >= self.given(self.goal)? {
            return Ok(self.goal);
        }
        after_in(self.from, self.liquidity, kept, self.zero())
    }

    fn price_out(&self, left: U256) -> Result<U256, NoAmount> {
        if left >= self.taken(self.goal)? {
            return Ok(self.goal);
        }
        after_out(self.from, self.liquidity, left, self.zero())
    }

    fn given(&self, price: U256) -> Result<U256, NoAmount> {
        let amount = if self.zero() { amount0 } else { amount1 };
        amount(price, self.from, self.liquidity, Round::Up)
    }

    fn taken(&self, price: U256) -> Result<U256, NoAmount> {
        let amount = if self.zero() { amount1 } else { amount0 };
        amount(price, self.from, self.liquidity, Round::Down)
    }
}
