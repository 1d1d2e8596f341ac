//! Routers of 1inch.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::sol;
use feature::{Amount, Swap};

use crate::support::{
    FRIEND, ONE_INCH_V5, ONE_INCH_V6, OTHER, STRANGER, USD, USD_OTHER, V2_POOL, V3_POOL, WETH,
    amount, swap,
};

sol! {
    struct Description {
        address src; address dst; address srcTo; address dstTo;
        uint256 amount; uint256 least; uint256 flags;
    }
    function unoswap(address src, uint256 amount, uint256 least, uint256[] pools);
    function uniswapV3Swap(uint256 amount, uint256 least, uint256[] pools);
    interface V5 { function swap(address executor, Description desc, bytes permit, bytes data); }
    interface V6 {
        function swap(address executor, Description desc, bytes data);
        function unoswap2(uint256 token, uint256 amount, uint256 least, uint256 dex, uint256 dex2);
        function unoswapTo(uint256 to, uint256 token, uint256 amount, uint256 least, uint256 dex);
        function ethUnoswap(uint256 least, uint256 dex);
    }
}

fn word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}

fn ends(swap: &Swap) -> (Option<Address>, Option<Address>, bool, bool) {
    (swap.token_in, swap.token_out, swap.native_in, swap.native_out)
}

#[test]
fn a_description_names_both_ends() {
    let desc = Description {
        src: Address::repeat_byte(0xee),
        dst: USD,
        srcTo: STRANGER,
        dstTo: FRIEND,
        amount: amount(10),
        least: amount(7),
        flags: U256::ZERO,
    };
    let data = Bytes::from_static(b"whatever the executor makes of it");
    let v6 = V6::swapCall { executor: STRANGER, desc: desc.clone(), data: data.clone() };
    let v5 = V5::swapCall { executor: STRANGER, desc, permit: Bytes::new(), data };
    let found = swap(ONE_INCH_V6, 10, &v6);
    assert_eq!(found, swap(ONE_INCH_V5, 10, &v5));
    assert_eq!(ends(&found), (None, Some(USD), true, false));
    assert_eq!(found.amount_in, Amount::Exact(amount(10)));
    assert_eq!(found.amount_out, Amount::AtLeast(amount(7)));
    assert_eq!((found.recipient, found.path.len()), (Some(FRIEND), 0));
}

#[test]
fn pools_lead_from_token_to_token() {
    let pools = vec![word(V2_POOL) | (U256::ONE << 255), word(USD_OTHER)];
    let call = unoswapCall { src: WETH, amount: amount(10), least: amount(7), pools };
    let found = swap(ONE_INCH_V5, 0, &call);
    assert_eq!(ends(&found), (Some(WETH), Some(OTHER), false, false));
    let path: Vec<_> = found.path.iter().map(|hop| (hop.token_in, hop.token_out)).collect();
    assert_eq!(path, [(Some(WETH), Some(USD)), (Some(USD), Some(OTHER))]);
    let call = V6::unoswap2Call {
        token: word(WETH),
        amount: amount(10),
        least: amount(7),
        dex: word(V2_POOL),
        dex2: word(USD_OTHER) | (U256::ONE << 252),
    };
    assert_eq!(ends(&swap(ONE_INCH_V6, 0, &call)), (Some(WETH), Some(OTHER), false, true));
}

#[test]
fn a_pool_that_is_not_known_ends_what_is_known() {
    let pools = vec![word(STRANGER), word(USD_OTHER)];
    let call = unoswapCall { src: WETH, amount: amount(10), least: amount(7), pools };
    let found = swap(ONE_INCH_V5, 0, &call);
    assert_eq!(ends(&found), (Some(WETH), None, false, false));
    assert_eq!(found.path[0].pool, Some(STRANGER));
    assert_eq!((found.path[1].token_in, found.path[1].kind.is_some()), (None, true));
}

#[test]
fn a_pool_of_v3_says_its_side() {
    let of = |bits: U256| uniswapV3SwapCall {
        amount: amount(10),
        least: amount(7),
        pools: vec![word(V3_POOL) | bits],
    };
    assert_eq!(ends(&swap(ONE_INCH_V5, 0, &of(U256::ZERO))), (Some(WETH), Some(USD), false, false));
    let with_coin = swap(ONE_INCH_V5, 10, &of(U256::ZERO));
    assert_eq!(ends(&with_coin), (Some(WETH), Some(USD), true, false));
    let back = of((U256::ONE << 255) | (U256::ONE << 253));
    assert_eq!(ends(&swap(ONE_INCH_V5, 0, &back)), (Some(USD), Some(WETH), false, true));
}

#[test]
fn the_coin_and_a_recipient() {
    let call = V6::ethUnoswapCall { least: amount(7), dex: word(V2_POOL) };
    let found = swap(ONE_INCH_V6, 12, &call);
    assert_eq!(ends(&found), (Some(WETH), Some(USD), true, false));
    assert_eq!(found.amount_in, Amount::Exact(amount(12)));
    let call = V6::unoswapToCall {
        to: word(FRIEND),
        token: word(USD),
        amount: amount(1),
        least: amount(2),
        dex: word(V2_POOL),
    };
    let found = swap(ONE_INCH_V6, 0, &call);
    assert_eq!(ends(&found), (Some(USD), Some(WETH), false, false));
    assert_eq!(found.recipient, Some(FRIEND));
}
