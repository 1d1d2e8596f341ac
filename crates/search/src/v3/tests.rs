//! Concentrated liquidity: published vectors, and what follows from the rule.

use alloy_primitives::{U256, uint};
use proptest::prelude::*;

use super::{
    PRICE_MAX, PRICE_MIN, V3Pool, price_at,
    step::Step,
    tick::{TICK_MAX, TICK_MIN, tick_at},
};
use crate::{Exact, NoAmount, Side};

fn pool() -> V3Pool {
    let e = 10_i128.pow(18);
    V3Pool {
        sqrt_price: U256::ONE << 96,
        tick: 0,
        liquidity: 3 * e.unsigned_abs(),
        fee_ppm: 3000,
        tick_spacing: 60,
        ticks: vec![(-887_220, e), (-600, 2 * e), (600, -2 * e), (887_220, -e)],
        read: (TICK_MIN, TICK_MAX),
    }
}

/// Vectors of `v3-core/test/TickMath.spec.ts`.
#[test]
fn published_prices() {
    assert_eq!(price_at(TICK_MIN), PRICE_MIN);
    assert_eq!(price_at(TICK_MAX), PRICE_MAX);
    assert_eq!(price_at(TICK_MIN + 1), uint!(4295343490_U256));
    let last = uint!(1461373636630004318706518188784493106690254656249_U256);
    assert_eq!(price_at(TICK_MAX - 1), last);
    assert_eq!(price_at(0), U256::ONE << 96);
}

/// Each factor of the table stands in the price of its own tick.
#[test]
fn factors_are_powers() {
    for bit in 0..20 {
        let tick = 1_i32 << bit;
        if tick > TICK_MAX {
            continue;
        }
        let real = 1.0001_f64.powi(-tick).sqrt() * 2_f64.powi(96);
        let ours = f64::from(price_at(-tick));
        assert!((ours / real - 1.0).abs() < 1e-9, "bit {bit}");
    }
}

/// Vectors of `v3-core/test/SwapMath.spec.ts`: from price 1 to 1.01, liquidity 2e18, fee 600.
#[test]
fn published_step() {
    let goal = uint!(79623317895830914510639640423_U256);
    let liquidity = 2 * 10_u128.pow(18);
    let step = Step { from: U256::ONE << 96, goal, liquidity, fee_ppm: 600 };
    for exact_in in [true, false] {
        let done = step.take(U256::from(10_u128.pow(18)), exact_in).unwrap();
        assert_eq!(done.price, goal);
        assert_eq!(done.amount_in, U256::from(9_975_124_224_178_055_u64));
        assert_eq!(done.fee, U256::from(5_988_667_735_148_u64));
        assert_eq!(done.amount_out, U256::from(9_925_619_580_021_728_u64));
    }
}

#[test]
fn refuses_instead_of_guessing() {
    let mut part = pool();
    part.ticks.retain(|(tick, _)| tick.abs() <= 600);
    part.read = (-600, 600);
    let swap = |p: &V3Pool, n: u128| p.swap(Side::ZeroForOne, Exact::In(U256::from(n)));
    assert!(swap(&part, 10_u128.pow(15)).is_ok());
    let unknown = Err(NoAmount::Unknown { lower: -15_360, upper: -660 });
    assert_eq!(swap(&part, 10_u128.pow(18)), unknown);
    let all = Exact::In(U256::MAX);
    assert_eq!(pool().swap(Side::OneForZero, all), Err(NoAmount::Overflow));
    let much = Exact::Out(U256::from(10_u128.pow(20)));
    assert_eq!(pool().swap(Side::OneForZero, much), Err(NoAmount::Liquidity));
    let empty = V3Pool { liquidity: 0, ticks: vec![], ..pool() };
    assert_eq!(swap(&empty, 1000), Err(NoAmount::Liquidity));
}

proptest! {
    #[test]
    fn tick_of_its_price(tick in TICK_MIN..TICK_MAX) {
        prop_assert_eq!(tick_at(price_at(tick)), tick);
        prop_assert_eq!(tick_at(price_at(tick + 1) - U256::ONE), tick);
    }

    /// What is taken for an amount costs at most that amount, and a way back never gains.
    #[test]
    fn no_gain_of_a_way_back(given in 1000_u128..10_u128.pow(20), zero: bool) {
        let side = if zero { Side::ZeroForOne } else { Side::OneForZero };
        let there = pool().swap(side, Exact::In(U256::from(given))).unwrap();
        let cost = pool().swap(side, Exact::Out(there.amount_out)).unwrap();
        prop_assert!(cost.amount_in <= there.amount_in);
        if let Ok(back) = there.after.swap(side.back(), Exact::In(there.amount_out)) {
            prop_assert!(back.amount_out < there.amount_in);
        }
    }

    #[test]
    fn never_panics(given: [u64; 4], price: [u64; 4], liquidity: u128, net: i128, zero: bool) {
        let side = if zero { Side::ZeroForOne } else { Side::OneForZero };
        let mut odd = pool();
        odd.sqrt_price = U256::from_limbs(price) >> 96;
        odd.liquidity = liquidity;
        odd.ticks = vec![(0, net)];
        let _ = odd.swap(side, Exact::In(U256::from_limbs(given)));
        let _ = odd.swap(side, Exact::Out(U256::from_limbs(given)));
    }
}
