//! What was answered is given again, in another process too, and nothing else is.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::BlockRef;
use futures_util::{FutureExt, future::BoxFuture};

use super::{RecordedState, Said, StateAnswer, StateRecorder};
use crate::{Fetched, StateError, StateKey, StateSource, StateValue};

const AT: BlockRef = BlockRef { number: 7, hash: B256::repeat_byte(7) };
const WHO: Address = Address::repeat_byte(1);

/// Knows an account, a slot, a code and a hash, and nothing of the code of anyone else.
struct Few;

impl StateSource for Few {
    fn fetch<'a>(&'a self, _: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched> {
        let answer = |key: &StateKey| match key {
            StateKey::Account(_) => Ok(StateValue::Account {
                balance: U256::MAX,
                nonce: 3,
                code_hash: B256::repeat_byte(9),
                code: Some(Bytes::from_static(b"\x60")),
            }),
            StateKey::Storage(_, slot) => Ok(StateValue::Storage(*slot)),
            StateKey::Code(who) if *who == WHO => Ok(StateValue::Code(Bytes::new())),
            StateKey::Code(_) => Err(StateError::Pruned),
            StateKey::BlockHash(_) => Ok(StateValue::BlockHash(B256::ZERO)),
        };
        std::future::ready(keys.iter().map(answer).collect()).boxed()
    }
}

fn keys() -> Vec<StateKey> {
    vec![
        StateKey::Account(WHO),
        StateKey::Storage(WHO, U256::from(5)),
        StateKey::Code(WHO),
        StateKey::Code(Address::ZERO),
        StateKey::BlockHash(3),
    ]
}

#[tokio::test]
async fn what_was_answered_is_given_again() {
    let recorder = StateRecorder::new(Arc::new(Few));
    let first = recorder.fetch(AT, &keys()).await;
    let answers = recorder.take();
    assert_eq!((answers.len(), recorder.take().len()), (5, 0));
    let mut again = RecordedState::default();
    for answer in answers {
        let line = serde_json::to_string(&answer).unwrap();
        again.add(serde_json::from_str(&line).unwrap());
    }
    assert_eq!(again.fetch(AT, &keys()).await, first);
    assert_eq!(first[3], Err(StateError::Pruned));
}

#[tokio::test]
async fn what_was_not_asked_is_not_known() {
    let mut again = RecordedState::default();
    assert!(again.is_empty());
    let said = Said::Value(StateValue::Storage(U256::ZERO));
    again.add(StateAnswer { block: AT, key: StateKey::Storage(WHO, U256::ZERO), said });
    let elsewhere = BlockRef { hash: B256::repeat_byte(8), ..AT };
    let asked = [StateKey::Storage(WHO, U256::ZERO), StateKey::Storage(WHO, U256::from(1))];
    let unknown = Err(StateError::Unavailable);
    assert_eq!(again.fetch(elsewhere, &asked).await, [unknown.clone(), unknown.clone()]);
    assert_eq!(again.fetch(AT, &asked).await, [Ok(StateValue::Storage(U256::ZERO)), unknown]);
    assert_eq!(again.len(), 1);
}

#[test]
fn a_value_stays_behind_an_error() {
    let key = StateKey::Storage(WHO, U256::ZERO);
    let answer = |said| StateAnswer { block: AT, key, said };
    let value = Said::Value(StateValue::Storage(U256::from(2)));
    let mut again = RecordedState::default();
    again.add(answer(Said::Error(StateError::Deadline)));
    again.add(answer(value));
    again.add(answer(Said::Error(StateError::Unavailable)));
    let known = again.answers.values().next().unwrap();
    assert_eq!(*known, Ok(StateValue::Storage(U256::from(2))));
}
