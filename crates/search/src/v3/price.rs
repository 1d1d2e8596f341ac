//! How amounts move a price, and a price amounts: `SqrtPriceMath` of `v3-core`.

use alloy_primitives::U256;

use crate::{
    NoAmount,
    math::{div_up, mul_div, mul_div_up},
};

/// Which way an amount is rounded.
#[derive(Clone, Copy)]
pub(super) enum Round {
    Down,
    Up,
}

/// Token 0 between two prices (`getAmount0Delta`).
pub(super) fn amount0(a: U256, b: U256, liquidity: u128, round: Round) -> Result<U256, NoAmount> {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let scaled = U256::from(liquidity) << 96;
    match round {
        Round::Up => div_up(mul_div_up(scaled, high - low, high)?, low),
        Round::Down => Ok(mul_div(scaled, high - low, high)? / low),
    }
}

/// Token 1 between two prices (`getAmount1Delta`).
pub(super) fn amount1(a: U256, b: U256, liquidity: u128, round: Round) -> Result<U256, NoAmount> {
    let (way, unit) = (a.abs_diff(b), U256::ONE << 96);
    match round {
        Round::Up => mul_div_up(U256::from(liquidity), way, unit),
        Round::Down => mul_div(U256::from(liquidity), way, unit),
    }
}

/// The price after so much is given (`getNextSqrtPriceFromInput`).
pub(super) fn after_in(p: U256, l: u128, given: U256, zero: bool) -> Result<U256, NoAmount> {
    let liquidity = positive(l)?;
    if !zero {
        let more = mul_div(given, U256::ONE << 96, liquidity)?;
        return p.checked_add(more).filter(|it| it.bit_len() <= 160).ok_or(NoAmount::Overflow);
    }
    if given.is_zero() {
        return Ok(p);
    }
    let scaled: U256 = liquidity << 96;
    let whole = given.checked_mul(p).and_then(|it| it.checked_add(scaled));
    match whole {
        Some(whole) => mul_div_up(scaled, p, whole),
        None => div_up(scaled, (scaled / p).checked_add(given).ok_or(NoAmount::Overflow)?),
    }
}

/// The price after so much is taken (`getNextSqrtPriceFromOutput`).
pub(super) fn after_out(p: U256, l: u128, taken: U256, zero: bool) -> Result<U256, NoAmount> {
    let liquidity = positive(l)?;
    if zero {
        let less = mul_div_up(taken, U256::ONE << 96, liquidity)?;
        return p.checked_sub(less).filter(|it| !it.is_zero()).ok_or(NoAmount::Liquidity);
    }
    let scaled: U256 = liquidity << 96;
    let product = taken.checked_mul(p).ok_or(NoAmount::Liquidity)?;
    let left = scaled.checked_sub(product).filter(|it| !it.is_zero());
    let price = mul_div_up(scaled, p, left.ok_or(NoAmount::Liquidity)?)?;
    if price.bit_len() <= 160 { Ok(price) } else { Err(NoAmount::Overflow) }
}

fn positive(liquidity: u128) -> Result<U256, NoAmount> {
    if liquidity == 0 { Err(NoAmount::Liquidity) } else { Ok(U256::from(liquidity)) }
}
