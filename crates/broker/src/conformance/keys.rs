//! A key takes effect once.

use event::After;
use tokio::task::JoinSet;

use super::{
    Harness, new_event,
    stage::{ALL, NARROW, Stage, WIDE, append_list, key, main_stream, stream},
};
use crate::{Append, AppendError, Appended};

pub(super) async fn a_retry_gets_the_first_answer(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let (broker, stream) = (stage.broker(), main_stream());
    let first = append_list(&broker, &stream, 1, Some(key("k", b"body"))).await;
    assert!(matches!(first, Appended::First(_)));
    stage.append(2).await;
    for _ in 0..3 {
        let again = append_list(&broker, &stream, 1, Some(key("k", b"body"))).await;
        assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
    }
    assert_eq!(stage.page(After::Oldest, ALL).await.events.len(), 3);
}

pub(super) async fn another_body_is_a_conflict(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let first = append_list(&stage.broker(), &main_stream(), 1, Some(key("k", b"body"))).await;
    let ledger = stage.ledger().await;
    let other = Append { events: vec![new_event()], idempotency: Some(key("k", b"other")) };
    let refused = stage.broker().append(&main_stream(), other).await;
    assert_eq!(refused, Err(AppendError::Conflict));
    assert_eq!(stage.ledger().await, ledger, "a conflict stores nothing");
    let again = append_list(&stage.broker(), &main_stream(), 1, Some(key("k", b"body"))).await;
    assert_eq!(again, Appended::Replayed(first.receipts().to_vec()), "the first use still holds");
}

pub(super) async fn concurrent_attempts_take_effect_once(harness: &dyn Harness) {
    const ATTEMPTS: usize = 16;
    let stage = Stage::start(harness, WIDE).await;
    for round in 0..20 {
        let mut attempts = JoinSet::new();
        for _ in 0..ATTEMPTS {
            let broker = stage.broker();
            let idempotency = key(&format!("round {round}"), b"body");
            attempts.spawn(async move {
                append_list(&broker, &main_stream(), 1, Some(idempotency)).await
            });
        }
        let answers = attempts.join_all().await;
        let firsts = answers.iter().filter(|answer| matches!(answer, Appended::First(_))).count();
        assert_eq!(firsts, 1, "the key took effect {firsts} times");
        assert!(answers.iter().all(|answer| answer.receipts() == answers[0].receipts()));
    }
    assert_eq!(stage.ledger().await.count, 20);
}

pub(super) async fn a_list_is_retried_whole(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let first = append_list(&stage.broker(), &main_stream(), 5, Some(key("k", b"body"))).await;
    let again = append_list(&stage.broker(), &main_stream(), 5, Some(key("k", b"body"))).await;
    assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
    let page = stage.page(After::Oldest, ALL).await;
    let stored: Vec<_> = page.events.iter().map(|event| (event.id, event.position)).collect();
    let told: Vec<_> = first.receipts().iter().map(|r| (r.id, r.position)).collect();
    assert_eq!(stored, told);
}

pub(super) async fn a_key_outlives_its_events(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let first = append_list(&stage.broker(), &main_stream(), 3, Some(key("k", b"body"))).await;
    stage.append(10 * NARROW.events_max).await;
    let head = stage.head().await;
    let again = append_list(&stage.broker(), &main_stream(), 3, Some(key("k", b"body"))).await;
    assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
    assert_eq!(stage.head().await, head);
}

pub(super) async fn a_key_belongs_to_its_stream(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    for name in ["a", "b"] {
        let appended =
            append_list(&stage.broker(), &stream(name), 1, Some(key("k", b"body"))).await;
        assert!(matches!(appended, Appended::First(_)), "stream {name}");
    }
}
