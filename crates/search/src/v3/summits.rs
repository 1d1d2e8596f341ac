//! The solver against trying many inputs, through pools whose liquidity differs from range to range.

use alloy_primitives::{Address, B256, U256};
use chain::BlockRef;
use proptest::prelude::*;

use super::{V3Pool, price_at, tick::TICK_MAX, tick::TICK_MIN};
use crate::{Hop, Pool, PoolState, Side, State, V2Pool, optimum};

const SPACING: i32 = 60;
/// Inputs that are tried, each about 5 % above the one before.
const GRID: i32 = 1400;
/// Tokens come in units of 10^-18: what rounding takes is a few of them in each hop and range.
const ROUNDING: u64 = 200;

/// A pool at a tick, with ranges about it, each `(lower, width, liquidity)` in spacings and units.
fn concentrated(tick: i32, ranges: &[(i32, i32, u64)]) -> PoolState {
    let mut net = std::collections::BTreeMap::<i32, i128>::new();
    let base = 10_i128.pow(20);
    *net.entry(-887_220).or_default() += base;
    *net.entry(887_220).or_default() -= base;
    for (lower, width, liquidity) in ranges {
        let liquidity = i128::from(*liquidity) * 10_i128.pow(17);
        *net.entry(lower * SPACING).or_default() += liquidity;
        *net.entry((lower + width) * SPACING).or_default() -= liquidity;
    }
    let ticks: Vec<(i32, i128)> = net.into_iter().filter(|(_, net)| *net != 0).collect();
    let liquidity: i128 = ticks.iter().filter(|(at, _)| *at <= tick).map(|(_, net)| net).sum();
    PoolState::V3(V3Pool {
        sqrt_price: price_at(tick) + U256::from(7),
        tick,
        liquidity: liquidity.unsigned_abs(),
        fee_ppm: 3000,
        tick_spacing: SPACING,
        ticks,
        read: (TICK_MIN, TICK_MAX),
    })
}

/// A pair with the price 1, more or less.
fn pair(tilt: i32) -> PoolState {
    let e = 10_u128.pow(20);
    let reserve1 = (1000 + tilt).unsigned_abs();
    PoolState::V2(V2Pool { reserve0: 1000 * e, reserve1: u128::from(reserve1) * e, fee_ppm: 3000 })
}

/// A cycle through these pools, each in its own direction.
fn cycle(pools: Vec<(PoolState, Side)>) -> (State, Vec<Hop>) {
    let block = BlockRef { number: 1, hash: B256::ZERO };
    let mut state = State { block, pools: Default::default() };
    let mut path = vec![];
    for (at, (held, side)) in (0_u8..).zip(pools) {
        let pool = Address::with_last_byte(100 + at);
        let (token0, token1) = (Address::with_last_byte(1), Address::with_last_byte(2));
        state.pools.insert(pool, Pool { token0, token1, state: held });
        path.push(Hop { pool, side });
    }
    (state, path)
}

/// The best of a grid over all sizes, and of a finer one about it.
fn best_of_grid(state: &State, path: &[Hop]) -> U256 {
    let gain = |given: f64| {
        let given = U256::from(given as u128);
        let out = state.amount_out(path, given).ok()?;
        Some((out.checked_sub(given)?, given))
    };
    let coarse = (0..GRID).filter_map(|at| gain(1.05_f64.powi(at)));
    let Some((best, at)) = coarse.max() else { return U256::ZERO };
    let at = f64::from(at);
    let fine = (-600..=600).filter_map(|step| gain(at * (1.0 + f64::from(step) * 1e-4)));
    fine.map(|it| it.0).max().unwrap_or(best).max(best)
}

fn ranges() -> impl Strategy<Value = Vec<(i32, i32, u64)>> {
    proptest::collection::vec((-12_i32..12, 1_i32..10, 1_u64..200_000), 0..7)
}

/// A pool of either kind, near the price 1.
fn pool() -> impl Strategy<Value = PoolState> {
    prop_oneof![
        3 => (-700_i32..700, ranges()).prop_map(|(tick, ranges)| concentrated(tick, &ranges)),
        1 => (-60_i32..60).prop_map(pair),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    any::<bool>().prop_map(|zero| if zero { Side::ZeroForOne } else { Side::OneForZero })
}

/// Checks that no tried input gains more than the solver's, but for rounding.
fn check(pools: Vec<(PoolState, Side)>) -> Result<(), TestCaseError> {
    let (state, path) = cycle(pools);
    let best = best_of_grid(&state, &path);
    let found = optimum(&state, &path).expect("every tick was read");
    if let Some(found) = found {
        prop_assert_eq!(state.amount_out(&path, found.amount_in), Ok(found.amount_out));
    }
    let gain = found.map_or(U256::ZERO, |it| it.gain());
    let slack = U256::from(ROUNDING) + best / U256::from(1_000_000_000_u64);
    prop_assert!(gain + slack >= best, "{} is found, {} is there", gain, best);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn nothing_gains_more_through_two(a in pool(), b in pool(), side in side()) {
        check(vec![(a, side), (b, side.back())])?;
    }

    #[test]
    fn nothing_gains_more_through_three(pools in proptest::collection::vec((pool(), side()), 3)) {
        check(pools)?;
    }
}

/// The grid sees what the tests are for: summits behind several ticks.
#[test]
fn summits_lie_behind_several_ticks() {
    let below = [(-12, 3, 20_000), (-9, 4, 20_000), (-5, 4, 50_000), (-1, 6, 40_000)];
    let above = [(9, 3, 20_000), (5, 4, 20_000), (1, 4, 50_000), (-5, 6, 40_000)];
    let (cheap, dear) = (concentrated(-690, &below), concentrated(690, &above));
    let (state, path) = cycle(vec![(cheap, Side::OneForZero), (dear, Side::ZeroForOne)]);
    let found = optimum(&state, &path).expect("every tick was read").expect("it gains");
    let crossed = |hop: &Hop, given: U256| {
        let PoolState::V3(pool) = &state.pools[&hop.pool].state else { panic!("it is one") };
        let after = pool.swap(hop.side, crate::Exact::In(given)).expect("it fills").after;
        let (from, to) = (pool.tick.min(after.tick), pool.tick.max(after.tick));
        pool.ticks.iter().filter(|(tick, _)| (from..to).contains(tick)).count()
    };
    assert!(crossed(&path[0], found.amount_in) >= 2);
    assert!(best_of_grid(&state, &path) <= found.gain() + U256::from(ROUNDING));
}
