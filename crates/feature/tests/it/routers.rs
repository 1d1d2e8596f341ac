//! Routers of Uniswap and pools that are called directly.

use alloy_primitives::{Address, Bytes, I256, U160, U256, aliases::U24};
use alloy_sol_types::{SolCall, sol};
use feature::{Action, Amount, Hop, PoolKind, Swap};

use crate::support::{
    FRIEND, OTHER, ROUTER_V2, ROUTER_V3, ROUTER02, STRANGER, USD, USD_OTHER, V2_POOL, V3_POOL,
    WETH, amount, call, swap,
};

sol! {
    function swapExactTokensForTokens(uint256 given, uint256 least, address[] path, address to, uint256 deadline);
    function swapExactTokensForETH(uint256 given, uint256 least, address[] path, address to, uint256 deadline);
    function swapTokensForExactETH(uint256 wanted, uint256 most, address[] path, address to, uint256 deadline);
    function swapETHForExactTokens(uint256 wanted, address[] path, address to, uint256 deadline);
    function swapExactETHForTokens(uint256 least, address[] path, address to, uint256 deadline);
    struct Single {
        address tokenIn; address tokenOut; uint24 fee; address to;
        uint256 deadline; uint256 amount; uint256 bound; uint160 limit;
    }
    function exactInputSingle(Single single);
    function exactOutputSingle(Single single);
    struct Along { bytes path; address to; uint256 deadline; uint256 amount; uint256 bound; }
    function exactInput(Along along);
    function exactOutput(Along along);
    interface Router02 {
        struct Short {
            address tokenIn; address tokenOut; uint24 fee; address to;
            uint256 amount; uint256 bound; uint160 limit;
        }
        function exactInputSingle(Short single);
        function swapExactTokensForTokens(uint256 given, uint256 least, address[] path, address to);
    }
    interface Pair { function swap(uint256 out0, uint256 out1, address to, bytes data); }
    interface Pool3 { function swap(address to, bool zeroForOne, int256 specified, uint160 limit, bytes data); }
}

fn hop(kind: PoolKind, tokens: (Address, Address), pool: Option<Address>, fee: Option<u32>) -> Hop {
    Hop {
        token_in: Some(tokens.0),
        token_out: Some(tokens.1),
        kind: Some(kind),
        pool,
        fee_ppm: fee,
    }
}

fn base(tokens: (Address, Address), path: Vec<Hop>, amounts: (Amount, Amount)) -> Swap {
    Swap {
        token_in: Some(tokens.0),
        token_out: Some(tokens.1),
        native_in: false,
        native_out: false,
        amount_in: amounts.0,
        amount_out: amounts.1,
        path,
        recipient: Some(FRIEND),
        deadline: Some(amount(99)),
    }
}

#[test]
fn tokens_for_tokens_over_two_pools() {
    let call = swapExactTokensForTokensCall {
        given: amount(10),
        least: amount(7),
        path: vec![WETH, USD, OTHER],
        to: FRIEND,
        deadline: amount(99),
    };
    let path = vec![
        hop(PoolKind::UniswapV2, (WETH, USD), Some(V2_POOL), Some(3_000)),
        hop(PoolKind::UniswapV2, (USD, OTHER), Some(USD_OTHER), Some(2_500)),
    ];
    let amounts = (Amount::Exact(amount(10)), Amount::AtLeast(amount(7)));
    assert_eq!(swap(ROUTER_V2, 0, &call), base((WETH, OTHER), path, amounts));
}

#[test]
fn the_coin_on_either_side() {
    let path = vec![hop(PoolKind::UniswapV2, (WETH, USD), Some(V2_POOL), Some(3_000))];
    let back = vec![hop(PoolKind::UniswapV2, (USD, WETH), Some(V2_POOL), Some(3_000))];
    let (tokens, deadline) = (vec![WETH, USD], amount(99));
    let given =
        swapExactETHForTokensCall { least: amount(7), path: tokens.clone(), to: FRIEND, deadline };
    let amounts = (Amount::Exact(amount(12)), Amount::AtLeast(amount(7)));
    let expected = Swap { native_in: true, ..base((WETH, USD), path.clone(), amounts) };
    assert_eq!(swap(ROUTER_V2, 12, &given), expected);
    let wanted =
        swapETHForExactTokensCall { wanted: amount(7), path: tokens, to: FRIEND, deadline };
    let amounts = (Amount::AtMost(amount(12)), Amount::Exact(amount(7)));
    let expected = Swap { native_in: true, ..base((WETH, USD), path, amounts) };
    assert_eq!(swap(ROUTER_V2, 12, &wanted), expected);
    let for_coin = swapExactTokensForETHCall {
        given: amount(10),
        least: amount(7),
        path: vec![USD, WETH],
        to: FRIEND,
        deadline,
    };
    let amounts = (Amount::Exact(amount(10)), Amount::AtLeast(amount(7)));
    let expected = Swap { native_out: true, ..base((USD, WETH), back.clone(), amounts) };
    assert_eq!(swap(ROUTER_V2, 0, &for_coin), expected);
    let for_exact = swapTokensForExactETHCall {
        wanted: amount(7),
        most: amount(10),
        path: vec![USD, WETH],
        to: FRIEND,
        deadline,
    };
    let amounts = (Amount::AtMost(amount(10)), Amount::Exact(amount(7)));
    let expected = Swap { native_out: true, ..base((USD, WETH), back, amounts) };
    assert_eq!(swap(ROUTER_V2, 0, &for_exact), expected);
}

fn single(limit: u64) -> Single {
    Single {
        tokenIn: WETH,
        tokenOut: USD,
        fee: U24::from(500),
        to: FRIEND,
        deadline: amount(99),
        amount: amount(10),
        bound: amount(7),
        limit: U160::from(limit),
    }
}

#[test]
fn one_pool_of_v3() {
    let path = vec![hop(PoolKind::UniswapV3, (WETH, USD), Some(V3_POOL), Some(500))];
    let given = exactInputSingleCall { single: single(0) };
    let amounts = (Amount::Exact(amount(10)), Amount::AtLeast(amount(7)));
    assert_eq!(swap(ROUTER_V3, 0, &given), base((WETH, USD), path.clone(), amounts));
    // A price at which it stops may leave some of it.
    let limited = exactInputSingleCall { single: single(77) };
    let amounts = (Amount::AtMost(amount(10)), Amount::AtLeast(amount(7)));
    assert_eq!(swap(ROUTER_V3, 0, &limited), base((WETH, USD), path.clone(), amounts));
    let limited = exactOutputSingleCall { single: single(77) };
    let amounts = (Amount::AtMost(amount(7)), Amount::AtMost(amount(10)));
    assert_eq!(swap(ROUTER_V3, 0, &limited), base((WETH, USD), path.clone(), amounts));
    let wanted = exactOutputSingleCall { single: single(0) };
    let amounts = (Amount::AtMost(amount(7)), Amount::Exact(amount(10)));
    let expected = Swap { native_in: true, ..base((WETH, USD), path, amounts) };
    assert_eq!(swap(ROUTER_V3, 12, &wanted), expected);
}

fn packed(steps: &[(u32, Address)], first: Address) -> Bytes {
    let mut path = first.to_vec();
    for (fee, token) in steps {
        path.extend_from_slice(&fee.to_be_bytes()[1..]);
        path.extend_from_slice(token.as_slice());
    }
    path.into()
}

#[test]
fn a_packed_path_reads_both_ways() {
    let path = vec![
        hop(PoolKind::UniswapV3, (WETH, USD), Some(V3_POOL), Some(500)),
        hop(PoolKind::UniswapV3, (USD, OTHER), None, Some(100)),
    ];
    let along = |path| Along {
        path,
        to: FRIEND,
        deadline: amount(99),
        amount: amount(10),
        bound: amount(7),
    };
    let given = exactInputCall { along: along(packed(&[(500, USD), (100, OTHER)], WETH)) };
    let amounts = (Amount::Exact(amount(10)), Amount::AtLeast(amount(7)));
    assert_eq!(swap(ROUTER_V3, 0, &given), base((WETH, OTHER), path.clone(), amounts));
    let wanted = exactOutputCall { along: along(packed(&[(100, USD), (500, WETH)], OTHER)) };
    let amounts = (Amount::AtMost(amount(7)), Amount::Exact(amount(10)));
    assert_eq!(swap(ROUTER_V3, 0, &wanted), base((WETH, OTHER), path, amounts));
    let cut = exactInputCall { along: along(packed(&[(500, USD)], WETH).slice(..42)) };
    assert_eq!(call(ROUTER_V3, 0, &cut).action, Action::Malformed);
}

#[test]
fn the_second_router_has_no_deadlines() {
    let short = Router02::Short {
        tokenIn: WETH,
        tokenOut: USD,
        fee: U24::from(500),
        to: Address::with_last_byte(1),
        amount: U256::ZERO,
        bound: amount(7),
        limit: U160::ZERO,
    };
    let path = vec![hop(PoolKind::UniswapV3, (WETH, USD), Some(V3_POOL), Some(500))];
    let amounts = (Amount::Balance, Amount::AtLeast(amount(7)));
    let without = |swap| Swap { deadline: None, ..swap };
    let expected = Swap { recipient: None, ..without(base((WETH, USD), path, amounts)) };
    assert_eq!(swap(ROUTER02, 0, &Router02::exactInputSingleCall { single: short }), expected);
    let old = Router02::swapExactTokensForTokensCall {
        given: amount(10),
        least: amount(7),
        path: vec![USD, WETH],
        to: FRIEND,
    };
    let path = vec![hop(PoolKind::UniswapV2, (USD, WETH), Some(V2_POOL), Some(3_000))];
    let amounts = (Amount::Exact(amount(10)), Amount::AtLeast(amount(7)));
    assert_eq!(swap(ROUTER02, 0, &old), without(base((USD, WETH), path, amounts)));
    // The same router with a deadline is another one.
    assert!(matches!(
        call(ROUTER02, 0, &exactInputSingleCall { single: single(0) }).action,
        Action::Unknown { .. }
    ));
    // And at a stranger's nothing is believed.
    assert!(matches!(call(STRANGER, 0, &old).action, Action::Unknown { .. }));
}

#[test]
fn pools_that_are_called_directly() {
    let out1 = Pair::swapCall { out0: U256::ZERO, out1: amount(7), to: FRIEND, data: Bytes::new() };
    let path = vec![hop(PoolKind::UniswapV2, (WETH, USD), Some(V2_POOL), Some(3_000))];
    let amounts = (Amount::Unknown, Amount::Exact(amount(7)));
    let expected = Swap { deadline: None, ..base((WETH, USD), path, amounts) };
    assert_eq!(swap(V2_POOL, 0, &out1), expected);
    let both = Pair::swapCall {
        out0: amount(1),
        out1: amount(7),
        to: FRIEND,
        data: Bytes::from_static(b"loan"),
    };
    assert_eq!(call(V2_POOL, 0, &both).action, Action::Known);
    let exact_out = Pool3::swapCall {
        to: FRIEND,
        zeroForOne: false,
        specified: I256::MIN,
        limit: U160::from(5),
        data: Bytes::new(),
    };
    let path = vec![hop(PoolKind::UniswapV3, (USD, WETH), Some(V3_POOL), Some(500))];
    let amounts = (Amount::Unknown, Amount::AtMost(U256::ONE << 255));
    let expected = Swap { deadline: None, ..base((USD, WETH), path, amounts) };
    assert_eq!(swap(V3_POOL, 0, &exact_out), expected);
    assert_eq!(exact_out.abi_encode().len(), 4 + 6 * 32);
}
