//! Calls within calls, and lists of commands.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue, sol};
use feature::{Action, Amount, CALLS_MAX, Call, DEPTH_MAX, decode};

use crate::support::{
    FRIEND, ROUTER_V3, ROUTER02, UNIVERSAL, USD, V2_POOL, V3_POOL, WETH, amount, calls, registry,
    transaction,
};

sol! {
    function multicall(bytes[] data);
    function execute(bytes commands, bytes[] inputs, uint256 deadline);
    function refundETH();
    function unwrapWETH9(uint256 least, address to);
    interface Router02 { function multicall(uint256 deadline, bytes[] data); }
}

fn shape(calls: &[Call]) -> Vec<(u8, Option<&str>)> {
    calls.iter().map(|call| (call.depth, call.function)).collect()
}

#[test]
fn calls_within_calls_follow_one_deeper() {
    let unwrap: Bytes = unwrapWETH9Call { least: amount(5), to: FRIEND }.abi_encode().into();
    let refund: Bytes = refundETHCall {}.abi_encode().into();
    let inner: Bytes = multicallCall { data: vec![refund, Bytes::new()] }.abi_encode().into();
    let outer = multicallCall { data: vec![unwrap, inner] }.abi_encode();
    let calls = calls(ROUTER_V3, 0, outer);
    let expected = [
        (0, Some("multicall")),
        (1, Some("unwrapWETH9")),
        (1, Some("multicall")),
        (2, Some("refundETH")),
        (2, None),
    ];
    assert_eq!(shape(&calls), expected);
    assert_eq!(calls[0].action, Action::Batch);
    assert_eq!(calls[1].action, Action::Unwrap { amount: Amount::AtLeast(amount(5)) });
}

#[test]
fn a_deadline_may_stand_before_them() {
    let refund: Bytes = refundETHCall {}.abi_encode().into();
    let call = Router02::multicallCall { deadline: amount(9), data: vec![refund] }.abi_encode();
    let expected = [(0, Some("multicall")), (1, Some("refundETH"))];
    assert_eq!(shape(&calls(ROUTER02, 0, call)), expected);
}

#[test]
fn what_is_too_deep_or_too_much_is_cut_and_said() {
    let registry = registry();
    let chain = registry.chain(7).unwrap();
    let mut call = refundETHCall {}.abi_encode();
    for _ in 0..usize::from(DEPTH_MAX) + 1 {
        call = multicallCall { data: vec![call.into()] }.abi_encode();
    }
    let deep = decode(&transaction(ROUTER_V3, 0, call), chain);
    assert!(deep.is_cut);
    assert_eq!(deep.calls.last().unwrap().depth, DEPTH_MAX);
    let refund: Bytes = refundETHCall {}.abi_encode().into();
    let many = multicallCall { data: vec![refund; CALLS_MAX] }.abi_encode();
    let many = decode(&transaction(ROUTER_V3, 0, many), chain);
    assert!(many.is_cut);
    assert_eq!(many.calls.len(), CALLS_MAX);
}

fn v2_input(given: U256) -> Bytes {
    (FRIEND, given, amount(7), vec![WETH, USD], true).abi_encode_params().into()
}

#[test]
fn commands_of_the_universal_router() {
    let path = [USD.as_slice(), &[0, 1, 0xf4], WETH.as_slice()].concat();
    let me = Address::with_last_byte(1);
    let v3: Bytes =
        (me, amount(10), amount(20), Bytes::from(path), false).abi_encode_params().into();
    let wrap: Bytes = (Address::with_last_byte(2), U256::ONE << 255).abi_encode_params().into();
    let sub: Bytes = (Bytes::from_static(&[0x04]), vec![Bytes::new()]).abi_encode_params().into();
    let execute = executeCall {
        // A command that may fail has the highest bit.
        commands: Bytes::from_static(&[0x0b, 0x88, 0x01, 0x21, 0x3f]),
        inputs: vec![wrap, v2_input(U256::ONE << 255), v3, sub, Bytes::new()],
        deadline: amount(99),
    };
    let calls = calls(UNIVERSAL, 50, execute.abi_encode());
    let expected = [
        (0, Some("execute")),
        (1, Some("WRAP_ETH")),
        (1, Some("V2_SWAP_EXACT_IN")),
        (1, Some("V3_SWAP_EXACT_OUT")),
        (1, Some("EXECUTE_SUB_PLAN")),
        (2, Some("SWEEP")),
        (1, Some("UNKNOWN_COMMAND")),
    ];
    assert_eq!(shape(&calls), expected);
    assert_eq!(calls[1].action, Action::Wrap { amount: Amount::Balance });
    let Action::Swap(first) = &calls[2].action else { panic!("{calls:?}") };
    assert_eq!((first.amount_in, first.amount_out), (Amount::Balance, Amount::AtLeast(amount(7))));
    assert_eq!((first.token_in, first.token_out), (Some(WETH), Some(USD)));
    assert_eq!((first.path[0].pool, first.recipient), (Some(V2_POOL), Some(FRIEND)));
    assert_eq!(first.deadline, Some(amount(99)));
    let Action::Swap(second) = &calls[3].action else { panic!("{calls:?}") };
    let amounts = (Amount::AtMost(amount(20)), Amount::Exact(amount(10)));
    assert_eq!((second.amount_in, second.amount_out), amounts);
    assert_eq!((second.token_in, second.token_out), (Some(WETH), Some(USD)));
    assert_eq!((second.path[0].pool, second.recipient), (Some(V3_POOL), None));
    assert_eq!(calls[6].action, Action::Unknown { selector: None });
}

#[test]
fn a_pair_that_was_paid_before_is_given_what_nobody_says() {
    let execute = executeCall {
        commands: Bytes::from_static(&[0x08]),
        inputs: vec![v2_input(U256::ZERO)],
        deadline: amount(99),
    };
    let calls = calls(UNIVERSAL, 0, execute.abi_encode());
    let Action::Swap(swap) = &calls[1].action else { panic!("{calls:?}") };
    assert_eq!((swap.amount_in, swap.amount_out), (Amount::Unknown, Amount::AtLeast(amount(7))));
}

#[test]
fn commands_without_their_inputs_are_malformed() {
    let execute = executeCall {
        commands: Bytes::from_static(&[0x08, 0x08]),
        inputs: vec![v2_input(amount(1))],
        deadline: amount(99),
    };
    assert_eq!(calls(UNIVERSAL, 0, execute.abi_encode())[0].action, Action::Malformed);
    let short = executeCall {
        commands: Bytes::from_static(&[0x08]),
        inputs: vec![v2_input(amount(1)).slice(..64)],
        deadline: amount(99),
    };
    assert_eq!(calls(UNIVERSAL, 0, short.abi_encode())[1].action, Action::Malformed);
}
