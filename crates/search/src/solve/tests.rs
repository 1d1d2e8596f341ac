//! The solver against trying every input.

use alloy_primitives::{Address, B256, U256};
use chain::BlockRef;
use proptest::prelude::*;

use super::{Optimum, climb, optimum};
use crate::{Hop, Pool, PoolState, Side, State, V2Pool};

fn state(reserves: &[(u128, u128)], fee_ppm: u32) -> (State, Vec<Hop>) {
    let block = BlockRef { number: 1, hash: B256::ZERO };
    let mut state = State { block, pools: Default::default() };
    let mut path = vec![];
    for (at, (reserve0, reserve1)) in reserves.iter().enumerate() {
        let pool = Address::with_last_byte(100 + at as u8);
        let held = V2Pool { reserve0: *reserve0, reserve1: *reserve1, fee_ppm };
        let (token0, token1) = (Address::with_last_byte(1), Address::with_last_byte(2));
        state.pools.insert(pool, Pool { token0, token1, state: PoolState::V2(held) });
        path.push(Hop { pool, side: Side::ZeroForOne });
    }
    (state, path)
}

fn every_input(state: &State, path: &[Hop], upto: u64) -> Option<U256> {
    let gain = |given: u64| {
        let given = U256::from(given);
        state.amount_out(path, given).ok()?.checked_sub(given).filter(|it| !it.is_zero())
    };
    (1..=upto).filter_map(gain).max()
}

fn sizes(hops: usize) -> impl Strategy<Value = Vec<(u128, u128)>> {
    proptest::collection::vec((1_u128..3000, 1_u128..3000), hops)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn true_optimum_of_two(reserves in sizes(2), fee in prop_oneof![Just(3000_u32), Just(0), Just(10_000)]) {
        let (state, path) = state(&reserves, fee);
        let found = optimum(&state, &path).unwrap();
        prop_assert_eq!(found.map(|it| it.gain()), every_input(&state, &path, 4000));
    }

    #[test]
    fn true_optimum_of_three(reserves in sizes(3)) {
        let (state, path) = state(&reserves, 3000);
        let found = optimum(&state, &path).unwrap();
        prop_assert_eq!(found.map(|it| it.gain()), every_input(&state, &path, 4000));
    }

    /// The two ways of solving agree on large pools to a share of 10⁻⁶, and each states exact amounts.
    #[test]
    fn both_ways_agree(a in 1_u64..1000, b in 1_u64..1000, c in 1_u64..1000) {
        let e = 10_u128.pow(21);
        let reserves = [(a, b), (b, c)].map(|(x, y)| (u128::from(x) * e, u128::from(y) * e));
        let (state, path) = state(&reserves, 3000);
        let (fast, slow) = (optimum(&state, &path).unwrap(), climb(&state, &path).unwrap());
        prop_assert_eq!(fast.is_some(), slow.is_some());
        if let (Some(fast), Some(slow)) = (fast, slow) {
            for Optimum { amount_in, amount_out } in [fast, slow] {
                prop_assert_eq!(state.amount_out(&path, amount_in), Ok(amount_out));
            }
            prop_assert!(fast.gain().abs_diff(slow.gain()) <= slow.gain() / U256::from(1_000_000) + U256::from(4));
        }
    }
}
