//! Bundles on a state in memory: what is refused, assumed, missing, or larger than it may be.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};
use sim::{
    AccountOverride, Bundle, Call, EvmSimulator, Fees, HaltReason, Hardfork, InvalidReason, Lack,
    Outcome, Overrides, RevertReason, Rules, SimulationLimits, Simulator, StateError, StateKey,
    StateValue, Status,
};

use crate::{
    abi,
    memory::{self, Memory, bundle, paid, run},
};

const FROM: Address = Address::repeat_byte(0xa1);
const TO: Address = Address::repeat_byte(0xa2);
const CODE: Address = Address::repeat_byte(0xa3);

fn ether(n: u64) -> U256 {
    U256::from(n) * U256::from(10).pow(U256::from(18))
}

fn rich() -> Memory {
    Memory::default().with(FROM, ether(100), &Bytes::new())
}

fn transfer(value: U256) -> Call {
    paid(FROM, TO, value, Bytes::new(), 21_000)
}

async fn one(source: &Memory, call: Call) -> Outcome {
    run(source, &bundle(vec![call])).await.remove(0)
}

fn refusal(outcome: &Outcome) -> Option<&InvalidReason> {
    match &outcome.status {
        Status::Invalid { reason } => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_transfer_pays_the_receiver_and_the_proposer() {
    let outcome = one(&rich(), transfer(U256::from(5))).await;
    assert_eq!((outcome.status.clone(), outcome.gas_used), (Status::Success, 21_000));
    let written = serde_json::to_value(&outcome.balance_changes).expect("it is JSON");
    let spent = ether(100) - U256::from(5 + 10 * 21_000);
    assert_eq!(
        written,
        serde_json::json!([
            {"address": FROM, "before": ether(100), "after": spent},
            {"address": TO, "before": "0x0", "after": "0x5"},
            {"address": memory::env().beneficiary, "before": "0x0", "after": U256::from(63_000)},
        ])
    );
}

#[tokio::test]
async fn what_no_block_would_take_is_invalid() {
    let with = |change: fn(&mut Call)| {
        let mut call = transfer(U256::ONE);
        change(&mut call);
        call
    };
    let fees = |max: u128, tip: u128| Fees {
        max_fee_per_gas: max,
        max_priority_fee_per_gas: Some(tip),
        max_fee_per_blob_gas: 1,
    };
    let priced = |max, tip| Call { fees: Some(fees(max, tip)), ..transfer(U256::ONE) };
    let high = InvalidReason::NonceTooHigh { nonce: 3, expected: 0 };
    for (call, expected) in [
        (with(|call| call.nonce = Some(3)), high),
        (priced(6, 0), InvalidReason::FeeBelowBaseFee),
        (priced(100, 101), InvalidReason::PriorityFeeAboveMaxFee),
        (priced(u128::MAX, 0), InvalidReason::CostOverflow),
        (with(|call| call.gas_limit = 20_999), InvalidReason::GasLimitTooLow { required: 21_000 }),
        (with(|call| call.gas_limit = 1 << 25), InvalidReason::GasLimitAboveCap { cap: 1 << 24 }),
        (with(|call| call.chain_id = Some(1)), InvalidReason::WrongChain),
        (with(|call| call.tx_type = 5), InvalidReason::NotSupported),
        (with(|call| call.tx_type = 0x7e), InvalidReason::NotSupported),
        (with(|call| call.tx_type = 3), InvalidReason::Blobs),
        (with(|call| (call.tx_type, call.to) = (3, None)), InvalidReason::Blobs),
        (with(|call| call.tx_type = 4), InvalidReason::Authorizations),
        (
            with(|call| (call.to, call.input) = (None, vec![0; 49_153].into())),
            InvalidReason::InitCodeTooLong,
        ),
        (with(|call| call.value = U256::MAX), InvalidReason::CostOverflow),
    ] {
        let outcome = one(&rich(), call.clone()).await;
        assert_eq!(refusal(&outcome), Some(&expected), "{call:?}: {outcome:?}");
        assert_eq!((outcome.gas_used, outcome.balance_changes.len()), (0, 0));
    }
    let poor = one(&rich(), transfer(ether(100))).await;
    let required = ether(100) + U256::from(2_100_000);
    let lacks = InvalidReason::InsufficientFunds { required, balance: ether(100) };
    assert_eq!(refusal(&poor), Some(&lacks));
    let contract = Memory::default().with(FROM, ether(1), &abi::tool());
    let outcome = one(&contract, transfer(U256::ONE)).await;
    assert_eq!(refusal(&outcome), Some(&InvalidReason::SenderHasCode));
}

#[tokio::test]
async fn an_invalid_call_leaves_the_state_to_those_behind_it() {
    let low = Call { nonce: Some(0), ..transfer(U256::ONE) };
    let calls = vec![transfer(U256::ONE), low.clone(), transfer(U256::from(2))];
    let outcomes = run(&rich(), &bundle(calls)).await;
    let expected = InvalidReason::NonceTooLow { nonce: 0, expected: 1 };
    assert_eq!(refusal(&outcomes[1]), Some(&expected));
    assert_eq!(outcomes[2].status, Status::Success);
    let to = outcomes[2].balance_changes.iter().find(|change| change.address == TO);
    let to = to.expect("it was paid");
    assert_eq!((to.before, to.after), (U256::ONE, U256::from(3)));
}

#[tokio::test]
async fn the_largest_amounts_are_counted() {
    let full = Memory::default()
        .with(FROM, U256::MAX, &Bytes::new())
        .with(TO, U256::MAX, &Bytes::new())
        .with(memory::env().beneficiary, U256::MAX, &Bytes::new());
    // The receiver, and then the proposer, can't hold more.
    let outcome = one(&full, transfer(U256::from(1))).await;
    assert_eq!(outcome.status, Status::Halt { reason: HaltReason::BalanceOverflow }, "{outcome:?}");
    let all = Call { value: U256::MAX, fees: None, ..transfer(U256::ZERO) };
    let outcome = one(&Memory::default().with(FROM, U256::MAX, &Bytes::new()), all).await;
    assert_eq!(outcome.status, Status::Success, "{outcome:?}");
    assert_eq!(outcome.balance_changes[1].after, U256::MAX);
    let dear = Fees { max_fee_per_gas: u128::MAX / 21_000, ..Fees::default() };
    let dear = Fees { max_priority_fee_per_gas: None, ..dear };
    let call = Call { fees: Some(dear), ..transfer(U256::ONE) };
    let outcome = one(&Memory::default().with(FROM, U256::MAX, &Bytes::new()), call).await;
    assert_eq!(outcome.status, Status::Success, "{outcome:?}");
}

#[tokio::test]
async fn what_is_assumed_stands_instead_of_what_is_there() {
    let code: Bytes = hex!("60003554600052602060002060015560206000f3").into();
    // It returns the slot that it is asked for.
    let read = |slot: u64| {
        paid(FROM, CODE, U256::ZERO, U256::from(slot).to_be_bytes::<32>().into(), 100_000)
    };
    let source = Memory::default().slot(CODE, U256::from(8), U256::from(80));
    let mut overrides = Overrides::default();
    let poor = AccountOverride { balance: Some(ether(1)), nonce: Some(7), ..Default::default() };
    overrides.accounts.insert(FROM, poor);
    let storage = BTreeMap::from([(U256::from(7), U256::from(70))]);
    let contract = AccountOverride { code: Some(code), storage, ..Default::default() };
    overrides.accounts.insert(CODE, contract);
    let bundle = Bundle { overrides, ..bundle(vec![read(7), read(8), read(9)]) };
    let outcomes = run(&source, &bundle).await;
    let read: Vec<U256> =
        outcomes.iter().map(|outcome| U256::from_be_slice(&outcome.output)).collect();
    assert_eq!(read, [70, 80, 0].map(U256::from), "{outcomes:?}");
    assert_eq!(outcomes[0].balance_changes[0].before, ether(1));
}

#[tokio::test]
async fn missing_state_is_never_a_zero() {
    let tool = Memory::default();
    let code = run(&rich(), &bundle(vec![deploy()])).await.remove(0).output;
    let tool = tool.with(FROM, ether(100), &Bytes::new()).with(CODE, U256::ZERO, &code);
    let kept = keccak256([U256::from(5).to_be_bytes::<32>(), [0; 32]].concat()).into();
    let slot = StateKey::Storage(CODE, kept);
    let read = paid(FROM, CODE, U256::ZERO, abi::call("kept(uint256)", &[abi::word(5)]), 100_000);
    let bundle = bundle(vec![transfer(U256::ONE), read, transfer(U256::ONE)]);
    for (key, error) in [
        (slot, StateError::Pruned),
        (StateKey::Code(CODE), StateError::Unavailable),
        (StateKey::Account(CODE), StateError::BlockGone),
        (StateKey::Account(FROM), StateError::Refused),
    ] {
        let tool = Memory::default()
            .with(FROM, ether(100), &Bytes::new())
            .with(CODE, U256::ZERO, &code)
            .odd(key, Err(error));
        let outcomes = run(&tool, &bundle).await;
        let first = outcomes.iter().position(|outcome| !outcome.is_complete());
        let first = first.expect("one is incomplete");
        assert_eq!(first, usize::from(key != StateKey::Account(FROM)));
        let expected = Status::Incomplete { missing: vec![key], why: Lack::State(error) };
        assert_eq!(outcomes[first].status, expected);
        for behind in &outcomes[first + 1..] {
            assert!(matches!(behind.status, Status::Incomplete { why: Lack::Before, .. }));
        }
    }
    for nonsense in [StateValue::Code(Bytes::new()), StateValue::BlockHash(B256::ZERO)] {
        let tool = rich().with(CODE, U256::ZERO, &code).odd(slot, Ok(nonsense));
        let outcomes = run(&tool, &bundle).await;
        let why = Lack::State(StateError::Nonsense);
        assert_eq!(outcomes[1].status, Status::Incomplete { missing: vec![slot], why });
    }
    let other_code = Ok(StateValue::Code(hex!("6001").into()));
    let lying = rich().with(CODE, U256::ZERO, &code).odd(StateKey::Code(CODE), other_code);
    let why = Lack::State(StateError::Nonsense);
    let missing = vec![StateKey::Code(CODE)];
    assert_eq!(run(&lying, &bundle).await[1].status, Status::Incomplete { missing, why });
    assert_eq!(run(&tool, &bundle).await[1].output, Bytes::from([0; 32]));
}

fn deploy() -> Call {
    Call { to: None, ..paid(FROM, TO, U256::ZERO, abi::tool(), 5_000_000) }
}

#[tokio::test]
async fn state_is_fetched_in_few_batches() {
    let code = run(&rich(), &bundle(vec![deploy()])).await.remove(0).output;
    let source = rich().with(CODE, U256::ZERO, &code);
    let keep =
        abi::call("keep(uint256,uint256,uint256)", &[abi::word(0), abi::word(1), abi::word(60)]);
    let outcome = one(&source, paid(FROM, CODE, U256::ZERO, keep, 5_000_000)).await;
    assert_eq!(outcome.status, Status::Success);
    let (batches, asked) = (&source.batches, source.asked.lock().expect("no holder panics").len());
    assert_eq!((batches.load(Ordering::Relaxed), asked), (3, 64));
}

/// Has somebody else fill the cache behind each run.
struct Filling<'a> {
    simulator: EvmSimulator,
    cache: &'a sim::StateCache,
    source: &'a Memory,
}

impl Simulator for Filling<'_> {
    fn simulate(&self, bundle: &Bundle, state: &mut dyn sim::StateView) -> Vec<Outcome> {
        let outcomes = self.simulator.simulate(bundle, state);
        for outcome in &outcomes {
            let Status::Incomplete { missing, .. } = &outcome.status else { continue };
            for key in missing {
                let value = self.source.answer(key).expect("it is there");
                self.cache.insert(memory::BLOCK, *key, value).expect("it is right");
            }
        }
        outcomes
    }
}

#[tokio::test]
async fn what_others_fetch_meanwhile_is_used() {
    let code = run(&rich(), &bundle(vec![deploy()])).await.remove(0).output;
    let (source, bundle) = (with_tool(&code), mixed());
    let (cache, simulator) = (sim::StateCache::new(1 << 20), memory::simulator());
    let filling = Filling { simulator, cache: &cache, source: &source };
    let due = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let outcomes = sim::simulate(memory::means(&filling, &cache, &source), &bundle, due).await;
    assert_eq!(outcomes, run(&source, &bundle).await);
    assert!(outcomes.iter().all(Outcome::is_complete), "{outcomes:?}");
}

#[tokio::test]
async fn a_cache_without_room_costs_no_outcome() {
    let code = run(&rich(), &bundle(vec![deploy()])).await.remove(0).output;
    let source = rich().with(CODE, U256::ZERO, &code);
    let words = [abi::word(0), abi::word(1), abi::word(60)];
    let keep = abi::call("keep(uint256,uint256,uint256)", &words);
    let bundle = bundle(vec![paid(FROM, CODE, U256::ZERO, keep, 5_000_000)]);
    let (cache, simulator) = (sim::StateCache::new(300), memory::simulator());
    let due = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let means = memory::means(&simulator, &cache, &source);
    let outcomes = sim::simulate(means, &bundle, due).await;
    assert_eq!(outcomes, run(&source, &bundle).await);
    assert_eq!(outcomes[0].status, Status::Success);
    assert!(cache.counts().evictions > 50, "{:?}", cache.counts());
}

#[tokio::test]
async fn blobs_of_unknown_price_are_incomplete() {
    let blob_hashes = vec![B256::with_last_byte(1) | B256::from(U256::ONE << 248)];
    let blob = Call { tx_type: 3, blob_hashes, ..transfer(U256::ONE) };
    let priced = one(&rich(), blob.clone()).await;
    assert_eq!(priced.status, Status::Success);
    // The sender paid one wei for each of the blob's 131,072 gas too.
    let paid = ether(100) - priced.balance_changes[0].after;
    assert_eq!(paid, U256::from(1 + 21_000 * 10 + 131_072));
    let mut unknown = bundle(vec![blob]);
    unknown.env.excess_blob_gas = None;
    let why = Lack::BlobFee;
    let expected = Status::Incomplete { missing: Vec::new(), why };
    assert_eq!(run(&rich(), &unknown).await[0].status, expected);
    // BLOBBASEFEE, kept at slot 0.
    let asks = rich().with(CODE, U256::ZERO, &hex!("4a60005500").into());
    let call = paid_call(CODE);
    let mut bundle = bundle(vec![call.clone()]);
    assert_eq!(run(&asks, &bundle).await[0].status, Status::Success);
    bundle.env.excess_blob_gas = None;
    assert_eq!(run(&asks, &bundle).await[0].status, expected);
}

fn paid_call(to: Address) -> Call {
    paid(FROM, to, U256::ZERO, Bytes::new(), 200_000)
}

#[test]
fn rules_that_are_not_simulated_are_incomplete() {
    let (cache, mut bundle) = (sim::StateCache::new(1 << 20), bundle(vec![transfer(U256::ONE); 2]));
    let sepolia = EvmSimulator::new(Rules::of_chain(11_155_111), SimulationLimits::default());
    bundle.env.timestamp = 1_791_294_816;
    let outcomes = sepolia.simulate(&bundle, &mut cache.view(memory::BLOCK));
    let rules = Status::Incomplete { missing: Vec::new(), why: Lack::Rules };
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|outcome| outcome.status == rules), "{outcomes:?}");
    assert_eq!(outcomes[0].hardfork, Hardfork::Amsterdam);
    bundle.env.timestamp -= 1;
    let before = sepolia.simulate(&bundle, &mut cache.view(memory::BLOCK));
    assert_eq!(before[0].hardfork, Hardfork::Osaka);
}

#[tokio::test]
async fn gas_of_a_bundle_and_calldata_have_limits() {
    let spins = rich().with(CODE, U256::ZERO, &hex!("5b600056").into());
    let spin = paid(FROM, CODE, U256::ZERO, Bytes::new(), 1 << 24);
    let outcomes = run(&spins, &bundle(vec![spin; 20])).await;
    let halted = Status::Halt { reason: HaltReason::OutOfGas };
    let halts = outcomes.iter().take_while(|outcome| outcome.status == halted).count();
    assert_eq!(halts, 14);
    let cut = Status::Incomplete { missing: Vec::new(), why: Lack::GasLimit };
    assert_eq!(outcomes[14].status, cut);
    let huge = paid(FROM, TO, U256::ZERO, vec![1; 128 << 10].into(), 1 << 24);
    let outcome = one(&rich(), huge).await;
    assert_eq!((outcome.status, outcome.gas_used), (Status::Success, 21_000 + 40 * (128 << 10)));
}

#[tokio::test]
async fn outcomes_are_written_the_same_way_twice() {
    let code = run(&rich(), &bundle(vec![deploy()])).await.remove(0).output;
    let source = rich().with(CODE, U256::ZERO, &code);
    let to_code = |input: Bytes| paid(FROM, CODE, U256::ZERO, input, 900_000);
    let list = [abi::word(32), abi::word(2), abi::address(TO), abi::address(CODE)];
    let bundle = bundle(vec![
        to_code(abi::call(
            "keep(uint256,uint256,uint256)",
            &[abi::word(0), abi::word(9), abi::word(9)],
        )),
        Call { value: U256::from(9), ..to_code(abi::call("passOn(address[])", &list)) },
        to_code(abi::call("failOwn(uint256)", &[abi::word(4)])),
        to_code(abi::call("block_()", &[])),
    ]);
    let first = serde_json::to_string(&run(&source, &bundle).await).expect("it is JSON");
    let again = serde_json::to_string(&run(&source, &bundle).await).expect("it is JSON");
    assert_eq!(first, again);
    let read: Vec<Outcome> = serde_json::from_str(&first).expect("it is what was written");
    let Status::Revert { reason, .. } = &read[2].status else { panic!("{first}") };
    let refused = keccak256("Refused(address,uint256)")[..4].to_vec();
    let expected = RevertReason::Custom(alloy_primitives::FixedBytes::from_slice(&refused));
    assert_eq!(reason.as_ref(), Some(&expected));
    // With all of the state at hand from the start, in whatever order it came.
    for turn in 0..5 {
        let (cache, simulator) = (sim::StateCache::new(16 << 20), memory::simulator());
        let mut keys = source.asked.lock().expect("no holder panics").clone();
        let middle = (turn * 7) % keys.len();
        keys.rotate_left(middle);
        keys.sort_by_key(|key| matches!(key, StateKey::Code(_)));
        for key in keys {
            let value = source.answer(&key).expect("it is there");
            cache.insert(memory::BLOCK, key, value).expect("it is right");
        }
        let mut view = cache.view(memory::BLOCK);
        let outcomes = Simulator::simulate(&simulator, &bundle, &mut view);
        assert_eq!(serde_json::to_string(&outcomes).expect("it is JSON"), first);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// Whatever code and call: one outcome each, no panic, and the wei add up.
    #[test]
    fn no_code_and_no_call_is_too_odd(
        code in prop::collection::vec(any::<u8>(), 0..200),
        input in prop::collection::vec(any::<u8>(), 0..200),
        value in prop::array::uniform4(any::<u64>()),
        gas in 0..400_000_u64,
        price in any::<u128>(),
        tip in any::<Option<u128>>(),
        tx_type in 0..6_u8,
        creates: bool,
    ) {
        let source = Memory::default()
            .with(FROM, U256::MAX >> 1, &Bytes::new())
            .with(CODE, U256::from(1000), &code.clone().into());
        let fees = Fees {
            max_fee_per_gas: price >> (gas % 100),
            max_priority_fee_per_gas: tip.map(|tip| tip >> (gas % 100)),
            max_fee_per_blob_gas: price,
        };
        let value = U256::from_limbs(value) >> (gas % 256) as usize;
        let call = Call { fees: Some(fees), tx_type, ..paid(FROM, CODE, value, input.into(), gas) };
        let created = Call { to: None, input: code.into(), ..call.clone() };
        let calls = vec![if creates { created } else { call.clone() }, call];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let outcomes = runtime.expect("it is made").block_on(run(&source, &bundle(calls)));
        prop_assert_eq!(outcomes.len(), 2);
        for outcome in outcomes {
            prop_assert!(outcome.is_complete(), "{:?}", outcome);
            prop_assert!(outcome.gas_used <= gas);
            let sum = |amounts: Vec<U256>| amounts.into_iter().fold(U256::ZERO, |sum, it| sum.wrapping_add(it));
            let before = sum(outcome.balance_changes.iter().map(|it| it.before).collect());
            let after = sum(outcome.balance_changes.iter().map(|it| it.after).collect());
            // What is burned: the base fee.
            prop_assert!(before >= after, "{:?}", outcome);
        }
    }
}

/// Calls of the tool that read and write, call each other, fail, and pay.
fn mixed() -> Bundle {
    let to_code = |input: Bytes| paid(FROM, CODE, U256::from(9), input, 900_000);
    let free = |input: Bytes| paid(FROM, CODE, U256::ZERO, input, 900_000);
    let list =
        [abi::word(32), abi::word(3), abi::address(TO), abi::address(CODE), abi::address(FROM)];
    let keep = |at| {
        abi::call("keep(uint256,uint256,uint256)", &[abi::word(at), abi::word(9), abi::word(5)])
    };
    bundle(vec![
        free(abi::call("kept(uint256)", &[abi::word(3)])),
        to_code(abi::call("passOn(address[])", &list)),
        free(keep(1)),
        free(abi::call("block_()", &[])),
        to_code(abi::call("makeAt(bytes32)", &[abi::word(7)])),
        free(abi::call("tryInside(uint256)", &[abi::word(4)])),
        free(keep(4)),
        free(abi::call("failText(string)", &[abi::word(1)])),
        free(abi::call("deep(uint256)", &[abi::word(9)])),
    ])
}

fn with_tool(code: &Bytes) -> Memory {
    let kept = |at: u64| -> U256 {
        keccak256([U256::from(at).to_be_bytes::<32>(), [0; 32]].concat()).into()
    };
    let source = rich().with(CODE, U256::from(50), code).with(TO, U256::from(3), &Bytes::new());
    source.slot(CODE, kept(3), U256::from(33)).slot(CODE, kept(5), U256::from(55))
}

#[test]
fn whatever_is_missing_each_outcome_is_true_or_incomplete() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("it is made");
    let code = runtime.block_on(run(&rich(), &bundle(vec![deploy()]))).remove(0).output;
    let (source, bundle) = (with_tool(&code), mixed());
    let truth = runtime.block_on(run(&source, &bundle));
    assert!(truth.iter().all(Outcome::is_complete), "{truth:?}");
    let keys = source.asked.lock().expect("no holder panics").clone();
    let errors = [StateError::Pruned, StateError::BlockGone, StateError::Unavailable];
    proptest!(ProptestConfig { cases: 200, ..ProptestConfig::default() }, |(
        lost in prop::collection::btree_map(0..keys.len(), 0..errors.len(), 1..4),
        cache_bytes in 0..40_000_usize,
    )| {
        let mut odd = with_tool(&code);
        for (at, error) in &lost {
            odd = odd.odd(keys[*at], Err(errors[*error]));
        }
        let (cache, simulator) = (sim::StateCache::new(cache_bytes), memory::simulator());
        let due = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let means = memory::means(&simulator, &cache, &odd);
        let outcomes = runtime.block_on(sim::simulate(means, &bundle, due));
        let known = outcomes.iter().take_while(|outcome| outcome.is_complete()).count();
        prop_assert_eq!(&outcomes[..known], &truth[..known]);
        prop_assert!(outcomes[known..].iter().all(|outcome| !outcome.is_complete()));
        // All that was asked for was needed, so what is lost is missed.
        prop_assert!(known < outcomes.len());
        let Status::Incomplete { missing, why } = &outcomes[known].status else {
            panic!("{outcomes:?}")
        };
        let at = keys.iter().position(|key| *key == missing[0]).expect("it was asked for");
        prop_assert_eq!(why, &Lack::State(errors[lost[&at]]));
    });
}
