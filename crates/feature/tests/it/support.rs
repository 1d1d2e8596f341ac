//! A chain with some contracts, and transactions that call them.

use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::SolCall;
use chain::Transaction;
use feature::{Action, Call, ChainRegistry, Registry, Swap, decode};

pub(crate) const SENDER: Address = address!("5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e");
pub(crate) const FRIEND: Address = address!("f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0");
pub(crate) const WETH: Address = address!("0a00000000000000000000000000000000000001");
pub(crate) const USD: Address = address!("0b00000000000000000000000000000000000002");
pub(crate) const ART: Address = address!("0c00000000000000000000000000000000000003");
pub(crate) const OTHER: Address = address!("0d00000000000000000000000000000000000004");
pub(crate) const STRANGER: Address = address!("9900000000000000000000000000000000000099");
/// Pools of `WETH` and `USD`, but for the third, of `USD` and `OTHER`.
pub(crate) const V2_POOL: Address = address!("1100000000000000000000000000000000000001");
pub(crate) const V3_POOL: Address = address!("1200000000000000000000000000000000000002");
pub(crate) const USD_OTHER: Address = address!("1300000000000000000000000000000000000003");
pub(crate) const ROUTER_V2: Address = address!("2100000000000000000000000000000000000001");
pub(crate) const ROUTER_V3: Address = address!("2200000000000000000000000000000000000002");
pub(crate) const ROUTER02: Address = address!("2300000000000000000000000000000000000003");
pub(crate) const UNIVERSAL: Address = address!("2400000000000000000000000000000000000004");
pub(crate) const ONE_INCH_V5: Address = address!("2500000000000000000000000000000000000005");
pub(crate) const ONE_INCH_V6: Address = address!("2600000000000000000000000000000000000006");

/// Returns the registry of the contracts above.
pub(crate) fn registry() -> Registry {
    let mut text = format!("[[chain]]\nchain_id = 7\nwrapped_native = \"{WETH}\"\n");
    for (address, symbol, kind) in
        [(WETH, "WETH", "erc20"), (USD, "USD", "erc20"), (ART, "ART", "erc721")]
    {
        text += &format!(
            "[[chain.token]]\naddress = \"{address}\"\nsymbol = \"{symbol}\"\nkind = \"{kind}\"\n"
        );
    }
    for (address, kind, tokens, fee) in [
        (V2_POOL, "uniswap_v2", (WETH, USD), 3_000),
        (V3_POOL, "uniswap_v3", (WETH, USD), 500),
        (USD_OTHER, "uniswap_v2", (USD, OTHER), 2_500),
    ] {
        text += &format!(
            "[[chain.pool]]\naddress = \"{address}\"\nkind = \"{kind}\"\ntoken0 = \"{}\"\n\
             token1 = \"{}\"\nfee_ppm = {fee}\n",
            tokens.0, tokens.1
        );
    }
    for (address, kind) in [
        (ROUTER_V2, "uniswap_v2"),
        (ROUTER_V3, "uniswap_v3"),
        (ROUTER02, "uniswap_router02"),
        (UNIVERSAL, "universal_router"),
        (ONE_INCH_V5, "one_inch_v5"),
        (ONE_INCH_V6, "one_inch_v6"),
    ] {
        text += &format!("[[chain.router]]\naddress = \"{address}\"\nkind = \"{kind}\"\n");
    }
    Registry::parse(&text).expect("it is written here")
}

/// Returns a transaction that calls a contract.
pub(crate) fn transaction(to: Address, value: u64, input: Vec<u8>) -> Transaction {
    Transaction {
        hash: B256::repeat_byte(7),
        sender: SENDER,
        nonce: 3,
        to: Some(to),
        value: U256::from(value),
        tx_type: 2,
        chain_id: Some(7),
        gas_limit: 100_000,
        gas_price: None,
        max_fee_per_gas: Some(50),
        max_priority_fee_per_gas: Some(2),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        input: Bytes::from(input),
        lists: None,
    }
}

/// Returns the calls of a transaction.
pub(crate) fn calls(to: Address, value: u64, input: Vec<u8>) -> Vec<Call> {
    let registry = registry();
    let chain: &ChainRegistry = registry.chain(7).expect("it is written above");
    let calls = decode(&transaction(to, value, input), chain);
    assert!(!calls.is_cut);
    calls.calls
}

/// Returns the only call of a transaction.
pub(crate) fn call(to: Address, value: u64, call: &impl SolCall) -> Call {
    let mut calls = calls(to, value, call.abi_encode());
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

/// Returns the only swap of a transaction.
pub(crate) fn swap(to: Address, value: u64, of: &impl SolCall) -> Swap {
    match call(to, value, of).action {
        Action::Swap(swap) => swap,
        action => panic!("no swap: {action:?}"),
    }
}

/// Returns an amount.
pub(crate) fn amount(amount: u64) -> U256 {
    U256::from(amount)
}
