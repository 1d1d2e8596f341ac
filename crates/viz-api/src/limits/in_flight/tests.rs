//! Turns with a key: one at a time, waited for, and not for ever.

use broker::IdempotencyKey;
use futures_util::FutureExt;
use node_runtime::Metrics;

use super::InFlight;
use crate::error::Code;

fn key(text: &str) -> IdempotencyKey {
    let org = "org_a".parse().expect("an id");
    IdempotencyKey::new(&org, "POST /", text, b"")
}

#[tokio::test]
async fn a_turn_begins_when_the_one_before_has_ended() {
    let (in_flight, metrics) = (InFlight::default(), Metrics::default());
    let first = in_flight.turn(&key("a"), &metrics).await.expect("nobody has it");
    assert!(!first.waited);
    let other =
        in_flight.turn(&key("b"), &metrics).now_or_never().expect("another key does not wait");
    assert!(other.is_ok_and(|turn| !turn.waited));
    let (a, b) = (key("a"), key("a"));
    let mut second = Box::pin(in_flight.turn(&a, &metrics));
    let mut third = Box::pin(in_flight.turn(&b, &metrics));
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    drop(first);
    let second = second.await.expect("the first has ended");
    assert!(second.waited);
    assert!((&mut third).now_or_never().is_none(), "one at a time");
    drop(second);
    assert!(third.await.is_ok_and(|turn| turn.waited));
    assert!(in_flight.attempts.lock().is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn who_gives_up_leaves_nothing_behind() {
    let (in_flight, metrics) = (InFlight::default(), Metrics::default());
    let first = in_flight.turn(&key("a"), &metrics).await.expect("nobody has it");
    let a = key("a");
    let mut second = Box::pin(in_flight.turn(&a, &metrics));
    assert!((&mut second).now_or_never().is_none());
    drop(second);
    drop(first);
    assert!(in_flight.turn(&key("a"), &metrics).await.is_ok_and(|turn| !turn.waited));
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_a_conflict_that_passes() {
    let (in_flight, metrics) = (InFlight::default(), Metrics::default());
    let first = in_flight.turn(&key("a"), &metrics).await.expect("nobody has it");
    let error = in_flight.turn(&key("a"), &metrics).await.expect_err("the first does not end");
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.seconds_until_retry().is_some_and(|seconds| seconds > 0));
    drop(first);
    assert!(in_flight.turn(&key("a"), &metrics).await.is_ok());
}
