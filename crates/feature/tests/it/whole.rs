//! Everything that is told of a transaction, as JSON.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, sol};
use chain::{AccessListItem, Authorization, BlockRef, Lists, Transaction};
use feature::{Category, Features, FeeWindow, intrinsic_gas};
use serde_json::json;

use crate::support::{FRIEND, SENDER, STRANGER, USD, amount, registry, transaction};

sol! {
    function transfer(address to, uint256 amount);
    function approve(address spender, uint256 amount);
}

fn features(transaction: &Transaction) -> Features {
    let registry = registry();
    let mut fees = FeeWindow::default();
    let block = BlockRef { number: 1, hash: B256::repeat_byte(1) };
    fees.commit(block, Some(40), [transaction]);
    Features::of(transaction, registry.chain(7).expect("it is there"), &fees)
}

#[test]
fn the_text_stays_as_it_is() {
    let call = transferCall { to: FRIEND, amount: U256::MAX };
    let found = features(&transaction(USD, 0, call.abi_encode()));
    let expected = json!({
        "version": 1,
        "hash": B256::repeat_byte(7),
        "category": "token",
        "calls": [{
            "depth": 0,
            "target": USD,
            "contract": {"token": "erc20"},
            "function": "transfer",
            "action": "transfer",
            "from": SENDER,
            "to": FRIEND,
            "amount": U256::MAX.to_string(),
        }],
        "calls_are_cut": false,
        "fee": {
            "priority_fee_per_gas_wei": "2",
            "base_fee_per_gas_wei": "40",
            "at_or_below_permille": 1000,
            "transactions": 1,
            "blocks": 1,
        },
        "gas_limit": 100_000,
        "intrinsic_gas": 21_000 + 16 * (4 + 20 + 32) + 4 * 12,
        "calldata_len": 68,
        "calldata_zero_bytes": 12,
        "access_list_accounts": 0,
        "access_list_slots": 0,
        "blob_count": 0,
        "max_fee_per_blob_gas_wei": null,
        "authorizations": 0,
    });
    assert_eq!(serde_json::to_value(&found).unwrap(), expected);
}

#[test]
fn lists_are_counted() {
    let item = |slots| AccessListItem { address: FRIEND, storage_keys: vec![B256::ZERO; slots] };
    let authorization = Authorization {
        chain_id: U256::ZERO,
        address: FRIEND,
        nonce: 0,
        y_parity: 0,
        r: U256::ONE,
        s: U256::ONE,
    };
    let lists = Lists {
        access_list: vec![item(0), item(3)],
        blob_hashes: vec![B256::ZERO],
        authorizations: vec![authorization],
    };
    let with = Transaction {
        lists: lists.unless_empty(),
        blob_count: 1,
        max_fee_per_blob_gas: Some(8),
        ..transaction(FRIEND, 1, Vec::new())
    };
    let found = features(&with);
    assert_eq!((found.access_list_accounts, found.access_list_slots), (2, 3));
    assert_eq!((found.blob_count, found.max_fee_per_blob_gas), (1, Some(8)));
    assert_eq!(found.authorizations, 1);
    assert_eq!(found.intrinsic_gas, 21_000 + 2 * 2_400 + 3 * 1_900 + 25_000);
}

#[test]
fn creation_and_categories() {
    let created = Transaction { to: None, ..transaction(FRIEND, 0, vec![0, 1]) };
    let found = features(&created);
    assert_eq!(found.category, Category::Create);
    assert_eq!(found.calls[0].target, SENDER.create(3));
    assert_eq!(intrinsic_gas(&created), 21_000 + 32_000 + 2 + 4 + 16);
    let category = |to: Address, input| {
        let category = features(&transaction(to, 1, input)).category;
        assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        category
    };
    assert_eq!(category(FRIEND, Vec::new()), Category::Transfer);
    let approve = approveCall { spender: FRIEND, amount: amount(1) }.abi_encode();
    assert_eq!(category(USD, approve.clone()), Category::Approval);
    assert_eq!(category(STRANGER, approve), Category::Unknown);
    assert_eq!(category(USD, Vec::new()), Category::Call);
}
