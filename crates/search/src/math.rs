//! Multiplication and division that neither wrap nor lose a bit: what pools round, we round.
//!
//! Owns full-width products. Must not know: what a pool is. The roundings are those of Uniswap V3's
//! `FullMath` and `UnsafeMath` (`v3-core/contracts/libraries`).

use alloy_primitives::{U256, U512};

use crate::NoAmount;

/// `a * b / divisor`, down, over a product of 512 bits.
///
/// # Errors
///
/// [`NoAmount::Overflow`] where the divisor is 0 or the quotient needs more than 256 bits.
pub(crate) fn mul_div(a: U256, b: U256, divisor: U256) -> Result<U256, NoAmount> {
    Ok(quotient(a, b, divisor)?.0)
}

/// As [`mul_div`], up.
pub(crate) fn mul_div_up(a: U256, b: U256, divisor: U256) -> Result<U256, NoAmount> {
    let (down, exact) = quotient(a, b, divisor)?;
    if exact { Ok(down) } else { down.checked_add(U256::ONE).ok_or(NoAmount::Overflow) }
}

/// `a / divisor`, up.
pub(crate) fn div_up(a: U256, divisor: U256) -> Result<U256, NoAmount> {
    mul_div_up(a, U256::ONE, divisor)
}

/// The quotient, down, and whether nothing was left.
fn quotient(a: U256, b: U256, divisor: U256) -> Result<(U256, bool), NoAmount> {
    if divisor.is_zero() {
        return Err(NoAmount::Overflow);
    }
    if let Some(product) = a.checked_mul(b) {
        let (down, rest) = product.div_rem(divisor);
        return Ok((down, rest.is_zero()));
    }
    let product: U512 = a.widening_mul(b);
    let (down, rest) = product.div_rem(U512::from(divisor));
    let down = U256::checked_from_limbs_slice(down.as_limbs()).ok_or(NoAmount::Overflow)?;
    Ok((down, rest.is_zero()))
}
