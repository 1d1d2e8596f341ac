//! Constant product against its rule.

use alloy_primitives::U256;

use super::{RESERVE_MAX, V2Pool};
use crate::{Exact, NoAmount, Side};

const fn pool(reserve0: u128, reserve1: u128) -> V2Pool {
    V2Pool { reserve0, reserve1, fee_ppm: 3000 }
}

/// Vectors of `v2-core/test/UniswapV2Pair.spec.ts`.
#[test]
fn published_vectors() {
    let e = 10_u128.pow(18);
    for (given, r0, r1, taken) in [
        (1, 5, 10, 1_662_497_915_624_478_906_u128),
        (1, 10, 5, 453_305_446_940_074_565),
        (2, 5, 10, 2_851_015_155_847_869_602),
        (2, 10, 5, 831_248_957_812_239_453),
        (1, 10, 10, 906_610_893_880_149_131),
        (1, 100, 100, 987_158_034_397_061_298),
        (1, 1000, 1000, 996_006_981_039_903_216),
    ] {
        assert_eq!(pool(r0 * e, r1 * e).amount_out(Side::ZeroForOne, given * e), Ok(taken));
    }
}

/// What must be given is the least that the pair takes, or one more as its library rounds.
#[test]
fn in_covers_out() {
    for r0 in 1..40 {
        for r1 in 2..40 {
            let pool = pool(r0, r1);
            for taken in 1..r1 {
                let Ok(given) = pool.amount_in(Side::ZeroForOne, taken) else { continue };
                assert!(pool.amount_out(Side::ZeroForOne, given).unwrap() >= taken);
            }
        }
    }
}

#[test]
fn refuses_instead_of_wrapping() {
    let side = Side::ZeroForOne;
    let huge = Exact::In(U256::MAX);
    assert_eq!(pool(5, 5).swap(side, huge), Err(NoAmount::Overflow));
    assert_eq!(pool(5, 5).swap(side, Exact::Out(U256::MAX)), Err(NoAmount::Overflow));
    assert_eq!(pool(0, 5).amount_out(side, 1), Err(NoAmount::Liquidity));
    assert_eq!(pool(5, 0).amount_out(side, 1), Err(NoAmount::Liquidity));
    assert_eq!(pool(5, 5).amount_in(side, 5), Err(NoAmount::Liquidity));
    assert_eq!(pool(5, 5).amount_out(side, 0), Err(NoAmount::Nothing));
    assert_eq!(pool(RESERVE_MAX, 5).amount_out(side, 1), Err(NoAmount::Overflow));
    assert_eq!(pool(u128::MAX, 5).amount_out(side, 1), Err(NoAmount::Nonsense));
}
