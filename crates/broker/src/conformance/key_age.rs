//! A key is kept for a day, and not for ever.

use std::time::Duration;

use super::{
    Harness,
    stage::{Stage, WIDE, append_list, key, main_stream},
};
use crate::Appended;

const HOUR: Duration = Duration::from_secs(3600);

pub(super) async fn a_key_is_kept_for_a_day(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut firsts = Vec::new();
    for name in ["a", "b", "c"] {
        let idempotency = key(name, b"body");
        firsts.push((
            idempotency,
            append_list(&stage.broker(), &main_stream(), 1, Some(idempotency)).await,
        ));
        stage.subject.advance(HOUR / 3);
    }
    stage.subject.advance(23 * HOUR - Duration::from_secs(1));
    // Each one is tried a second before its day is over, whatever became of older ones.
    for (idempotency, first) in firsts {
        let again = append_list(&stage.broker(), &main_stream(), 1, Some(idempotency)).await;
        assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
        stage.subject.advance(HOUR / 3);
    }
}

pub(super) async fn keys_are_forgotten_in_the_end(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let idempotency = Some(key("k", b"body"));
    append_list(&stage.broker(), &main_stream(), 1, idempotency).await;
    stage.subject.advance(26 * HOUR);
    let again = append_list(&stage.broker(), &main_stream(), 1, idempotency).await;
    assert!(matches!(again, Appended::First(_)), "a key of 26 hours is still held");
}
