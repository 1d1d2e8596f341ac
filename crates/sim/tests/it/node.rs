//! State of nodes: one that forgets, one that reorganises, and ones that answer badly.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{
    BlockRef,
    rpc::{Client, RpcLimits},
};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use sim::{Fetched, Lack, NodeState, StateError, StateKey, StateSource, StateValue, Status};

use crate::{
    abi,
    fake::{Fake, Said},
    memory::{BLOCK, bundle, paid, run},
    peer::Anvil,
};

const WHO: Address = Address::repeat_byte(0xa1);
const KEYS: [StateKey; 3] =
    [StateKey::Account(WHO), StateKey::Storage(WHO, U256::ONE), StateKey::Code(WHO)];

fn source(url: &str) -> NodeState {
    let address = url.parse().expect("it is an address");
    NodeState::new(Client::new(address, RpcLimits::default()).expect("it is made"))
}

/// What a sane node says of the one account.
fn sane(method: &str) -> Said {
    Ok(match method {
        "eth_getBalance" => json!("0x64"),
        "eth_getTransactionCount" => json!("0x3"),
        "eth_getCode" => json!("0x6001"),
        "eth_getStorageAt" => json!(B256::with_last_byte(9)),
        _ => json!({"number": "0x64", "hash": BLOCK.hash}),
    })
}

fn expected() -> Fetched {
    let code = Bytes::from_static(&[0x60, 1]);
    let code_hash = alloy_primitives::keccak256(&code);
    let (balance, held) = (U256::from(100), Some(code.clone()));
    vec![
        Ok(StateValue::Account { balance, nonce: 3, code_hash, code: held }),
        Ok(StateValue::Storage(U256::from(9))),
        Ok(StateValue::Code(code)),
    ]
}

async fn fetched(answers: impl Fn(&str, &Value) -> Said + Send + Sync + 'static) -> Fetched {
    let fake = Fake::start(answers).await;
    source(&fake.url()).fetch(BLOCK, &KEYS).await
}

#[tokio::test]
async fn a_node_is_asked_by_hash() {
    let found = fetched(|method, params| {
        let block = params.as_array().and_then(|params| params.last());
        assert_eq!(
            block,
            Some(&json!({"blockHash": BLOCK.hash, "requireCanonical": false})),
            "{method}"
        );
        sane(method)
    });
    assert_eq!(found.await, expected());
}

#[tokio::test]
async fn a_node_that_takes_no_hash_is_asked_by_number_between_two_looks() {
    let takes_none = |method: &str, params: &Value| match params[1].get("blockHash") {
        _ if params[2].get("blockHash").is_some() => Err((-32_602, "invalid argument")),
        Some(_) => Err((-32_602, "invalid argument")),
        None => sane(method),
    };
    assert_eq!(fetched(takes_none).await, expected());
    // The block of that number is another one, before or behind the answers.
    for moved_at in [0, 1] {
        let looks = AtomicU64::new(0);
        let moves = move |method: &str, params: &Value| {
            if method == "eth_getBlockByNumber" && looks.fetch_add(1, Ordering::Relaxed) == moved_at
            {
                return Ok(json!({"number": "0x64", "hash": B256::ZERO}));
            }
            takes_none(method, params)
        };
        assert_eq!(fetched(moves).await, vec![Err(StateError::BlockGone); 3]);
    }
}

#[tokio::test]
async fn each_refusal_has_its_reason() {
    for (said, expected) in [
        ((-32_000, "missing trie node 1f2e (path )"), StateError::Pruned),
        ((-32_000, "historical state 1f2e is not available"), StateError::Pruned),
        ((-32_000, "header not found"), StateError::BlockGone),
        ((-32_001, "Resource not found"), StateError::BlockGone),
        ((-32_602, "BlockOutOfRangeError: block height is 0"), StateError::BlockGone),
        ((-32_601, "method not found"), StateError::Refused),
        ((-32_603, "internal error"), StateError::Unavailable),
        ((-32_005, "too many requests"), StateError::Unavailable),
    ] {
        let refuses = move |method: &str, _: &Value| match method {
            "eth_getBlockByNumber" => sane(method),
            _ => Err(said),
        };
        assert_eq!(fetched(refuses).await, vec![Err(expected); 3], "{said:?}");
    }
    let gone = source("http://127.0.0.1:1").fetch(BLOCK, &KEYS).await;
    assert_eq!(gone, vec![Err(StateError::Unavailable); 3]);
}

#[tokio::test]
async fn what_can_not_be_true_is_nonsense() {
    for nonsense in [
        json!(null),
        json!(5),
        json!("0x"),
        json!("100"),
        json!("0xzz"),
        json!("0x+1"),
        json!(format!("0x1{}", "0".repeat(64))),
        json!({"balance": "0x1"}),
    ] {
        let said = nonsense.clone();
        let found = fetched(move |method, _| match method {
            "eth_getBalance" | "eth_getStorageAt" => Ok(said.clone()),
            _ => sane(method),
        });
        let found = found.await;
        assert_eq!(found[..2], vec![Err(StateError::Nonsense); 2], "{nonsense}");
        assert_eq!(found[2], expected()[2]);
    }
    for nonsense in [json!("0x600"), json!("6001"), json!([]), json!("0xzz")] {
        let said = nonsense.clone();
        let found = fetched(move |method, _| match method {
            "eth_getCode" => Ok(said.clone()),
            _ => sane(method),
        });
        let found = found.await;
        assert_eq!([&found[0], &found[2]], [&Err(StateError::Nonsense); 2], "{nonsense}");
    }
    let large = |method: &str, _: &Value| match method {
        "eth_getTransactionCount" => Ok(json!("0x10000000000000000")),
        _ => sane(method),
    };
    assert_eq!(fetched(large).await[0], Err(StateError::Nonsense));
}

async fn deployed(anvil: &Anvil) -> (Address, Address) {
    let from = anvil.accounts().await[0];
    let code = json!({"from": from, "input": abi::tool(), "gas": "0x7a1200"});
    let sent = anvil.send(code).await;
    anvil.mine().await;
    let receipt = anvil.ask("eth_getTransactionReceipt", json!([sent])).await;
    (from, crate::peer::value(&receipt["contractAddress"]))
}

fn kept(from: Address, tool: Address, at: BlockRef) -> sim::Bundle {
    let read = paid(from, tool, U256::ZERO, abi::call("kept(uint256)", &[abi::word(1)]), 100_000);
    let mut bundle = bundle(vec![read]);
    bundle.at = at;
    bundle
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_forgets_makes_outcomes_incomplete() {
    let anvil = Anvil::start(&["--prune-history", "3"]);
    let (from, tool) = deployed(&anvil).await;
    let old = anvil.mine().await;
    let source = NodeState::new(anvil.client());
    let bundle = kept(from, tool, old);
    assert_eq!(run(&source, &bundle).await[0].status, Status::Success);
    for _ in 0..10 {
        anvil.mine().await;
    }
    let outcome = run(&source, &bundle).await.remove(0);
    let Status::Incomplete { missing, why } = outcome.status else { panic!("{outcome:?}") };
    assert!(matches!(why, Lack::State(StateError::Pruned | StateError::BlockGone)), "{why:?}");
    assert_eq!(missing[0], StateKey::Account(from));
}

/// A node whose chain is reorganised once the first batch was answered.
struct Moving {
    anvil: Arc<Anvil>,
    source: NodeState,
    batches: AtomicU64,
}

impl StateSource for Moving {
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched> {
        async move {
            let found = self.source.fetch(at, keys).await;
            if self.batches.fetch_add(1, Ordering::Relaxed) == 0 {
                self.anvil.ask("anvil_reorg", json!([2, []])).await;
            }
            found
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_under_a_simulation_makes_it_incomplete() {
    let anvil = Arc::new(Anvil::start(&[]));
    let (from, tool) = deployed(&anvil).await;
    anvil.mine().await;
    let at = anvil.mine().await;
    let source = NodeState::new(anvil.client());
    assert_eq!(run(&source, &kept(from, tool, at)).await[0].status, Status::Success);
    let moving = Moving { anvil: Arc::clone(&anvil), source, batches: AtomicU64::new(0) };
    let outcome = run(&moving, &kept(from, tool, at)).await.remove(0);
    let Status::Incomplete { missing, why } = outcome.status else { panic!("{outcome:?}") };
    assert_eq!(why, Lack::State(StateError::BlockGone));
    assert!(matches!(missing[..], [StateKey::Storage(of, _)] if of == tool), "{missing:?}");
    assert_eq!(moving.batches.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_blocks_are_those_of_the_chain() {
    let anvil = Anvil::start(&[]);
    let mut blocks = vec![anvil.client().head().await.expect("it has one")];
    for _ in 0..5 {
        blocks.push(anvil.mine().await);
    }
    let source = NodeState::new(anvil.client());
    let keys = [1, 3, 0, 4].map(StateKey::BlockHash);
    let found = source.fetch(blocks[4], &keys).await;
    let hash = |number: usize| Ok(StateValue::BlockHash(blocks[number].hash));
    assert_eq!(found, vec![hash(1), hash(3), hash(0), Err(StateError::BlockGone)]);
    let gone = BlockRef { number: 4, hash: B256::repeat_byte(1) };
    let found = source.fetch(gone, &keys).await;
    assert_eq!(found, vec![Err(StateError::BlockGone); 4]);
}
