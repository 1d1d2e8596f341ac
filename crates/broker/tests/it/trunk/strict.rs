//! Strict: nothing is published or read while Redis is lost, and nobody loses anything by it.

use broker::{Append, AppendError, HealthState, PageLimit, conformance::new_event};
use event::After;

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, publish},
    redis::WIDE,
    replica::{Replica, healthy},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attached_readers_keep_their_place_and_go_on() {
    let mut stage = Replica::start_with(WIDE, |options| options.strict = true).await;
    let broker = stage.broker();
    let mut reader = attach(&broker, &After::Oldest).await;
    let mut acknowledged = publish(&broker, 4).await;
    for _ in 0..2 {
        assert_complete(&mut reader, &[], &acknowledged).await;
        stage.server.shut_down().await;
        let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
        assert!(matches!(appended, Err(AppendError::Unavailable { .. })), "{appended:?}");
        assert!(broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await.is_err());
        assert_eq!(broker.health().state, HealthState::Unhealthy);
        assert_eq!(stage.broker.spool_events(), 0);
        stage.server.run().await;
        healthy(&stage.broker).await;
        acknowledged.extend(publish(&broker, 3).await);
    }
    assert_complete(&mut reader, &[], &acknowledged).await;
}
