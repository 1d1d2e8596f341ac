//! Records as bytes.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{
    AccessListItem, Authorization, BlockRef, ChainKey, DecodeError, DropReason, Fact, Finding,
    FindingKind, Header, Json, Lists, Record, Transaction, decode, encode,
};
use proptest::{collection::vec, option, prelude::*};

fn hashes() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

fn addresses() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

fn block_refs() -> impl Strategy<Value = BlockRef> {
    (any::<u64>(), hashes()).prop_map(|(number, hash)| BlockRef { number, hash })
}

prop_compose! {
    fn lists()(
        accessed in vec((addresses(), vec(hashes(), 0..3)), 0..3),
        blob_hashes in vec(hashes(), 0..3),
        authorized in vec((addresses(), any::<(u64, u8, [u8; 32], [u8; 32])>()), 0..3),
    ) -> Lists {
        let item = |(address, storage_keys)| AccessListItem { address, storage_keys };
        let signed = |(address, (nonce, y_parity, r, s))| Authorization {
            chain_id: U256::from(nonce), address, nonce, y_parity,
            r: U256::from_be_bytes::<32>(r), s: U256::from_be_bytes::<32>(s),
        };
        Lists {
            access_list: accessed.into_iter().map(item).collect(),
            blob_hashes,
            authorizations: authorized.into_iter().map(signed).collect(),
        }
    }
}

prop_compose! {
    fn transactions()(
        hash in hashes(),
        sender in addresses(),
        to in option::of(addresses()),
        value in any::<[u8; 32]>(),
        (nonce, gas_limit, tx_type, blob_count) in any::<(u64, u64, u8, u16)>(),
        (chain_id, gas_price) in any::<(Option<u64>, Option<u128>)>(),
        fees in any::<(Option<u128>, Option<u128>, Option<u128>)>(),
        input in vec(any::<u8>(), 0..200),
        lists in option::of(lists().prop_map(Box::new)),
    ) -> Transaction {
        Transaction {
            hash, sender, nonce, to, value: U256::from_be_bytes(value), tx_type, chain_id, gas_limit,
            gas_price, max_fee_per_gas: fees.0, max_priority_fee_per_gas: fees.1,
            max_fee_per_blob_gas: fees.2, blob_count, input: Bytes::from(input), lists,
        }
    }
}

prop_compose! {
    fn headers()(
        (hash, parent_hash, state_root) in (hashes(), hashes(), hashes()),
        beneficiary in addresses(),
        (number, timestamp, gas_used, gas_limit) in any::<(u64, u64, u64, u64)>(),
        base_fee_per_gas in any::<Option<u128>>(),
    ) -> Header {
        Header {
            number, hash, parent_hash, timestamp, base_fee_per_gas, gas_used, gas_limit,
            beneficiary, state_root,
        }
    }
}

fn findings() -> impl Strategy<Value = Finding> {
    let kinds = [
        FindingKind::Feature,
        FindingKind::Candidate,
        FindingKind::Confirmed,
        FindingKind::Refuted,
        FindingKind::Stale,
        FindingKind::Simulation,
    ];
    let parts = (
        prop::sample::select(kinds.to_vec()),
        hashes(),
        any::<u64>(),
        "[a-z_]{0,12}",
        any::<Option<[u8; 32]>>(),
        vec(".{0,20}", 0..4),
    );
    parts.prop_map(|(kind, of, cause, label, value, body)| Finding {
        kind,
        of,
        cause,
        label,
        value: value.map(U256::from_be_bytes::<32>),
        body: Json::of(&body).expect("a list of texts can be written"),
    })
}

fn facts() -> impl Strategy<Value = Fact> {
    let reasons = prop_oneof![Just(DropReason::Expired), Just(DropReason::Evicted)];
    prop_oneof![
        transactions().prop_map(|t| Fact::Seen { transaction: Arc::new(t) }),
        (headers(), any::<u32>())
            .prop_map(|(header, transaction_count)| Fact::Committed { header, transaction_count }),
        block_refs().prop_map(|block| Fact::Reverted { block }),
        (hashes(), block_refs(), any::<u32>())
            .prop_map(|(transaction, block, index)| Fact::Included { transaction, block, index }),
        (hashes(), block_refs())
            .prop_map(|(transaction, block)| Fact::Final { transaction, block }),
        (hashes(), hashes()).prop_map(|(transaction, by)| Fact::Replaced { transaction, by }),
        (hashes(), reasons).prop_map(|(transaction, reason)| Fact::Dropped { transaction, reason }),
        (hashes(), block_refs())
            .prop_map(|(transaction, block)| Fact::Reorged { transaction, block }),
        (block_refs(), block_refs())
            .prop_map(|(last, resumes_at)| Fact::Broken { last, resumes_at }),
        findings().prop_map(Fact::Found),
    ]
}

/// Returns the bytes of a record without lists as the version before wrote them.
fn before_lists(record: &Record) -> Vec<u8> {
    let mut bytes = encode(record);
    bytes[0] = 1;
    if matches!(record.fact, Fact::Seen { .. }) {
        assert_eq!(bytes.pop(), Some(0), "it ends with the byte for no lists");
    }
    bytes
}

fn records() -> impl Strategy<Value = Record> {
    let keys = "[a-z0-9_.-]{1,64}".prop_filter("no key", |key| !matches!(key.as_str(), "." | ".."));
    let parts = (keys, any::<u64>(), any::<u64>(), facts());
    parts.prop_map(|(chain, number, observed_unix_ms, fact)| Record {
        chain: chain.parse().expect("it is in the grammar"),
        number,
        observed_unix_ms,
        fact,
    })
}

proptest! {
    #[test]
    fn a_record_comes_back(record in records()) {
        prop_assert_eq!(decode(&encode(&record)), Ok(record));
    }

    #[test]
    fn cut_bytes_are_refused(record in records(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&record);
        let bytes = &bytes[..cut.index(bytes.len())];
        let expected = match bytes.len() {
            0 => DecodeError::Empty,
            bytes => DecodeError::Cut { bytes },
        };
        prop_assert_eq!(decode(bytes), Err(expected));
    }

    #[test]
    fn a_record_of_the_version_before_is_read(mut record in records(), cut in 0_usize..4) {
        // That version knew no findings.
        prop_assume!(!matches!(record.fact, Fact::Found(_)));
        if let Fact::Seen { transaction } = &mut record.fact {
            Arc::make_mut(transaction).lists = None;
        }
        let bytes = before_lists(&record);
        let kept = bytes.len() - cut;
        match cut {
            0 => prop_assert_eq!(decode(&bytes), Ok(record)),
            _ => prop_assert_eq!(decode(&bytes[..kept]), Err(DecodeError::Cut { bytes: kept })),
        }
        let more = [bytes, vec![0, 7]].concat();
        prop_assert_eq!(decode(&more), Err(DecodeError::Trailing { bytes: 2 }));
    }

    #[test]
    fn trailing_bytes_are_refused(record in records(), more in vec(any::<u8>(), 1..9)) {
        let bytes = [encode(&record), more.clone()].concat();
        prop_assert_eq!(decode(&bytes), Err(DecodeError::Trailing { bytes: more.len() }));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_changed_byte_does_not_make_it_panic(
        record in records(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&record);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes);
    }
}

#[test]
fn a_text_that_is_not_json_is_refused() {
    let finding = Finding {
        kind: FindingKind::Feature,
        of: B256::ZERO,
        cause: 1,
        label: String::new(),
        value: None,
        body: Json::of(&[1]).unwrap(),
    };
    let mut bytes = encode(&golden(Fact::Found(finding)));
    assert_eq!(bytes.pop(), Some(b']'));
    bytes.push(b'[');
    assert_eq!(decode(&bytes), Err(DecodeError::Malformed));
}

#[test]
fn versions_are_told_apart() {
    assert_eq!(decode(&[3, 0, 0]), Err(DecodeError::Version { version: 3 }));
    assert_eq!(decode(&[]), Err(DecodeError::Empty));
}

/// The input's length stands before its bytes; here it claims 2^63.
#[test]
fn a_length_that_lies_allocates_nothing() {
    let mut record = golden(Fact::Seen { transaction: crate::support::transaction(1, 1, 1, 10) });
    let Fact::Seen { transaction } = &mut record.fact else { unreachable!() };
    Arc::make_mut(transaction).input = Bytes::new();
    let mut bytes = before_lists(&record);
    bytes[0] = 2;
    assert_eq!(bytes.pop(), Some(0));
    bytes.extend([0xff; 9]);
    bytes.push(1);
    assert!(matches!(decode(&bytes), Err(DecodeError::Cut { .. })), "{:?}", decode(&bytes));
}

fn golden(fact: Fact) -> Record {
    Record {
        chain: "a".parse::<ChainKey>().expect("it is in the grammar"),
        number: 5,
        observed_unix_ms: 300,
        fact,
    }
}

#[test]
fn the_bytes_stay_as_they_are() {
    let hash = B256::repeat_byte(0xaa);
    let block = BlockRef { number: 7, hash: B256::repeat_byte(0xbb) };
    let (a, b) = ("aa".repeat(32), "bb".repeat(32));
    let table = [
        (Fact::Reverted { block }, format!("02_0161_05_ac02_02_07_20{b}")),
        (
            Fact::Included { transaction: hash, block, index: 300 },
            format!("02_0161_05_ac02_03_20{a}_07_20{b}_ac02"),
        ),
        (Fact::Final { transaction: hash, block }, format!("02_0161_05_ac02_04_20{a}_07_20{b}")),
        (
            Fact::Replaced { transaction: hash, by: block.hash },
            format!("02_0161_05_ac02_05_20{a}_20{b}"),
        ),
        (
            Fact::Dropped { transaction: hash, reason: DropReason::Evicted },
            format!("02_0161_05_ac02_06_20{a}_01"),
        ),
        (Fact::Reorged { transaction: hash, block }, format!("02_0161_05_ac02_07_20{a}_07_20{b}")),
        (
            Fact::Found(Finding {
                kind: FindingKind::Confirmed,
                of: hash,
                cause: 3,
                label: "x".to_owned(),
                value: None,
                body: Json::of(&[1]).unwrap(),
            }),
            format!("02_0161_05_ac02_09_02_20{a}_03_0178_00_03{}", "5b315d"),
        ),
    ];
    for (fact, expected) in table {
        let text = alloy_primitives::hex::encode(encode(&golden(fact)));
        assert_eq!(text, expected.replace('_', ""));
    }
}
