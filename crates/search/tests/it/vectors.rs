//! Amounts against those of Uniswap's own contracts, which [`make.py`](../vectors/make.py) deployed to a
//! node and swapped with: each to the unit, and so what the pool is left as.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use search::{
    Exact, NoAmount, PoolReading, PoolRules, PoolSpec, PoolState, Progress, ReadError, Side,
    V2Pool, V3Pool,
};
use serde::Deserialize;

const VECTORS: &str = include_str!("../vectors/uniswap.json");

#[derive(Deserialize)]
struct Vectors {
    swaps: Vec<Vector>,
    pools: Vec<Kept>,
}

/// What a pool's contract keeps, and what it says of itself.
#[derive(Deserialize)]
struct Kept {
    storage: BTreeMap<U256, U256>,
    fee_ppm: u32,
    tick_spacing: Option<i32>,
    state: Said,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    V2 { reserves: [String; 2] },
    V3(Before),
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Vector {
    V2 {
        reserves: [String; 2],
        fee_ppm: u32,
        zero_for_one: bool,
        amount_in: String,
        amount_out: Option<String>,
    },
    V3 {
        fee_ppm: u32,
        tick_spacing: i32,
        before: Before,
        zero_for_one: bool,
        exact_in: bool,
        amount: String,
        other_amount: Option<String>,
        #[serde(rename = "got")]
        _got: Option<String>,
        after: Option<After>,
    },
}

#[derive(Deserialize)]
struct Before {
    sqrt_price_x96: String,
    tick: i32,
    liquidity: String,
    ticks: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct After {
    sqrt_price_x96: String,
    tick: i32,
    liquidity: String,
}

fn side(zero_for_one: bool) -> Side {
    if zero_for_one { Side::ZeroForOne } else { Side::OneForZero }
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).expect("they are JSON")
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the vectors have numbers")
}

fn pool(before: &Before, fee_ppm: u32, tick_spacing: i32) -> V3Pool {
    let mut ticks: Vec<(i32, i128)> =
        before.ticks.iter().map(|(tick, net)| (number(tick), number(net))).collect();
    ticks.sort_unstable();
    V3Pool {
        sqrt_price: number(&before.sqrt_price_x96),
        tick: before.tick,
        liquidity: number(&before.liquidity),
        fee_ppm,
        tick_spacing,
        ticks,
        read: (search::TICK_MIN, search::TICK_MAX),
    }
}

#[test]
fn swaps_are_those_of_the_contracts() {
    let vectors = vectors().swaps;
    let (mut v2, mut v3, mut refused, mut crossed) = (0, 0, 0, 0);
    for (at, vector) in vectors.into_iter().enumerate() {
        match vector {
            Vector::V2 { reserves, fee_ppm, zero_for_one, amount_in, amount_out } => {
                v2 += 1;
                let [reserve0, reserve1] = reserves.map(|text| number(&text));
                let pool = V2Pool { reserve0, reserve1, fee_ppm };
                let swapped = pool.swap(side(zero_for_one), Exact::In(number(&amount_in)));
                let expected = amount_out.as_deref().map(number::<U256>);
                // The contract moves nothing at all for what is too little; here that is an error.
                let found = match swapped {
                    Ok(swapped) => Some(swapped.amount_out),
                    Err(NoAmount::Nothing) => expected.filter(U256::is_zero),
                    Err(_) => None,
                };
                assert_eq!(found, expected, "vector {at}");
            }
            Vector::V3 {
                fee_ppm,
                tick_spacing,
                before,
                zero_for_one,
                exact_in,
                amount,
                other_amount,
                after,
                ..
            } => {
                let pool = pool(&before, fee_ppm, tick_spacing);
                let asked = number(&amount);
                let exact = if exact_in { Exact::In(asked) } else { Exact::Out(asked) };
                let swapped = pool.swap(side(zero_for_one), exact);
                let Some(other) = other_amount else {
                    refused += 1;
                    assert!(swapped.is_err(), "vector {at}: {swapped:?}");
                    continue;
                };
                v3 += 1;
                let swapped = match swapped {
                    Err(NoAmount::Nothing) if number::<U256>(&other).is_zero() => continue,
                    swapped => swapped.unwrap_or_else(|error| panic!("vector {at}: {error}")),
                };
                let (found, whole) = match exact_in {
                    true => (swapped.amount_out, swapped.amount_in),
                    false => (swapped.amount_in, swapped.amount_out),
                };
                assert_eq!((found, whole), (number(&other), asked), "vector {at}");
                let left = After {
                    sqrt_price_x96: swapped.after.sqrt_price.to_string(),
                    tick: swapped.after.tick,
                    liquidity: swapped.after.liquidity.to_string(),
                };
                crossed += u32::from(swapped.after.liquidity != pool.liquidity);
                assert_eq!(Some(left), after, "vector {at}");
            }
        }
    }
    assert!(v2 > 100 && v3 > 150 && refused > 5 && crossed > 20, "{v2} {v3} {refused} {crossed}");
}

/// Reads a pool from what its contract keeps; returns how many rounds it took.
fn read(kept: &Kept, words: u16) -> Result<(PoolState, u32), ReadError> {
    let rules = match kept.tick_spacing {
        None => PoolRules::V2,
        Some(tick_spacing) => PoolRules::V3 { tick_spacing, words },
    };
    let (token0, token1) = (Address::with_last_byte(1), Address::with_last_byte(2));
    let mut reading = PoolReading::new(PoolSpec { token0, token1, fee_ppm: kept.fee_ppm, rules });
    for round in 1.. {
        let slot = |slot: &U256| kept.storage.get(slot).copied().unwrap_or_default();
        let slots: Vec<U256> = reading.wanted().iter().map(slot).collect();
        match reading.take(&slots)? {
            Progress::More(more) => reading = more,
            Progress::Done(pool) => return Ok((pool.state, round)),
        }
    }
    unreachable!("it ends")
}

#[test]
fn pools_are_read_from_what_their_contracts_keep() {
    for kept in vectors().pools {
        // All words of a pool, whatever its spacing.
        let (state, rounds) = read(&kept, 4_000).expect("it is one");
        match (&kept.state, state) {
            (Said::V2 { reserves }, PoolState::V2(found)) => {
                assert_eq!(
                    [found.reserve0, found.reserve1],
                    [number(&reserves[0]), number(&reserves[1])]
                );
                assert_eq!(rounds, 1);
            }
            (Said::V3(before), PoolState::V3(found)) => {
                let expected = pool(before, kept.fee_ppm, found.tick_spacing);
                assert_eq!(found, expected);
                assert_eq!(rounds, 3);
            }
            _ => panic!("another kind"),
        }
    }
}

#[test]
fn what_was_not_read_is_unknown() {
    for kept in vectors().pools.into_iter().filter(|kept| kept.tick_spacing.is_some()) {
        let (near, far) =
            (read(&kept, 0).expect("it is one"), read(&kept, 4_000).expect("it is one"));
        let (PoolState::V3(near), PoolState::V3(far)) = (near.0, far.0) else { panic!("V3") };
        let mut unknown = 0;
        for digits in 1..30 {
            for side in [Side::ZeroForOne, Side::OneForZero] {
                let exact = Exact::In(U256::from(10).pow(U256::from(digits)));
                match near.swap(side, exact) {
                    Err(NoAmount::Unknown { .. }) => unknown += 1,
                    found => {
                        let same = |swapped: search::Swapped<V3Pool>| {
                            (swapped.amount_in, swapped.amount_out, swapped.after.sqrt_price)
                        };
                        assert_eq!(found.map(same), far.swap(side, exact).map(same));
                    }
                }
            }
        }
        assert!(unknown > 0, "some leave the word of the price");
    }
}

#[test]
fn slots_of_something_else_are_refused() {
    let mut kept =
        vectors().pools.into_iter().find(|kept| kept.tick_spacing.is_some()).expect("one");
    kept.storage.insert(U256::ZERO, U256::ZERO);
    assert_eq!(read(&kept, 1), Err(ReadError::NotInitialised));
    let nothing = PoolReading::new(PoolSpec {
        token0: Address::ZERO,
        token1: Address::ZERO,
        fee_ppm: 3_000,
        rules: PoolRules::V2,
    });
    assert_eq!(nothing.clone().take(&[U256::ZERO]), Err(ReadError::NotInitialised));
    assert_eq!(nothing.take(&[]), Err(ReadError::Nonsense));
}
