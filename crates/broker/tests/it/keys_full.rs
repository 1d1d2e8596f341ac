//! A log whose idempotency keys remember as many events as they may.

use std::time::Duration;

use broker::{
    Append, AppendError, Appended, IdempotencyKey, NewEvent,
    memory::{
        keys::{KEY_AGE_MAX, KEY_EVENTS_MAX},
        log::{Log, WindowLimits},
    },
};
use event::{Epoch, EventId, Lineage, MonoMs};

const LIMITS: WindowLimits = WindowLimits { events_max: 200, age_max: Duration::from_secs(60) };
const LIST: usize = 5_000;

fn append(list: usize, key: Option<usize>) -> Append {
    let event = |n: usize| NewEvent {
        id: EventId::from_bits((list * LIST + n) as u128),
        name: "n".parse().expect("a name"),
        json: "{}".into(),
    };
    let key = key.map(|key| {
        let org = "org".parse().expect("an organisation");
        IdempotencyKey::new(&org, "route", &key.to_string(), b"body")
    });
    Append { events: (0..LIST).map(event).collect(), idempotency: key }
}

#[test]
fn a_key_too_many_is_refused_and_none_is_forgotten_early() {
    let mut log = Log::begin(Lineage::origin(Epoch::from_bits(1)));
    let (began, lists) = (MonoMs(1), KEY_EVENTS_MAX / LIST);
    for list in 0..lists {
        log.append(append(list, Some(list)), began, &LIMITS).expect("there is room");
    }
    let head = log.head();
    let refused = log.append(append(lists, Some(lists)), began, &LIMITS);
    assert_eq!(refused, Err(AppendError::KeysFull));
    assert_eq!(log.head(), head, "what is refused is not stored");

    let replayed = log.append(append(0, Some(0)), began, &LIMITS).expect("it is remembered");
    assert!(matches!(replayed, Appended::Replayed(receipts) if receipts.len() == LIST));
    log.append(append(lists, None), began, &LIMITS).expect("without a key there is no limit");

    let later = began.plus(KEY_AGE_MAX + Duration::from_millis(1));
    log.append(append(lists + 1, Some(lists)), later, &LIMITS).expect("the old keys have expired");
}
