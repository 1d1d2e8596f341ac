//! The JSON that readers get, byte by byte.

use chain::{DropReason, Fact};
use projection::{KindFilter, TransactionQuery};
use serde_json::json;

use crate::support::{Story, block, hash};

#[test]
fn a_transaction_is_written_with_hex_and_decimal_texts() {
    let mut story = Story::new(10);
    story.seen("eth-mainnet", 3);
    story.included("eth-mainnet", 3, 9);
    let snapshot = story.view.snapshot();
    let row = snapshot.transaction(&hash(3), None).unwrap();
    let expected = json!({
        "hash": "0x0000000000000000000000000000000000000000000000000000000000000003",
        "chain_key": "eth-mainnet",
        "sender": "0x0000000000000000000000000000000000000003",
        "to": "0x00000000000000000000000000000000000000c8",
        "nonce": 3,
        "tx_type": 2,
        "chain_id": 1,
        "value_wei": "1000000000000000000000000000000",
        "gas_limit": 21000,
        "gas_price_wei": null,
        "max_fee_per_gas_wei": "340282366920938463463374607431768211455",
        "max_priority_fee_per_gas_wei": "1",
        "max_fee_per_blob_gas_wei": null,
        "blob_count": 0,
        "calldata_len": 5,
        "method_selector": "0xa9059cbb",
        "seen_seq_id": 1,
        "seen_unix_ms": 1001,
        "lifecycle_status": "included",
        "lifecycle_updated_seq_id": 2,
        "lifecycle_updated_unix_ms": 1002,
        "block": {
            "number": 9,
            "hash": "0x00000000000000000000000000000000000000000000000000000000000f4249"
        },
        "block_index": 0,
        "replaced_by": null,
        "drop_reason": null,
    });
    assert_eq!(serde_json::to_value(&**row).unwrap(), expected);
    let page = snapshot.transactions(&TransactionQuery { limit: 1, ..Default::default() });
    let page = serde_json::to_value(page).unwrap();
    assert_eq!(page, json!({"transactions": [expected], "next": 1, "has_more": false}));
}

#[test]
fn every_kind_of_event_says_what_it_is_about() {
    let mut story = Story::new(20);
    let (a, of) = ("a", hash(1));
    story.seen(a, 1);
    story.committed(a, 2);
    story.included(a, 1, 2);
    for fact in [
        Fact::Reverted { block: block(2) },
        Fact::Reorged { transaction: of, block: block(2) },
        Fact::Final { transaction: of, block: block(2) },
        Fact::Replaced { transaction: of, by: hash(2) },
        Fact::Dropped { transaction: of, reason: DropReason::Expired },
        Fact::Broken { last: block(2), resumes_at: block(7) },
    ] {
        story.tell(a, fact);
    }
    let page = story.view.snapshot().events_after(0, KindFilter::ALL, 100);
    let page = serde_json::to_value(page).unwrap();
    let one = hash(1).to_string();
    let at = json!({"number": 2, "hash": block(2).hash.to_string()});
    let expected = [
        ("transaction.seen", "hash", json!(one)),
        ("block.committed", "transaction_count", json!(1)),
        ("transaction.included", "block", at.clone()),
        ("block.reverted", "block", at.clone()),
        ("transaction.reorged", "block", at.clone()),
        ("transaction.final", "block", at),
        ("transaction.replaced", "replaced_by", json!(hash(2).to_string())),
        ("transaction.dropped", "reason", json!("expired")),
        ("chain.broken", "resumes_at", json!({"number": 7, "hash": block(7).hash.to_string()})),
    ];
    for (i, (kind, field, value)) in expected.iter().enumerate() {
        let event = &page["events"][i];
        assert_eq!((&event["type"], &event[field]), (&json!(kind), value), "{event}");
        assert_eq!((&event["seq_id"], &event["chain_seq"]), (&json!(i + 1), &json!(i + 1)));
        assert_eq!(event["observed_unix_ms"], json!(1_001 + i));
        assert_eq!(event["persisted_unix_ms"], json!(2_001 + i));
    }
    assert_eq!(
        (&page["next"], &page["has_more"], &page["gap"]),
        (&json!(9), &json!(false), &json!(null))
    );
}
