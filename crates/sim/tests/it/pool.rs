//! The pool: deadlines, a full queue, sources that hang, simulators that panic.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use alloy_primitives::{Address, Bytes, U256, hex};
use sim::{
    Bundle, Call, EvmSimulator, FetchLimits, Hardfork, JobError, Lack, Outcome, Pool, PoolCounts,
    PoolOptions, PoolParts, Rules, SimulationLimits, Simulator, StateCache, StateView, Status,
    SubmitError,
};
use tokio::runtime::Handle;

use crate::memory::{self, Memory, bundle, paid};

const FROM: Address = Address::repeat_byte(0xa1);
const CODE: Address = Address::repeat_byte(0xa3);

/// Time enough for anything, on whatever machine.
const LONG: Duration = Duration::from_secs(60);

fn pool(
    source: Memory,
    simulator: Arc<dyn Simulator>,
    queue_max: usize,
    deadline: Duration,
) -> Pool {
    let parts = PoolParts {
        simulator,
        cache: Arc::new(StateCache::new(1 << 20)),
        source: Arc::new(source),
        runtime: Handle::current(),
    };
    let threads = NonZeroUsize::new(2).expect("it is not 0");
    let fetch = FetchLimits::default();
    Pool::start(parts, PoolOptions { threads, queue_max, deadline, fetch }).expect("it starts")
}

fn rich() -> Memory {
    Memory::default().with(FROM, U256::MAX >> 1, &Bytes::new())
}

fn transfer() -> Bundle {
    bundle(vec![paid(FROM, CODE, U256::ONE, Bytes::new(), 21_000)])
}

fn sum_of(counts: &PoolCounts) -> u64 {
    let PoolCounts {
        submitted: _,
        busy,
        closed,
        expired,
        abandoned,
        panicked,
        dropped,
        complete,
        deadline,
        pruned,
        block_gone,
        unavailable,
        refused,
        nonsense,
        limited,
        blob_fee,
        rules,
        internal,
    } = *counts;
    let refused_first = busy + closed + expired + abandoned + panicked + dropped;
    let lacks = pruned + block_gone + unavailable + refused + nonsense + limited;
    refused_first + complete + deadline + lacks + blob_fee + rules + internal
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_come_to_their_outcomes() {
    let pool = pool(rich(), Arc::new(memory::simulator()), 1000, LONG);
    let submitted: Vec<_> = (0..500).map(|_| pool.try_submit(transfer())).collect();
    for outcomes in submitted {
        let outcomes = outcomes.expect("there is room").await.expect("it is told");
        assert_eq!(outcomes.expect("it is done")[0].status, Status::Success);
    }
    let counts = pool.end();
    assert_eq!((counts.submitted, counts.complete, sum_of(&counts)), (500, 500, 500));
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_do_not_change_what_is_said() {
    let mut written = Vec::new();
    for _ in 0..3 {
        // It adds one to what it keeps: SLOAD, ADD, SSTORE.
        let source = rich().with(CODE, U256::ZERO, &hex!("5f54600101805f5500").into());
        let pool = pool(source, Arc::new(memory::simulator()), 1000, LONG);
        let counts = |n: u64| {
            let calls = vec![paid(FROM, CODE, U256::from(n), Bytes::new(), 60_000 + n); 5];
            let mut bundle = bundle(calls);
            bundle.at.hash = alloy_primitives::B256::with_last_byte((n % 7) as u8);
            bundle
        };
        let jobs: Vec<_> = (0..200).map(|n| pool.try_submit(counts(n))).collect();
        let mut all = Vec::new();
        for job in jobs {
            all.push(job.expect("there is room").await.expect("it is told").expect("it is done"));
        }
        assert!(all.iter().flatten().all(|outcome| outcome.status == Status::Success));
        written.push(serde_json::to_string(&all).expect("it is JSON"));
    }
    assert!(written.iter().all(|text| *text == written[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_hangs_holds_nobody_up() {
    let mut source = rich();
    source.hangs = true;
    let pool = pool(source, Arc::new(memory::simulator()), 3, Duration::from_millis(300));
    let mut taken = Vec::new();
    let mut busy = 0;
    for _ in 0..100 {
        match pool.try_submit(transfer()) {
            Ok(outcomes) => taken.push(outcomes),
            Err(error) => {
                assert_eq!(error, SubmitError::Busy);
                busy += 1;
            }
        }
    }
    // Two run, three wait.
    assert!((3..=5).contains(&taken.len()), "{}", taken.len());
    for outcomes in taken {
        match outcomes.await.expect("it is told") {
            Ok(outcomes) => {
                let Status::Incomplete { missing, why } = &outcomes[0].status else {
                    panic!("{outcomes:?}")
                };
                assert_eq!((*why, missing.is_empty()), (Lack::Deadline, false));
            }
            Err(error) => assert_eq!(error, JobError::Expired),
        }
    }
    let counts = pool.end();
    assert_eq!((counts.busy, counts.submitted, sum_of(&counts)), (busy, 100, 100));
    assert!(counts.deadline >= 2 && counts.expired >= 1, "{counts:?}");
}

/// Takes as much gas as a call asks for.
fn without_limits() -> EvmSimulator {
    let rules = Rules {
        hardfork: Some(Hardfork::Osaka),
        transaction_gas_max: Some(u64::MAX),
        ..Rules::of_chain(memory::CHAIN_ID)
    };
    let limits = SimulationLimits { bundle_gas_max: u64::MAX, ..SimulationLimits::default() };
    EvmSimulator::new(rules, limits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_never_ends_is_cut() {
    for code in [
        // A jump to itself; a jump on a condition; calls of a contract that does nothing.
        Bytes::from(hex!("5b5f56")),
        Bytes::from(hex!("5b60015f57")),
        Bytes::from(hex!("5b5f5f5f5f5f60ee5af1505f56")),
        // It calls itself twice, without a jump.
        Bytes::from(hex!("5f5f5f5f5f305af1505f5f5f5f5f305af15000")),
    ] {
        let source = rich().with(CODE, U256::ZERO, &code);
        let deadline = Duration::from_millis(500);
        let pool = pool(source, Arc::new(without_limits()), 4, deadline);
        let endless = Call::free(FROM, CODE, Bytes::new(), u64::MAX);
        let mut bundle = bundle(vec![endless, Call::free(FROM, FROM, Bytes::new(), 21_000)]);
        bundle.env.gas_limit = u64::MAX;
        let outcomes = pool.try_submit(bundle).expect("there is room").await.expect("it is told");
        let outcomes = outcomes.expect("it ran");
        let why = |why| Status::Incomplete { missing: Vec::new(), why };
        assert_eq!(outcomes[0].status, why(Lack::Deadline), "{code}");
        assert_eq!(outcomes[1].status, why(Lack::Before));
        assert_eq!(pool.end().deadline, 1);
    }
}

/// Panics at bundles without calls.
struct Panics(EvmSimulator);

impl Simulator for Panics {
    fn simulate(&self, bundle: &Bundle, state: &mut dyn StateView) -> Vec<Outcome> {
        assert!(!bundle.calls.is_empty(), "it is a test that it is caught");
        self.0.simulate(bundle, state)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_one_job() {
    let pool = pool(rich(), Arc::new(Panics(memory::simulator())), 100, LONG);
    for _ in 0..5 {
        let panics = pool.try_submit(bundle(Vec::new())).expect("there is room");
        assert_eq!(panics.await.expect("it is told"), Err(JobError::Panicked));
        let works = pool.try_submit(transfer()).expect("there is room").await;
        assert!(works.expect("it is told").is_ok());
    }
    let counts = pool.end();
    assert_eq!((counts.panicked, counts.complete), (5, 5));
}

/// Simulates nothing until it may.
#[derive(Default)]
struct Held(Mutex<bool>, Condvar);

impl Simulator for Held {
    fn simulate(&self, _: &Bundle, _: &mut dyn StateView) -> Vec<Outcome> {
        let held = self.0.lock().expect("no holder panics");
        drop(self.1.wait_while(held, |may| !*may).expect("no holder panics"));
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_not_done_and_what_waits_at_the_end_is_dropped() {
    let held = Arc::new(Held::default());
    let pool = pool(rich(), Arc::clone(&held) as Arc<dyn Simulator>, 100, LONG);
    let running: Vec<_> =
        (0..2).map(|_| pool.try_submit(transfer()).expect("there is room")).collect();
    for _ in 0..10 {
        drop(pool.try_submit(transfer()).expect("there is room"));
    }
    *held.0.lock().expect("no holder panics") = true;
    held.1.notify_all();
    for outcomes in running {
        assert!(outcomes.await.expect("it is told").is_ok());
    }
    let last = pool.try_submit(transfer()).expect("there is room").await;
    assert!(last.expect("it is told").is_ok());
    *held.0.lock().expect("no holder panics") = false;
    let waiting: Vec<_> =
        (0..20).map(|_| pool.try_submit(transfer()).expect("there is room")).collect();
    let ending = tokio::task::spawn_blocking(move || pool.end());
    let mut dropped = 0;
    for outcomes in waiting.into_iter().rev().take(18) {
        dropped += u64::from(outcomes.await.is_err());
    }
    *held.0.lock().expect("no holder panics") = true;
    held.1.notify_all();
    let counts = ending.await.expect("it ends");
    assert_eq!((counts.dropped, dropped), (20 - (counts.complete - 3), 18), "{counts:?}");
    assert_eq!((counts.abandoned, sum_of(&counts)), (10, counts.submitted));
}
