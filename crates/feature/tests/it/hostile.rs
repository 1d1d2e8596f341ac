//! Calldata that nobody meant: any bytes, of any length, at every kind of contract.

use std::sync::LazyLock;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, sol};
use feature::{Action, CALLS_MAX, Features, FeeWindow, Registry, decode};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::{
    ART, ONE_INCH_V5, ONE_INCH_V6, ROUTER_V2, ROUTER_V3, ROUTER02, STRANGER, UNIVERSAL, USD,
    V2_POOL, V3_POOL, WETH, registry, transaction,
};

static REGISTRY: LazyLock<Registry> = LazyLock::new(registry);

const TARGETS: [Address; 12] = [
    ART,
    ONE_INCH_V5,
    ONE_INCH_V6,
    ROUTER_V2,
    ROUTER_V3,
    ROUTER02,
    STRANGER,
    UNIVERSAL,
    USD,
    V2_POOL,
    V3_POOL,
    WETH,
];

const SIGNATURES: [&str; 16] = [
    "transfer(address,uint256)",
    "transferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
    "multicall(bytes[])",
    "multicall(uint256,bytes[])",
    "execute(bytes,bytes[],uint256)",
    "execute(bytes,bytes[])",
    "exactInput((bytes,address,uint256,uint256,uint256))",
    "exactOutput((bytes,address,uint256,uint256))",
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
    "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
    "swapETHForExactTokens(uint256,address[],address,uint256)",
    "swap(uint256,uint256,address,bytes)",
    "swap(address,bool,int256,uint160,bytes)",
    "unoswap(address,uint256,uint256,uint256[])",
    "uniswapV3Swap(uint256,uint256,uint256[])",
];

sol! {
    function multicall(bytes[] data);
}

/// Words as calls have them: small numbers, offsets, lengths, addresses, and enormous ones.
fn words() -> impl Strategy<Value = U256> {
    prop_oneof![
        4 => (0_u64..12).prop_map(|word| U256::from(word * 32)),
        2 => (0_u64..40).prop_map(U256::from),
        2 => select(TARGETS.to_vec()).prop_map(|at| U256::from_be_bytes(at.into_word().0)),
        1 => any::<[u8; 32]>().prop_map(U256::from_be_bytes),
        1 => Just(U256::MAX),
        1 => Just(U256::from(u64::MAX)),
        1 => Just(U256::ONE << 255),
    ]
}

fn check(target: Address, input: Vec<u8>) {
    let chain = REGISTRY.chain(7).expect("it is there");
    let of = transaction(target, 3, input);
    let found = Features::of(&of, chain, &FeeWindow::default());
    assert!((1..=CALLS_MAX).contains(&found.calls.len()));
    let text = serde_json::to_string(&found).expect("it can be told");
    let again = serde_json::to_string(&Features::of(&of, chain, &FeeWindow::default()));
    assert_eq!(again.expect("it can be told"), text);
}

proptest! {
    #[test]
    fn shaped_words_make_nothing_fail(
        target in select(TARGETS.to_vec()),
        signature in select(SIGNATURES.to_vec()),
        words in vec(words(), 0..40),
        cut in 0_usize..33,
    ) {
        let mut input = keccak256(signature)[..4].to_vec();
        words.iter().for_each(|word| input.extend(word.to_be_bytes::<32>()));
        input.truncate(input.len().saturating_sub(cut));
        check(target, input);
    }

    #[test]
    fn any_bytes_make_nothing_fail(
        target in select(TARGETS.to_vec()),
        input in vec(any::<u8>(), 0..600),
    ) {
        check(target, input);
    }
}

#[test]
fn every_length_up_to_128_kib() {
    let random: Vec<u8> = (0_u32..4_097).flat_map(|at| keccak256(at.to_be_bytes()).0).collect();
    for signature in SIGNATURES {
        let selector = &keccak256(signature)[..4];
        for length in (0..300).chain((300..128 << 10).step_by(8_191)).chain([128 << 10]) {
            let input = [selector, &random[..length]].concat();
            TARGETS.into_iter().for_each(|target| check(target, input.clone()));
        }
    }
}

/// Each entry of each list points at the same bytes: read with copies, it would be millions of calls.
#[test]
fn lists_that_point_at_themselves_are_cut() {
    let word = |at: usize| U256::from(at).to_be_bytes::<32>();
    let selector = multicallCall::SELECTOR;
    // The list's one offset leads to its own head, whose length is that of a call that begins there.
    let count = 4_000;
    let mut input = selector.to_vec();
    input.extend(word(32));
    input.extend(word(count));
    // Every entry points behind the offsets, at a call with the same list within it.
    (0..count).for_each(|_| input.extend(word(count * 32)));
    let inner = multicallCall { data: vec![Bytes::from(selector.to_vec()); 90] }.abi_encode();
    input.extend(word(inner.len()));
    input.extend(inner);
    let chain = REGISTRY.chain(7).expect("it is there");
    let found = decode(&transaction(ROUTER_V3, 0, input), chain);
    assert!(found.is_cut);
    assert_eq!(found.calls.len(), CALLS_MAX);
    assert_eq!(found.calls[2].action, Action::Malformed);
}
