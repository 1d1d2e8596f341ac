//! The contract that carries a cycle out, for simulations and tests: its code, and how it is called.
//!
//! Its source is [`contracts/Executor.sol`](../../../contracts/Executor.sol). It is never sent to a chain.

use std::sync::LazyLock;

use alloy_primitives::{Bytes, U256, hex, keccak256};

use crate::{Hop, PoolState, Side, State};

/// What leaves the contract behind, before its code.
const CREATION_BYTES: usize = 28;

const CYCLE: &str = "cycle((uint8,address,uint32,bool)[],uint256,uint256)";

static CREATION: LazyLock<Bytes> = LazyLock::new(|| {
    let text = include_str!("../../../contracts/Executor.bin").trim();
    hex::decode(text).expect("a test reads it").into()
});

/// Returns the code that creates the contract.
#[must_use]
pub fn executor_creation() -> Bytes {
    CREATION.clone()
}

/// Returns the code of the contract as an account has it.
#[must_use]
pub fn executor_code() -> Bytes {
    CREATION.slice(CREATION_BYTES..)
}

/// Returns the call by which the contract carries a cycle out, without having the amount; it returns
/// what is left over. `None` where a pool of the path is not in the state.
#[must_use]
pub fn executor_call(state: &State, path: &[Hop], amount_in: U256) -> Option<Bytes> {
    let mut words = vec![U256::from(96), amount_in, U256::ZERO, U256::from(path.len())];
    for hop in path {
        let (kind, fee_ppm) = match &state.pools.get(&hop.pool)?.state {
            PoolState::V2(pool) => (2_u8, pool.fee_ppm),
            PoolState::V3(pool) => (3, pool.fee_ppm),
        };
        let is_zero_for_one = hop.side == Side::ZeroForOne;
        words.extend([
            U256::from(kind),
            U256::from_be_bytes(hop.pool.into_word().0),
            U256::from(fee_ppm),
            U256::from(u8::from(is_zero_for_one)),
        ]);
    }
    let mut call = keccak256(CYCLE)[..4].to_vec();
    words.iter().for_each(|word| call.extend(word.to_be_bytes::<32>()));
    Some(call.into())
}
