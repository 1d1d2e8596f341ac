//! Tokens, things, and what looks like them.

use alloy_primitives::{FixedBytes, U256};
use alloy_sol_types::{SolCall, sol};
use feature::{Action, Amount, Contract, TokenKind};

use crate::support::{ART, FRIEND, SENDER, STRANGER, USD, V2_POOL, WETH, amount, call, calls};

sol! {
    function transfer(address to, uint256 amount);
    function transferFrom(address from, address to, uint256 amount);
    function approve(address spender, uint256 amount);
    function setApprovalForAll(address operator, bool approved);
    function deposit();
    function withdraw(uint256 amount);
    function mint(address to, uint256 amount);
    interface Things {
        function safeTransferFrom(address from, address to, uint256 id, bytes data);
    }
}

#[test]
fn a_token_moves() {
    let sent = call(USD, 0, &transferCall { to: FRIEND, amount: U256::MAX });
    assert_eq!(sent.contract, Contract::Token(TokenKind::Erc20));
    assert_eq!(sent.function, Some("transfer"));
    assert_eq!(sent.action, Action::Transfer { from: SENDER, to: FRIEND, amount: U256::MAX });
    let taken = transferFromCall { from: FRIEND, to: STRANGER, amount: amount(5) };
    let expected = Action::Transfer { from: FRIEND, to: STRANGER, amount: amount(5) };
    assert_eq!(call(USD, 0, &taken).action, expected);
    let allowed = call(USD, 0, &approveCall { spender: FRIEND, amount: amount(9) });
    assert_eq!(allowed.action, Action::Approve { spender: FRIEND, amount: amount(9) });
}

#[test]
fn a_thing_moves() {
    let taken = transferFromCall { from: FRIEND, to: STRANGER, amount: amount(5) };
    let expected = Action::TransferNft { from: FRIEND, to: STRANGER, id: amount(5) };
    assert_eq!(call(ART, 0, &taken).action, expected);
    let safely = Things::safeTransferFromCall {
        from: FRIEND,
        to: STRANGER,
        id: amount(5),
        data: vec![1; 40].into(),
    };
    assert_eq!(call(ART, 0, &safely).action, expected);
    let all = setApprovalForAllCall { operator: FRIEND, approved: true };
    assert_eq!(call(ART, 0, &all).action, Action::ApproveAll { operator: FRIEND, approved: true });
}

#[test]
fn the_coin_becomes_a_token_and_back() {
    let wrapped = call(WETH, 70, &depositCall {});
    assert_eq!(wrapped.action, Action::Wrap { amount: Amount::Exact(amount(70)) });
    let unwrapped = call(WETH, 0, &withdrawCall { amount: amount(8) });
    assert_eq!(unwrapped.action, Action::Unwrap { amount: Amount::Exact(amount(8)) });
    // Another token has no such function.
    assert!(matches!(call(USD, 0, &depositCall {}).action, Action::Unknown { .. }));
}

#[test]
fn what_looks_like_a_transfer_is_told_as_such() {
    let sent = call(STRANGER, 0, &transferCall { to: FRIEND, amount: amount(4) });
    assert_eq!(sent.contract, Contract::Unknown);
    let expected = Action::PerhapsTransfer { from: SENDER, to: FRIEND, amount_or_id: amount(4) };
    assert_eq!(sent.action, expected);
    // One byte more is not the function's form.
    let longer = [transferCall { to: FRIEND, amount: amount(4) }.abi_encode(), vec![0]].concat();
    let selector = Some(FixedBytes::from(transferCall::SELECTOR));
    assert_eq!(calls(STRANGER, 0, longer)[0].action, Action::Unknown { selector });
}

#[test]
fn what_is_not_known_stays_unknown() {
    let selector = Some(FixedBytes::from(mintCall::SELECTOR));
    for target in [STRANGER, USD, ART, V2_POOL] {
        let minted = call(target, 0, &mintCall { to: FRIEND, amount: amount(4) });
        assert_eq!(minted.action, Action::Unknown { selector });
        assert_eq!(minted.function, None);
    }
    assert_eq!(calls(STRANGER, 0, vec![1, 2, 3])[0].action, Action::Unknown { selector: None });
    assert_eq!(calls(STRANGER, 5, Vec::new())[0].action, Action::Plain);
}

#[test]
fn an_address_with_upper_bytes_is_none() {
    let mut sent = transferCall { to: FRIEND, amount: amount(4) }.abi_encode();
    sent[4] = 1;
    assert_eq!(calls(USD, 0, sent)[0].action, Action::Malformed);
}
