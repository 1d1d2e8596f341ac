//! Two processes on one Redis, one of them with a clock that is an hour ahead.

use std::{sync::Arc, time::Duration};

use broker::{Append, NewEvent, PageLimit, SystemClock};
use event::{After, Clock, Envelope, EventId, MonoMs, Payload, StreamName, UnixMs};
use faults::RedisServer;
use node_runtime::{Running, RuntimeBuilder, State, health::RealtimeHealth};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::{KEY, parsed};

const HOUR_MS: u64 = 3_600_000;

/// Far beyond what a comparison takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The machine's clock, ahead by some milliseconds.
struct Ahead(SystemClock, u64);

impl Clock for Ahead {
    fn mono(&self) -> MonoMs {
        self.0.mono()
    }

    fn unix(&self) -> UnixMs {
        UnixMs(self.0.unix().0 + self.1)
    }
}

async fn start(redis: &RedisServer, folder: &TempDir, ahead_ms: u64) -> Running {
    let (url, folder) = (redis.url(), folder.path().display().to_string());
    let settings = parsed(&[
        KEY,
        ("VIZ_API_BIND", "127.0.0.1:0"),
        ("REALTIME_STATE_DIR", &folder),
        ("REALTIME_BACKEND", "redis"),
        ("REDIS_URL", &url),
        ("TIDEGATE_DRAIN_SECONDS", "5"),
    ]);
    let clock = Arc::new(Ahead(SystemClock::new(), ahead_ms));
    let running = RuntimeBuilder::with_clock(settings, clock).start().await;
    let running = running.expect("folder and port are there");
    running.ready().await;
    running
}

async fn health_with(state: &State, holds: impl Fn(&RealtimeHealth) -> bool) -> RealtimeHealth {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = state.realtime_health().await;
        if holds(&health) {
            return health;
        }
        assert!(Instant::now() < deadline, "{health:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Publishes as the HTTP surface does: the replica's clock gives the event its time.
async fn publish(state: &State, stream: &StreamName) -> EventId {
    let id = EventId::random(state.clock.unix(), &mut rand::rng());
    let event: event::EventName = "a".parse().expect("a name");
    let org_id = "org_a".parse().expect("an organisation");
    let envelope = Envelope { id, org_id, event: event.clone(), payload: Payload::empty() };
    let append = Append::one(NewEvent { id, name: event, json: envelope.to_json() });
    state.broker.append(stream, append).await.expect("Redis takes it");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told_by_its_replica_and_leaves_the_order() {
    let redis = RedisServer::start().await;
    let folders = [0; 2].map(|_| tempfile::tempdir().expect("there is a temporary folder"));
    let right = start(&redis, &folders[0], 0).await;
    let ahead = start(&redis, &folders[1], HOUR_MS).await;
    let (right, ahead) = (right.state().clone(), (ahead.state().clone(), ahead, right));
    let told = health_with(&ahead.0, |health| health.reason.is_some()).await;
    assert_eq!(told.status.as_str(), "degraded", "{told:?}");
    let reason = told.reason.expect("it was waited for");
    assert!(
        reason.starts_with("this clock is 3") && reason.ends_with("ahead of Redis's"),
        "{reason}"
    );
    assert!(ahead.0.is_ready(), "its readers and publishers are served");
    let other = health_with(&right, |health| health.status.as_str() == "healthy").await;
    assert_eq!(other.reason, None);

    let stream: StreamName = "org:org_a".parse().expect("a stream");
    let mut published = Vec::new();
    for _ in 0..5 {
        published.push(publish(&right, &stream).await);
        published.push(publish(&ahead.0, &stream).await);
    }
    for state in [&right, &ahead.0] {
        let page = state.broker.page(&stream, &After::Oldest, PageLimit::MAX).await;
        let page = page.expect("Redis answers");
        let ids: Vec<_> = page.events.iter().map(|event| event.id).collect();
        assert_eq!(ids, published, "the order is the log's, not the clocks'");
        // An id in the window is found by what it is, not by its time.
        for (at, id) in published.iter().enumerate() {
            let after = After::from_client(Some(&id.to_string()));
            let page = state.broker.page(&stream, &after, PageLimit::MAX).await;
            let page = page.expect("Redis answers");
            assert_eq!((page.gap, page.events.len()), (None, published.len() - at - 1));
        }
    }
    assert!(ahead.1.stop().await.is_clean());
    assert!(ahead.2.stop().await.is_clean());
}
