//! What another program, or a hand, left under our names: an error that names it, never silence.

use broker::{Append, AppendError, PageLimit, ReadError, conformance::new_event};
use event::{After, GapReason};

use crate::support::{
    logs::{golden_stream, key_numbered},
    redis::{Redis, WIDE},
};

const BASE: &str = "dashclaw:thread:golden";

/// Checks that nothing can be appended or read, and that the answer says why.
async fn assert_refused(redis: &Redis, why: &str) {
    let broker = redis.broker();
    let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
    let Err(AppendError::Unavailable { reason, maybe }) = appended else { panic!("{appended:?}") };
    assert!(reason.contains(why), "{reason}");
    assert!(!maybe, "{reason}");
    let page = broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await;
    let Err(ReadError::Unavailable { reason }) = page else { panic!("{page:?}") };
    assert!(reason.contains(why), "{reason}");
}

async fn append(redis: &Redis, count: usize) {
    for _ in 0..count {
        let append = Append::one(new_event());
        redis.broker().append(&golden_stream(), append).await.expect("it is taken");
    }
}

#[tokio::test]
async fn keys_of_another_type_are_named() {
    for key in ["stream", "meta"] {
        for known in [0, 2] {
            let redis = Redis::start(WIDE).await;
            append(&redis, known).await;
            let key = format!("{BASE}:{key}");
            redis.server.command::<()>(redis::cmd("SET").arg(&key).arg("mine")).await;
            assert_refused(&redis, "another program").await;
            redis.server.command::<()>(redis::cmd("DEL").arg(&key)).await;
            append(&redis, 1).await;
        }
    }
}

#[tokio::test]
async fn a_key_beside_the_log_is_named_and_nothing_is_half_stored() {
    for key in ["ages", "digests", "keys", "keyq"] {
        for known in [0, 2] {
            let redis = Redis::start(WIDE).await;
            append(&redis, known).await;
            let key = format!("{BASE}:{key}");
            redis.server.command::<()>(redis::cmd("SET").arg(&key).arg("mine")).await;
            let idempotency = Some(key_numbered(1));
            let keyed = Append { events: vec![new_event(), new_event()], idempotency };
            let appended = redis.broker().append(&golden_stream(), keyed).await;
            let Err(AppendError::Unavailable { reason, maybe: false }) = appended else {
                panic!("{key}: {appended:?}")
            };
            assert!(reason.contains("another program"), "{reason}");
            let kept: String = redis.server.command(redis::cmd("GET").arg(&key)).await;
            assert_eq!(kept, "mine", "it is not ours to delete");
            redis.server.command::<()>(redis::cmd("DEL").arg(&key)).await;
            let ledger = redis.broker().ledger(&golden_stream()).await;
            if key.ends_with("digests") && known > 0 {
                // What was there in place of the account's digests is gone by that hand.
                continue;
            }
            assert_eq!(ledger.expect("it is read").count, known as u64);
            append(&redis, 1).await;
        }
    }
}

#[tokio::test]
async fn a_stream_of_another_program_is_named() {
    let redis = Redis::start(WIDE).await;
    let mut add = redis::cmd("XADD");
    add.arg(format!("{BASE}:stream")).arg("*").arg("data").arg("theirs");
    let _: String = redis.server.command(&mut add).await;
    assert_refused(&redis, "did not write").await;
}

#[tokio::test]
async fn entries_of_another_program_in_our_stream_are_named() {
    let redis = Redis::start(WIDE).await;
    append(&redis, 2).await;
    let mut add = redis::cmd("XADD");
    add.arg(format!("{BASE}:stream")).arg("*").arg("data").arg("theirs");
    let _: String = redis.server.command(&mut add).await;
    let broker = redis.broker();
    let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
    assert!(matches!(appended, Err(AppendError::Unavailable { maybe: false, .. })), "{appended:?}");
    let page = broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await;
    assert!(matches!(page, Err(ReadError::Unavailable { .. })), "{page:?}");
}

#[tokio::test]
async fn a_log_whose_meta_is_gone_begins_anew_and_says_so() {
    for knows in [true, false] {
        let redis = Redis::start(WIDE).await;
        append(&redis, 3).await;
        let old = redis.broker().head(&golden_stream()).await.expect("it is read");
        let _: u64 = redis.server.command(redis::cmd("DEL").arg(format!("{BASE}:meta"))).await;
        let broker = if knows { redis.broker() } else { redis.replica().await };
        let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
        let place = appended.expect("it is taken").receipts()[0].position;
        assert_eq!(place.seq, old.seq.next(), "no number is used twice");
        let page = broker.page(&golden_stream(), &After::At(old), PageLimit::MAX).await;
        let page = page.expect("it is read");
        assert_eq!(page.gap.map(|gap| gap.reason), Some(GapReason::DataLoss), "knows: {knows}");
        assert_eq!(page.events.len(), 1);
    }
}

#[tokio::test]
async fn a_stream_deleted_by_hand_is_a_gap() {
    let redis = Redis::start(WIDE).await;
    append(&redis, 3).await;
    let broker = redis.broker();
    let first = broker.page(&golden_stream(), &After::Oldest, PageLimit::clamped(1)).await;
    let first = first.expect("it is read").next;
    let _: u64 = redis.server.command(redis::cmd("DEL").arg(format!("{BASE}:stream"))).await;
    append(&redis, 2).await;
    let page = broker.page(&golden_stream(), &After::At(first), PageLimit::MAX).await;
    let page = page.expect("it is read");
    let gap = page.gap.clone().expect("two events are gone");
    assert_eq!((gap.reason, gap.missed), (GapReason::Expired, Some(2)));
    assert_eq!(page.events.len(), 2);
}

#[tokio::test]
async fn entries_deleted_by_hand_are_a_gap() {
    let redis = Redis::start(WIDE).await;
    append(&redis, 6).await;
    let mut delete = redis::cmd("XDEL");
    delete.arg(format!("{BASE}:stream")).arg("3-0").arg("4-0").arg("6-0");
    let _: u64 = redis.server.command(&mut delete).await;
    let (broker, mut after) = (redis.broker(), After::Oldest);
    let (mut numbers, mut reasons) = (Vec::new(), Vec::new());
    loop {
        let page = broker.page(&golden_stream(), &after, PageLimit::MAX).await;
        let page = page.expect("it is read");
        assert!(page.is_whole(), "{page:?}");
        numbers.extend(page.events.iter().map(|event| event.position.seq.0));
        reasons.extend(page.gap.iter().map(|gap| (gap.reason, gap.missed)));
        if !page.has_more() {
            break;
        }
        after = After::At(page.next);
    }
    assert_eq!(numbers, [1, 2, 5]);
    assert_eq!(reasons, [(GapReason::DataLoss, Some(2)), (GapReason::DataLoss, Some(1))]);
}
