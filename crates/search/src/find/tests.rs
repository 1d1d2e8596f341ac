//! What is found, and that it is what the pools give.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};
use chain::BlockRef;

use super::{Search, Trigger};
use crate::{
    Assumption, Confirm, Exact, Found, Hop, NoAmount, Opportunity, OpportunityStatus, Pool,
    PoolState, Side, Simulated, State, TICK_MAX, TICK_MIN, V2Pool, V3Pool, confirm,
};

const E: u128 = 10_u128.pow(18);

fn at(byte: u8) -> Address {
    Address::with_last_byte(byte)
}

fn pair(reserve0: u128, reserve1: u128) -> PoolState {
    PoolState::V2(V2Pool { reserve0: reserve0 * E, reserve1: reserve1 * E, fee_ppm: 3000 })
}

fn range(read: (i32, i32)) -> PoolState {
    let net = 1000 * E as i128;
    let ticks = vec![(-887_220, net), (887_220, -net)];
    PoolState::V3(V3Pool {
        sqrt_price: U256::ONE << 96,
        tick: 0,
        liquidity: 1000 * E,
        fee_ppm: 3000,
        tick_spacing: 60,
        ticks: ticks.into_iter().filter(|it| it.0 >= read.0 && it.0 <= read.1).collect(),
        read,
    })
}

fn state(pools: Vec<(u8, u8, u8, PoolState)>) -> State {
    let pools = pools.into_iter();
    let pools =
        pools.map(|(name, a, b, state)| (at(name), Pool { token0: at(a), token1: at(b), state }));
    State { block: BlockRef { number: 7, hash: B256::repeat_byte(7) }, pools: pools.collect() }
}

fn search(state: &State) -> Found {
    let touched: BTreeSet<_> = state.pools.keys().copied().collect();
    rules().arbitrage(state, &touched)
}

fn rules() -> Search {
    Search { chain: 31_337, wrapped_native: Some(at(1)), cycles_max: 1000 }
}

/// Making the path's swaps one after the other gives the stated value to the unit.
fn holds(state: &State, found: &Opportunity) {
    let mut state = state.clone();
    let out = found
        .path
        .iter()
        .fold(found.amount_in, |amount, hop| state.apply(*hop, Exact::In(amount)).unwrap().1);
    assert_eq!(out, found.amount_out);
    assert_eq!(out - found.amount_in, found.value);
}

#[test]
fn balanced_pools_give_none() {
    let pools = vec![(101, 1, 2, pair(1000, 1000)), (102, 1, 2, range((TICK_MIN, TICK_MAX)))];
    let found = search(&state(pools));
    assert_eq!((found.opportunities.len(), found.cycles, found.unknown), (0, 2, 0));
}

#[test]
fn imbalances_of_each_kind_are_found() {
    let all = (TICK_MIN, TICK_MAX);
    for pools in [
        vec![(101, 1, 2, pair(1000, 1000)), (102, 1, 2, pair(1000, 1100))],
        vec![(101, 1, 2, range(all)), (102, 1, 2, pair(1000, 1100))],
        vec![(101, 1, 2, range(all)), (102, 2, 3, pair(9, 10)), (103, 1, 3, range(all))],
    ] {
        let state = state(pools);
        let found = search(&state);
        assert_eq!(found.opportunities.len(), 1);
        holds(&state, &found.opportunities[0]);
        assert_eq!(found.opportunities[0].value_wei, Some(found.opportunities[0].value));
        assert_eq!(search(&state), found);
    }
}

#[test]
fn another_token_is_worth_what_a_pool_gives() {
    let pools = vec![
        (101, 2, 3, pair(1000, 1000)),
        (102, 2, 3, pair(1000, 1100)),
        (103, 1, 2, pair(1000, 2000)),
    ];
    let found = &search(&state(pools)).opportunities[0];
    assert!(found.value_wei.unwrap() < found.value);
    assert_eq!(found.assumptions.last(), Some(&Assumption::ConvertedBy { pool: at(103) }));
}

#[test]
fn missing_state_gives_none() {
    let pools = vec![(101, 1, 2, range((-60, 60))), (102, 1, 2, pair(1000, 1400))];
    let found = search(&state(pools));
    assert_eq!(found.opportunities, []);
    assert!(found.unknown > 0);
}

#[test]
fn a_pending_swap_opens_one() {
    let state = state(vec![(101, 1, 2, pair(1000, 1000)), (102, 1, 2, pair(1000, 1000))]);
    let hop = Hop { pool: at(101), side: Side::ZeroForOne };
    let swap = |exact| Trigger { transaction: B256::repeat_byte(9), swaps: vec![(hop, exact)] };
    let given = Exact::In(U256::from(50 * E));
    let found = rules().backrun(&state, &swap(given)).unwrap();
    assert_eq!(found.opportunities.len(), 1);
    let mut after = state.clone();
    after.apply(hop, given).unwrap();
    holds(&after, &found.opportunities[0]);
    assert_eq!(found.opportunities[0].trigger, Some(B256::repeat_byte(9)));
    let huge = rules().backrun(&state, &swap(Exact::In(U256::MAX)));
    assert_eq!(huge, Err(NoAmount::Overflow));
}

#[test]
fn records_are_read_back() {
    let state = state(vec![(101, 1, 2, pair(1000, 1000)), (102, 1, 2, pair(1000, 1100))]);
    let found = search(&state).opportunities.remove(0);
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Opportunity>(&text).unwrap(), found);
    assert!(text.contains(&format!("\"value\":\"{}\"", found.value)), "{text}");
}

struct Says(Simulated);

impl Confirm for Says {
    fn simulate(&self, _: &Opportunity) -> Simulated {
        self.0
    }
}

#[test]
fn only_the_stated_amount_confirms() {
    let state = state(vec![(101, 1, 2, pair(1000, 1000)), (102, 1, 2, pair(1000, 1100))]);
    let found = search(&state).opportunities.remove(0);
    let other = BlockRef { number: 8, ..state.block };
    let out = found.amount_out;
    for (head, says, status) in [
        (state.block, Simulated::Gave(out), OpportunityStatus::Confirmed),
        (state.block, Simulated::Gave(out - U256::ONE), OpportunityStatus::Refuted),
        (state.block, Simulated::Reverted, OpportunityStatus::Refuted),
        (state.block, Simulated::Incomplete, OpportunityStatus::Candidate),
        (other, Simulated::Gave(out), OpportunityStatus::Stale),
    ] {
        let mut found = found.clone();
        confirm(&mut found, head, &Says(says));
        assert_eq!(found.status, status);
    }
}
