//! Logs with a history, for the codec.

use std::time::Duration;

use broker::{
    Append, IdempotencyKey,
    memory::{
        log::{Log, LogParts, WindowLimits},
        window_file::Moment,
    },
};
use event::{Epoch, ForkKind, Lineage, MonoMs, StreamName, UnixMs};
use proptest::prelude::*;

use super::events::event_numbered;

/// The instant at which the logs here are written and read.
pub(crate) const MOMENT: Moment =
    Moment { mono: MonoMs(10_000_000), unix: UnixMs(1_700_000_000_000) };

/// One thing that a log has been through.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Append { events: usize, key: Option<u8> },
    Fork(ForkKind),
    Wait(Duration),
}

/// Returns the idempotency key with this number.
pub(crate) fn key_numbered(number: u8) -> IdempotencyKey {
    let org = "org_one".parse().expect("it keeps the grammar");
    IdempotencyKey::new(&org, "publish", &format!("key {number}"), &[number])
}

/// Returns the log that these deeds make; it ends at [`MOMENT`] at the latest.
pub(crate) fn log_after(deeds: &[Deed]) -> Log {
    let mut log = Log::begin(Lineage::origin(Epoch::from_bits(1)));
    let limits = WindowLimits { events_max: 30, age_max: Duration::from_secs(600) };
    let (mut now, mut number, mut epochs) = (MonoMs(1_000_000), 0, 1);
    for deed in deeds {
        match deed {
            Deed::Append { events, key } => {
                let idempotency = key.map(key_numbered);
                let events = (0..*events).map(|i| event_numbered(number + i as u64)).collect();
                number += 100;
                let append = Append { events, idempotency };
                log.append(append, now, &limits).expect("a key has one body here");
            }
            Deed::Fork(kind) => {
                epochs += 1;
                log.fork(Epoch::from_bits(epochs), *kind);
            }
            Deed::Wait(time) => now = now.plus(*time).min(MOMENT.mono),
        }
    }
    log
}

/// Generates histories.
pub(crate) fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let append = (1..5_usize, proptest::option::of(0..6_u8))
        .prop_map(|(events, key)| Deed::Append { events, key });
    let fork = prop_oneof![Just(ForkKind::Whole), Just(ForkKind::Lossy)].prop_map(Deed::Fork);
    let wait = (0..400_u64).prop_map(|seconds| Deed::Wait(Duration::from_secs(seconds)));
    proptest::collection::vec(prop_oneof![4 => append, 1 => fork, 1 => wait], 0..40)
}

/// Returns the stream of these logs.
pub(crate) fn golden_stream() -> StreamName {
    StreamName::thread("golden").expect("it keeps the grammar")
}

/// Fails where two logs differ in anything that is saved.
pub(crate) fn assert_same(left: &LogParts, right: &LogParts) {
    assert_eq!(left.lineage, right.lineage);
    assert_eq!((left.head, left.first, left.count), (right.head, right.first, right.count));
    assert_eq!(left.hash, right.hash);
    let flat = |parts: &LogParts| -> Vec<_> {
        parts.window.iter().map(|kept| (kept.at, kept.event.clone())).collect()
    };
    assert_eq!(flat(left), flat(right));
    assert!(left.keys.buckets().eq(right.keys.buckets()), "the keys differ");
}
