//! Plain transfers, simulated beside bare `revm` on the same state in the same run: warm, with all state
//! in the cache, and cold, where each reads all of its state by the way that a node's takes.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use chain::BlockRef;
use futures_util::future::{self, BoxFuture, FutureExt};
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext,
    context::TxEnv,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};
use sim::{
    BlockEnv, Bundle, Call, EvmSimulator, Fees, FetchLimits, Fetched, Hardfork, Means, NO_CODE,
    Outcome, Overrides, Rules, SimulationLimits, Simulator, StateCache, StateKey, StateSource,
    StateValue, Status,
};

use super::{Figures, rate, time, wrong};
use crate::error::BenchError;

/// Those who pay and are paid.
const ACCOUNTS: usize = 5_000;

/// Transfers that are simulated by one call of the simulator, as many as a block may have.
const BATCH: usize = 100;

/// Transfers that are simulated with no state known.
const COLD_MAX: usize = 5_000;

const AT: BlockRef = BlockRef { number: 100, hash: B256::repeat_byte(1) };

fn account(n: usize) -> Address {
    Address::from_slice(&keccak256(n.to_be_bytes())[..20])
}

fn balance() -> U256 {
    U256::from(10).pow(U256::from(20))
}

fn env() -> BlockEnv {
    BlockEnv {
        number: 101,
        timestamp: 1_800_000_000,
        gas_limit: 60_000_000,
        base_fee_per_gas: 7,
        beneficiary: Address::repeat_byte(0xc0),
        prevrandao: B256::ZERO,
        excess_blob_gas: Some(0),
    }
}

/// Every account has the same balance.
struct Memory;

impl StateSource for Memory {
    fn fetch<'a>(&'a self, _: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched> {
        let answer = |key: &StateKey| match key {
            StateKey::Account(_) => {
                let (balance, code) = (balance(), Some(Bytes::new()));
                Ok(StateValue::Account { balance, nonce: 0, code_hash: NO_CODE, code })
            }
            _ => Ok(StateValue::Storage(U256::ZERO)),
        };
        future::ready(keys.iter().map(answer).collect()).boxed()
    }
}

fn calls(count: usize) -> Vec<Call> {
    let fees =
        Fees { max_fee_per_gas: 100, max_priority_fee_per_gas: Some(1), max_fee_per_blob_gas: 0 };
    let call = |n: usize| {
        let (from, to) = (account(n % ACCOUNTS), account((n * 7 + 1) % ACCOUNTS));
        let nonce = Some((n / ACCOUNTS) as u64);
        let call = Call::free(from, to, Bytes::new(), 21_000);
        Call { value: U256::ONE, fees: Some(fees), nonce, ..call }
    };
    (0..count).map(call).collect()
}

/// The same transfers as `revm` takes them.
fn bare_transaction(call: &Call) -> TxEnv {
    TxEnv {
        tx_type: 2,
        caller: call.from,
        gas_limit: call.gas_limit,
        gas_price: 100,
        gas_priority_fee: Some(1),
        kind: TxKind::Call(call.to.unwrap_or_default()),
        value: call.value,
        nonce: call.nonce.unwrap_or_default(),
        chain_id: Some(1),
        ..TxEnv::default()
    }
}

fn bare_state() -> CacheDB<EmptyDB> {
    let mut state = CacheDB::new(EmptyDB::default());
    for n in 0..ACCOUNTS {
        let info = AccountInfo { balance: balance(), ..AccountInfo::default() };
        state.insert_account_info(account(n), info);
    }
    state
}

/// Bare `revm`: each transfer on what the one before left, or each on the same state.
fn bare(calls: &[Call], stands_on_last: bool) -> Timed {
    let context = Context::mainnet().with_db(bare_state()).modify_block_chained(|block| {
        block.basefee = 7;
        block.beneficiary = Address::repeat_byte(0xc0);
    });
    let context =
        context.modify_cfg_chained(|cfg| cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA));
    let mut machine = context.build_mainnet();
    timed(|| {
        calls.iter().all(|call| {
            let transaction = bare_transaction(call);
            if stands_on_last {
                machine.transact_commit(transaction).is_ok_and(|result| result.is_success())
            } else {
                machine.transact(transaction).is_ok_and(|done| done.result.is_success())
            }
        })
    })
}

/// Bare `revm` with a machine of its own for each transfer, on the same state.
fn bare_anew(calls: &[Call]) -> Timed {
    let mut state = bare_state();
    timed(|| {
        calls.iter().all(|call| {
            let context = Context::mainnet().with_db(&mut state).modify_block_chained(|block| {
                block.basefee = 7;
                block.beneficiary = Address::repeat_byte(0xc0);
            });
            let context = context
                .modify_cfg_chained(|cfg| cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA));
            let done = context.build_mainnet().transact(bare_transaction(call));
            done.is_ok_and(|done| done.result.is_success())
        })
    })
}

fn bundle(calls: Vec<Call>) -> Bundle {
    Bundle { at: AT, env: env(), calls, overrides: Overrides::default() }
}

fn alone(calls: &[Call]) -> Vec<Bundle> {
    calls.iter().map(|call| bundle(vec![call.clone()])).collect()
}

/// The time of this thread.
type Timed = Result<Duration, BenchError>;

/// Does something that is to be true.
fn timed(work: impl FnOnce() -> bool) -> Timed {
    let (is_right, took) = time(work);
    if is_right { Ok(took.cpu) } else { Err(wrong("a transfer is no success")) }
}

/// The ways to simulate.
pub(super) struct Simulations {
    simulator: EvmSimulator,
    warm: StateCache,
    /// Transfers that stand on each other.
    calls: Vec<Call>,
    together: Vec<Bundle>,
    /// Transfers that each stand on the block's state.
    first_calls: Vec<Call>,
    alone: Vec<Bundle>,
}

impl Simulations {
    pub(super) fn new(count: u32) -> Self {
        let rules = Rules { hardfork: Some(Hardfork::Osaka), ..Rules::of_chain(1) };
        let limits = SimulationLimits { bundle_gas_max: u64::MAX, ..SimulationLimits::default() };
        let warm = StateCache::new(64 << 20);
        for n in 0..ACCOUNTS {
            insert(&warm, account(n));
        }
        insert(&warm, env().beneficiary);
        let calls = calls(count as usize);
        let first = |call: &Call| Call { nonce: Some(0), ..call.clone() };
        let first_calls: Vec<Call> = calls.iter().map(first).collect();
        Simulations {
            simulator: EvmSimulator::new(rules, limits),
            warm,
            together: first_calls.chunks(BATCH).map(|calls| bundle(calls.to_vec())).collect(),
            calls,
            alone: alone(&first_calls),
            first_calls,
        }
    }

    /// Measures every way once: what else the machine does is much the same for all of them.
    pub(super) fn once(&self) -> Result<Figures, BenchError> {
        let count = self.calls.len();
        let (on_last, together) = (bare(&self.calls, true)?, self.together()?);
        let (on_same, each) = (bare(&self.first_calls, false)?, self.each()?);
        let (anew, alone) = (bare_anew(&self.first_calls)?, self.one()?);
        let cold_count = count.min(COLD_MAX);
        let cold = rate(cold_count, self.cold(cold_count)?);
        let percent = |of: Duration, took: Duration| 100.0 * of.as_secs_f64() / took.as_secs_f64();
        Ok(vec![
            ("bare_on_last", "transfers/CPU-s, bare revm, each on the last", rate(count, on_last)),
            ("together", "transfers/CPU-s, 100 in a bundle, warm", rate(count, together)),
            ("together_percent", "% of bare revm, 100 in a bundle", percent(on_last, together)),
            ("bare_on_same", "transfers/CPU-s, bare revm, on one state", rate(count, on_same)),
            ("each", "transfers/CPU-s, 100 bundles of one, warm", rate(count, each)),
            ("each_percent", "% of bare revm, 100 bundles of one", percent(on_same, each)),
            ("bare_anew", "transfers/CPU-s, bare revm, a machine for each", rate(count, anew)),
            ("alone", "transfers/CPU-s, one bundle of one, warm", rate(count, alone)),
            ("alone_percent", "% of bare revm, a machine for each", percent(anew, alone)),
            ("cold", "transfers/CPU-s, one bundle of one, cold", cold),
            ("cold_percent", "% of bare revm, cold", 100.0 * cold / rate(count, on_same)),
        ])
    }

    fn together(&self) -> Timed {
        timed(|| {
            self.together.iter().all(|bundle| {
                let outcomes = self.simulator.simulate(bundle, &mut self.warm.view(AT));
                outcomes.iter().all(is_success)
            })
        })
    }

    fn each(&self) -> Timed {
        timed(|| {
            self.alone.chunks(BATCH).all(|bundles| {
                let outcomes = self.simulator.simulate_each(bundles, &mut self.warm.view(AT));
                outcomes.iter().flatten().all(is_success)
            })
        })
    }

    fn one(&self) -> Timed {
        timed(|| {
            self.alone.iter().all(|bundle| {
                let outcomes = self.simulator.simulate(bundle, &mut self.warm.view(AT));
                outcomes.iter().all(is_success)
            })
        })
    }

    /// With an empty cache for each transfer.
    fn cold(&self, count: usize) -> Timed {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(BenchError::machine("a runtime can't be made"))?;
        let due = Instant::now() + Duration::from_secs(600);
        timed(|| {
            self.alone.iter().take(count).all(|bundle| {
                let cache = StateCache::new(1 << 20);
                let means = Means {
                    simulator: &self.simulator,
                    cache: &cache,
                    source: &Memory,
                    limits: FetchLimits::default(),
                };
                runtime.block_on(sim::simulate(means, bundle, due)).iter().all(is_success)
            })
        })
    }
}

fn is_success(outcome: &Outcome) -> bool {
    outcome.status == Status::Success
}

fn insert(cache: &StateCache, address: Address) {
    let (balance, code) = (balance(), None);
    let value = StateValue::Account { balance, nonce: 0, code_hash: NO_CODE, code };
    cache.insert(AT, StateKey::Account(address), value).expect("it is of its key's kind");
}
