//! The limit holds, what is used stays, and what can't be true is not kept.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use chain::BlockRef;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::StateCache;
use crate::{AccountState, NO_CODE, StateError, StateKey, StateValue, StateView};

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: keccak256(number.to_be_bytes()) }
}

fn slot(n: u64) -> StateKey {
    StateKey::Storage(Address::with_last_byte(1), U256::from(n))
}

fn account(code_hash: B256, code: Option<Bytes>) -> StateValue {
    StateValue::Account { balance: U256::from(7), nonce: 1, code_hash, code }
}

#[test]
fn many_blocks_stay_within_the_limit() {
    let cache = StateCache::new(1 << 20);
    for number in 0..500 {
        for n in 0..100 {
            let value = StateValue::Storage(U256::from(number * n));
            cache.insert(block(number), slot(n), value).expect("it fits its key");
        }
        assert!(cache.counts().bytes <= 1 << 20, "{:?}", cache.counts());
    }
    let address = Address::with_last_byte(1);
    let mut newest = cache.view(block(499));
    assert_eq!(newest.storage(address, U256::from(3)), Some(U256::from(499 * 3)));
    let mut oldest = cache.view(block(0));
    assert_eq!(oldest.storage(address, U256::from(3)), None);
    let counts = cache.counts();
    assert!(counts.evictions > 40_000, "{counts:?}");
    assert_eq!((counts.hits, counts.misses), (1, 1));
}

#[test]
fn what_is_used_stays() {
    let cache = StateCache::new(64 << 10);
    let address = Address::with_last_byte(1);
    cache.insert(block(0), slot(0), StateValue::Storage(U256::ONE)).expect("it fits its key");
    for number in 1..1000 {
        cache.insert(block(number), slot(1), StateValue::Storage(U256::ZERO)).expect("it fits");
        assert_eq!(cache.view(block(0)).storage(address, U256::ZERO), Some(U256::ONE));
    }
}

#[test]
fn what_can_not_be_true_is_not_kept() {
    let cache = StateCache::new(1 << 20);
    let address = Address::with_last_byte(9);
    let (at, code) = (block(1), Bytes::from_static(&[0x60, 0x00]));
    let of = StateKey::Account(address);
    let wrong = account(B256::repeat_byte(1), Some(code.clone()));
    assert_eq!(cache.insert(at, of, wrong), Err(StateError::Nonsense));
    assert_eq!(cache.insert(at, of, StateValue::Storage(U256::ZERO)), Err(StateError::Nonsense));
    assert_eq!(cache.view(at).account(address), None);
    let zero =
        StateValue::Account { balance: U256::ZERO, nonce: 0, code_hash: B256::ZERO, code: None };
    cache.insert(at, of, zero).expect("it is how some say that there is none");
    assert_eq!(cache.view(at).account(address), Some(AccountState::NONE));
    cache.insert(at, of, account(keccak256(&code), None)).expect("nobody knows its code yet");
    let other = StateValue::Code(Bytes::from_static(&[0x60, 0x01]));
    assert_eq!(cache.insert(at, StateKey::Code(address), other), Err(StateError::Nonsense));
    let none = StateValue::Code(Bytes::new());
    assert_eq!(cache.insert(at, StateKey::Code(address), none), Err(StateError::Nonsense));
    assert_eq!(cache.view(at).code(address, keccak256(&code)), None);
    let right = StateValue::Code(code.clone());
    cache.insert(at, StateKey::Code(address), right).expect("it has its hash");
    let found = cache.view(at).code(address, keccak256(&code)).expect("it is there");
    assert_eq!(found.bytes(), code);
}

#[test]
fn codes_are_shared_by_blocks() {
    let cache = StateCache::new(1 << 20);
    let code = Bytes::from(vec![0x5b; 10_000]);
    for number in 0..100 {
        let key = StateKey::Account(Address::with_last_byte(2));
        let value = account(keccak256(&code), Some(code.clone()));
        cache.insert(block(number), key, value).expect("it has its hash");
    }
    assert!(cache.counts().bytes < 60_000, "{:?}", cache.counts());
}

proptest! {
    #[test]
    fn whatever_is_found_is_what_was_put(
        puts in prop::collection::vec((0..8_u64, 0..40_u64, any::<u64>()), 1..80),
        bytes_max in 0..20_000_usize,
    ) {
        let cache = StateCache::new(bytes_max);
        let mut last = std::collections::HashMap::new();
        for (number, n, value) in puts {
            cache.insert(block(number), slot(n), StateValue::Storage(U256::from(value)))
                .expect("it fits its key");
            last.insert((number, n), value);
            for ((number, n), value) in &last {
                let slot = U256::from(*n);
                let found = cache.view(block(*number)).storage(Address::with_last_byte(1), slot);
                prop_assert!(found.is_none_or(|found| found == U256::from(*value)));
            }
            // One entry may be larger than the limit.
            prop_assert!(cache.counts().bytes <= bytes_max.max(1000));
        }
        let none = AccountState { code_hash: NO_CODE, ..AccountState::NONE };
        prop_assert_eq!(none.is_empty(), true);
    }
}
