//! A constant-product pool, to the unit.
//!
//! The formula is `getAmountOut` and `getAmountIn` of `UniswapV2Library` (`v2-periphery`) under the rules
//! of `UniswapV2Pair.swap` (`v2-core`): reserves fit 112 bits, and the product does not shrink. Source:
//! "Uniswap v2 Core" (Adams, Zinsmeister, Robinson, 2020), sections 3.2.1 and 3.3.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::{Exact, NoAmount, Side, Swapped};

/// The whole of a share in parts per million.
pub(crate) const MILLION: u32 = 1_000_000;
/// The most that a reserve holds: the contract has it as `uint112`.
const RESERVE_MAX: u128 = (1 << 112) - 1;

/// A pair's reserves and fee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2Pool {
    /// Of token 0.
    pub reserve0: u128,
    /// Of token 1.
    pub reserve1: u128,
    /// What is kept of what is given, in parts per million: 3000 is Uniswap's 0.3 %.
    pub fee_ppm: u32,
}

impl V2Pool {
    /// What a swap moves.
    ///
    /// # Errors
    ///
    /// Where the pair or its router would refuse.
    pub fn swap(&self, side: Side, exact: Exact) -> Result<Swapped<Self>, NoAmount> {
        let (amount_in, amount_out) = match exact {
            Exact::In(given) => {
                let given = fits(given)?;
                (given, self.amount_out(side, given)?)
            }
            Exact::Out(taken) => {
                let taken = fits(taken)?;
                (self.amount_in(side, taken)?, taken)
            }
        };
        let (reserve_in, reserve_out) = self.reserves(side);
        let (more, less) = (held(reserve_in, amount_in)?, reserve_out - amount_out);
        let (reserve0, reserve1) = match side {
            Side::ZeroForOne => (more, less),
            Side::OneForZero => (less, more),
        };
        let after = Self { reserve0, reserve1, fee_ppm: self.fee_ppm };
        Ok(Swapped { amount_in: U256::from(amount_in), amount_out: U256::from(amount_out), after })
    }

    /// What is taken for so much: `given·γ·out / (in·10⁶ + given·γ)`, down.
    ///
    /// # Errors
    ///
    /// Where the pair or its router would refuse.
    pub fn amount_out(&self, side: Side, given: u128) -> Result<u128, NoAmount> {
        let (reserve_in, reserve_out) = self.sound(side)?;
        if given == 0 {
            return Err(NoAmount::Nothing);
        }
        held(reserve_in, given)?;
        // At most 112 + 20 + 112 bits.
        let kept = U256::from(given) * U256::from(MILLION - self.fee_ppm);
        let whole = U256::from(reserve_in) * U256::from(MILLION) + kept;
        let taken = narrow(kept * U256::from(reserve_out) / whole);
        if taken == 0 { Err(NoAmount::Nothing) } else { Ok(taken) }
    }

    /// What must be given for so much: `in·taken·10⁶ / ((out − taken)·γ) + 1`, down.
    ///
    /// # Errors
    ///
    /// Where the pair or its router would refuse.
    pub fn amount_in(&self, side: Side, taken: u128) -> Result<u128, NoAmount> {
        let (reserve_in, reserve_out) = self.sound(side)?;
        if taken == 0 {
            return Err(NoAmount::Nothing);
        }
        if taken >= reserve_out {
            return Err(NoAmount::Liquidity);
        }
        let owed = U256::from(reserve_in) * U256::from(taken) * U256::from(MILLION);
        let left = U256::from(reserve_out - taken) * U256::from(MILLION - self.fee_ppm);
        let given = fits(owed / left + U256::ONE)?;
        held(reserve_in, given)?;
        Ok(given)
    }

    /// The reserves of what is given and of what is taken.
    pub(crate) const fn reserves(&self, side: Side) -> (u128, u128) {
        match side {
            Side::ZeroForOne => (self.reserve0, self.reserve1),
            Side::OneForZero => (self.reserve1, self.reserve0),
        }
    }

    fn sound(&self, side: Side) -> Result<(u128, u128), NoAmount> {
        let (reserve_in, reserve_out) = self.reserves(side);
        if self.fee_ppm >= MILLION || reserve_in.max(reserve_out) > RESERVE_MAX {
            return Err(NoAmount::Nonsense);
        }
        if reserve_in == 0 || reserve_out == 0 {
            return Err(NoAmount::Liquidity);
        }
        Ok((reserve_in, reserve_out))
    }
}

fn held(reserve: u128, given: u128) -> Result<u128, NoAmount> {
    reserve.checked_add(given).filter(|sum| *sum <= RESERVE_MAX).ok_or(NoAmount::Overflow)
}

fn fits(amount: U256) -> Result<u128, NoAmount> {
    u128::try_from(amount).ok().filter(|it| *it <= RESERVE_MAX).ok_or(NoAmount::Overflow)
}

/// A number that a reserve bounds.
fn narrow(amount: U256) -> u128 {
    u128::try_from(amount).expect("less than a reserve of 112 bits")
}

#[cfg(test)]
mod tests;
