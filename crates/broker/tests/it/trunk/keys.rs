//! Idempotency keys whose day is over, and that are used again.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, Appended, Broker,
    conformance::{Subject, new_event},
};

use crate::support::{
    logs::{golden_stream, key_numbered},
    redis::WIDE,
    replica::Replica,
};

const HOUR: Duration = Duration::from_secs(3600);

async fn append(broker: &Arc<dyn Broker>) -> Appended {
    let keyed = Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    broker.append(&golden_stream(), keyed).await.expect("it is taken")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_used_again_on_a_branch_after_its_day_takes_effect_once() {
    let mut stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    assert!(matches!(append(&broker).await, Appended::First(_)));
    stage.lose_saved_redis().await;
    stage.advance(25 * HOUR);
    let second = append(&broker).await;
    assert!(matches!(second, Appended::First(_)), "its day is over: {second:?}");
    stage.find_redis().await;
    let another = stage.another().await as Arc<dyn Broker>;
    for (hours, is_known) in [(0, true), (20, true), (5, false)] {
        stage.advance(hours * HOUR);
        let again = append(&another).await;
        let ids = |appended: &Appended| -> Vec<_> {
            appended.receipts().iter().map(|receipt| receipt.id).collect()
        };
        let is_replayed = matches!(again, Appended::Replayed(_)) && ids(&again) == ids(&second);
        assert_eq!(is_replayed, is_known, "after {hours} hours more: {again:?}");
    }
    // Of both uses that are over nothing is counted any more.
    let mut kept = redis::cmd("HGET");
    let kept: u64 = stage.server.command(kept.arg("dashclaw:thread:golden:meta").arg("kept")).await;
    assert_eq!(kept, 1);
}
