//! Which cycles are walked.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use chain::BlockRef;

use super::Graph;
use crate::{Pool, PoolState, State, V2Pool};

fn state(pools: &[(u8, u8, u8)]) -> State {
    let at = Address::with_last_byte;
    let held = V2Pool { reserve0: 1000, reserve1: 1000, fee_ppm: 3000 };
    let pool = |a, b| Pool { token0: at(a), token1: at(b), state: PoolState::V2(held.clone()) };
    let pools = pools.iter().map(|(name, a, b)| (at(*name), pool(*a, *b))).collect();
    State { block: BlockRef { number: 1, hash: B256::ZERO }, pools }
}

#[test]
fn each_once_in_both_directions() {
    // Two pools of tokens 1 and 2, and a triangle 1-2-3 over either of them.
    let state = state(&[(101, 1, 2), (102, 1, 2), (103, 2, 3), (104, 1, 3), (105, 3, 4)]);
    let graph = Graph::of(&state, None);
    let touched = |names: &[u8]| names.iter().map(|it| Address::with_last_byte(*it)).collect();
    let count = |names: &[u8]| graph.through(&touched(names), 100).paths.len();
    assert_eq!(count(&[101]), 4);
    assert_eq!(count(&[103]), 4);
    assert_eq!(count(&[105]), 0);
    let all: BTreeSet<Address> = touched(&[101, 102, 103, 104, 105, 200]);
    let found = graph.through(&all, 100);
    assert_eq!((found.paths.len(), found.cut), (6, false));
    let cut = graph.through(&all, 3);
    assert_eq!((cut.paths.len(), cut.cut), (3, true));
    for path in &found.paths {
        let first = &state.pools[&path[0].pool];
        assert_eq!(first.given(path[0].side), Address::with_last_byte(1));
    }
    let from_two = Graph::of(&state, Some(Address::with_last_byte(2)));
    for path in from_two.through(&all, 100).paths {
        assert_eq!(state.pools[&path[0].pool].given(path[0].side), Address::with_last_byte(2));
    }
}
