//! The registry's file.

use alloy_primitives::address;

use super::*;

const LOW: Address = address!("1000000000000000000000000000000000000001");
const HIGH: Address = address!("2000000000000000000000000000000000000002");

fn faults(text: &str) -> String {
    Registry::parse(text).expect_err("it is wrong").to_string()
}

#[test]
fn the_file_that_the_program_brings_is_read() {
    let registry = Registry::built_in();
    let ethereum = registry.chain(1).unwrap();
    let weth = ethereum.wrapped_native().unwrap();
    assert_eq!(ethereum.token(weth).unwrap().symbol, "WETH");
    let usdc = address!("A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
    let pool = ethereum.pool_of(PoolKind::UniswapV3, (weth, usdc), Some(500)).unwrap();
    assert_eq!(ethereum.pool(pool).unwrap().token0, usdc);
    assert_eq!(ethereum.pool(pool).unwrap().other(usdc), Some(weth));
    assert_eq!(ethereum.contract(pool), Contract::Pool(PoolKind::UniswapV3));
    // Two fees: without one it can't be told which pool is meant.
    assert_eq!(ethereum.pool_of(PoolKind::UniswapV3, (weth, usdc), None), None);
    assert!(ethereum.pool_of(PoolKind::UniswapV2, (weth, usdc), None).is_some());
    assert!(registry.chain(2).is_none());
}

#[test]
fn every_fault_is_named() {
    let text = format!(
        r#"
        [[chain]]
        chain_id = 5
        [[chain.token]]
        address = "{LOW}"
        symbol = ""
        [[chain.token]]
        address = "{LOW}"
        symbol = "A"
        decimals = 78
        [[chain.pool]]
        address = "0x3000000000000000000000000000000000000003"
        kind = "uniswap_v2"
        token0 = "{HIGH}"
        token1 = "{LOW}"
        [[chain.pool]]
        address = "0x4000000000000000000000000000000000000004"
        kind = "uniswap_v3"
        token0 = "{LOW}"
        token1 = "{HIGH}"
        [[chain.pool]]
        address = "0x5000000000000000000000000000000000000005"
        kind = "uniswap_v2"
        token0 = "{LOW}"
        token1 = "{HIGH}"
        fee_ppm = 1000000
        [[chain]]
        chain_id = 5
        "#
    );
    let said = faults(&text);
    for part in [
        "chain 5: 0x1000000000000000000000000000000000000001: stands there twice",
        "a symbol is a text",
        "decimals are 77 at most",
        "0x3000000000000000000000000000000000000003: token0 has the lower address",
        "0x4000000000000000000000000000000000000004: a pool of uniswap_v3 needs fee_ppm",
        "fee_ppm is less than 1000000",
        "chain 5: stands there twice",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn what_is_not_known_is_refused() {
    assert!(faults("[[chain]]\nchain_id = 1\nrouters = []").contains("unknown field"));
    assert!(
        faults("[[chain]]\nchain_id = 1\n[[chain.router]]\naddress = \"0x12\"\nkind = \"x\"")
            .contains("address")
    );
    assert!(faults("chain = 7").contains("invalid type"));
    let kind = "[[chain]]\nchain_id = 1\n[[chain.router]]\naddress = \
                \"0x1000000000000000000000000000000000000001\"\nkind = \"uniswap_v9\"";
    assert!(faults(kind).contains("uniswap_v9"));
}

#[test]
fn a_file_stands_in_for_what_the_program_brings_chain_by_chain() {
    let own = Registry::parse("[[chain]]\nchain_id = 1\n[[chain]]\nchain_id = 7").unwrap();
    let both = Registry::built_in().with(own);
    assert_eq!(both.chains().map(|(id, _)| id).collect::<Vec<_>>(), [1, 7]);
    assert!(both.chain(1).unwrap().wrapped_native().is_none());
}
