//! The pools of a chain that are searched, and their state behind a block.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use chain::{BlockRef, ChainKey};
use feature::{ChainRegistry, Pool as Known, PoolKind};
use search::{Pool, PoolReading, PoolRules, PoolSpec, Progress, State};
use sim::{StateKey, StateValue};

use crate::ingest::simulate::Simulations;

/// Pools of a chain that are read at most, by their addresses.
const POOLS_MAX: usize = 256;

/// Words of a pool's bitmap that are read on each side of its price.
const WORDS: u16 = 2;

/// Rounds in which a pool is read.
const ROUNDS_MAX: usize = 3;

/// Returns what is read of each pool that can be searched: one with a token that takes a fee can't be.
pub(super) fn specs(registry: &ChainRegistry) -> BTreeMap<Address, PoolSpec> {
    let is_plain =
        |token: Address| registry.token(token).is_none_or(|token| !token.fee_on_transfer);
    let spec = |(address, pool): (Address, &Known)| {
        let is_plain = is_plain(pool.token0) && is_plain(pool.token1);
        let rules = rules(pool).filter(|_| is_plain)?;
        let (token0, token1, fee_ppm) = (pool.token0, pool.token1, pool.fee_ppm);
        Some((address, PoolSpec { token0, token1, fee_ppm, rules }))
    };
    registry.pools().into_iter().filter_map(spec).take(POOLS_MAX).collect()
}

/// The spacing follows from the fee, for those fees that the factory of V3 has (`UniswapV3Factory`, and
/// the one that governance added).
fn rules(pool: &Known) -> Option<PoolRules> {
    let tick_spacing = match (pool.kind, pool.fee_ppm) {
        (PoolKind::UniswapV2, _) => return Some(PoolRules::V2),
        (PoolKind::UniswapV3, 100) => 1,
        (PoolKind::UniswapV3, 500) => 10,
        (PoolKind::UniswapV3, 3_000) => 60,
        (PoolKind::UniswapV3, 10_000) => 200,
        (PoolKind::UniswapV3, _) => return None,
    };
    Some(PoolRules::V3 { tick_spacing, words: WORDS })
}

/// Reads pools behind a block, all of a round at once; one that can't be read is left out. `None` where
/// none can.
pub(super) async fn read(
    simulations: &Simulations,
    chain: &ChainKey,
    at: BlockRef,
    specs: BTreeMap<Address, PoolSpec>,
) -> Option<State> {
    let mut reading: BTreeMap<Address, PoolReading> =
        specs.into_iter().map(|(address, spec)| (address, PoolReading::new(spec))).collect();
    let mut pools: BTreeMap<Address, Pool> = BTreeMap::new();
    for _ in 0..ROUNDS_MAX {
        let keys: Vec<StateKey> = reading
            .iter()
            .flat_map(|(address, pool)| {
                pool.wanted().into_iter().map(|slot| StateKey::Storage(*address, slot))
            })
            .collect();
        if keys.is_empty() {
            break;
        }
        let mut values = simulations.state(chain, at, &keys).await?.into_iter();
        let mut next = BTreeMap::new();
        for (address, pool) in reading {
            let wanted = pool.wanted().len();
            let answers: Vec<_> = values.by_ref().take(wanted).collect();
            let slots = answers.iter().map(slot).collect::<Option<Vec<_>>>();
            let Some(slots) = slots else { continue };
            match pool.take(&slots) {
                Ok(Progress::More(more)) => drop(next.insert(address, more)),
                Ok(Progress::Done(pool)) => drop(pools.insert(address, pool)),
                Err(error) => tracing::debug!(%address, %error, "a pool can't be read"),
            }
        }
        reading = next;
    }
    (!pools.is_empty()).then_some(State { block: at, pools })
}

fn slot(value: &Result<StateValue, sim::StateError>) -> Option<U256> {
    match value {
        Ok(StateValue::Storage(word)) => Some(*word),
        _ => None,
    }
}
