//! A state in memory, which says what a test wants it to say.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use chain::BlockRef;
use futures_util::future::{self, BoxFuture, FutureExt};
use sim::{
    BlockEnv, Bundle, Call, EvmSimulator, Fees, FetchLimits, Hardfork, Means, Outcome, Overrides,
    Rules, SimulationLimits, Simulator, StateCache, StateError, StateKey, StateSource, StateValue,
};

/// The chain of these tests.
pub(crate) const CHAIN_ID: u64 = 31_337;

pub(crate) const BLOCK: BlockRef = BlockRef { number: 100, hash: B256::repeat_byte(0xb1) };

/// What a source does with a key.
pub(crate) type Answer = Result<StateValue, StateError>;

/// A state in memory.
#[derive(Default)]
pub(crate) struct Memory {
    accounts: BTreeMap<Address, (U256, u64, Bytes)>,
    slots: BTreeMap<(Address, U256), U256>,
    /// What is answered instead.
    odd: BTreeMap<StateKey, Answer>,
    /// It never answers.
    pub(crate) hangs: bool,
    pub(crate) batches: AtomicUsize,
    pub(crate) asked: Mutex<Vec<StateKey>>,
}

impl Memory {
    pub(crate) fn with(mut self, address: Address, balance: U256, code: &Bytes) -> Memory {
        self.accounts.insert(address, (balance, 0, code.clone()));
        self
    }

    pub(crate) fn slot(mut self, address: Address, slot: U256, value: U256) -> Memory {
        self.slots.insert((address, slot), value);
        self
    }

    pub(crate) fn odd(mut self, key: StateKey, answer: Answer) -> Memory {
        self.odd.insert(key, answer);
        self
    }

    pub(crate) fn answer(&self, key: &StateKey) -> Answer {
        if let Some(answer) = self.odd.get(key) {
            return answer.clone();
        }
        let account = |address: &Address| self.accounts.get(address).cloned().unwrap_or_default();
        Ok(match key {
            StateKey::Account(address) => {
                let (balance, nonce, code) = account(address);
                StateValue::Account { balance, nonce, code_hash: keccak256(&code), code: None }
            }
            StateKey::Storage(address, slot) => {
                StateValue::Storage(self.slots.get(&(*address, *slot)).copied().unwrap_or_default())
            }
            StateKey::Code(address) => StateValue::Code(account(address).2),
            StateKey::BlockHash(number) => StateValue::BlockHash(keccak256(number.to_be_bytes())),
        })
    }
}

impl StateSource for Memory {
    fn fetch<'a>(&'a self, _: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, sim::Fetched> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.asked.lock().expect("no holder panics").extend(keys);
        if self.hangs {
            return future::pending().boxed();
        }
        future::ready(keys.iter().map(|key| self.answer(key)).collect()).boxed()
    }
}

pub(crate) fn env() -> BlockEnv {
    BlockEnv {
        number: BLOCK.number + 1,
        timestamp: 1_800_000_000,
        gas_limit: 60_000_000,
        base_fee_per_gas: 7,
        beneficiary: Address::repeat_byte(0xc0),
        prevrandao: B256::repeat_byte(5),
        excess_blob_gas: Some(0),
    }
}

pub(crate) fn bundle(calls: Vec<Call>) -> Bundle {
    Bundle { at: BLOCK, env: env(), calls, overrides: Overrides::default() }
}

/// A transaction that pays for its gas.
pub(crate) fn paid(from: Address, to: Address, value: U256, input: Bytes, gas: u64) -> Call {
    let fees =
        Fees { max_fee_per_gas: 100, max_priority_fee_per_gas: Some(3), max_fee_per_blob_gas: 100 };
    Call { value, fees: Some(fees), ..Call::free(from, to, input, gas) }
}

pub(crate) fn simulator() -> EvmSimulator {
    let rules = Rules { hardfork: Some(Hardfork::Osaka), ..Rules::of_chain(CHAIN_ID) };
    EvmSimulator::new(rules, SimulationLimits::default())
}

pub(crate) fn means<'a>(
    simulator: &'a dyn Simulator,
    cache: &'a StateCache,
    source: &'a dyn StateSource,
) -> Means<'a> {
    Means { simulator, cache, source, limits: FetchLimits::default() }
}

/// Simulates with a fresh cache, with time enough.
pub(crate) async fn run(source: &dyn StateSource, bundle: &Bundle) -> Vec<Outcome> {
    let (cache, simulator) = (StateCache::new(16 << 20), simulator());
    let due = std::time::Instant::now() + std::time::Duration::from_secs(60);
    sim::simulate(means(&simulator, &cache, source), bundle, due).await
}
