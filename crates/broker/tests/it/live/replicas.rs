//! Several processes and one Redis.

use std::sync::Arc;

use broker::{
    Broker, PageLimit,
    live::{SwitchError, Target},
};
use event::{After, EventId, Position};
use faults::RedisServer;

use crate::support::{
    live::Live,
    logs::golden_stream,
    outage::{assert_complete, attach, publish},
    redis::WIDE,
};

async fn places(broker: &Arc<dyn Broker>) -> Vec<(EventId, Position)> {
    let page = broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await;
    page.expect("it is read").events.iter().map(|event| (event.id, event.position)).collect()
}

async fn assert_cursors(
    broker: &Arc<dyn Broker>,
    places: &[(EventId, Position)],
    acknowledged: &[EventId],
) {
    for (index, (_, place)) in places.iter().enumerate() {
        let had: Vec<_> = places[..=index].iter().map(|(id, _)| *id).collect();
        let mut back = attach(broker, &After::At(*place)).await;
        assert_complete(&mut back, &had, acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_memories_go_over_to_one_redis() {
    let server = RedisServer::start().await;
    let (mut lives, mut acknowledged, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        acknowledged.extend(publish(&live.broker(), 5).await);
        known.push(places(&live.broker()).await);
        lives.push(live);
    }
    let mut readers = Vec::new();
    for live in &lives {
        readers.push(attach(&live.broker(), &After::Oldest).await);
    }
    for live in &lives {
        live.broker.cutover(Target::Redis).await.expect("it switches");
        acknowledged.extend(publish(&live.broker(), 2).await);
    }
    for (live, known) in lives.iter().zip(&known) {
        assert_cursors(&live.broker(), known, &acknowledged).await;
    }
    // A cursor of one is good on another.
    assert_cursors(&lives[0].broker(), &known[2], &acknowledged).await;
    for reader in &mut readers {
        assert_complete(reader, &[], &acknowledged).await;
    }
    // One goes back alone, with what all had until then.
    lives[2].broker.undo().await.expect("it goes back");
    assert_cursors(&lives[2].broker(), &known[2], &acknowledged).await;
    // Also over a restart in memory.
    lives[2].restart().await;
    assert_cursors(&lives[2].broker(), &known[2], &acknowledged).await;
    let own = publish(&lives[2].broker(), 2).await;
    let others = publish(&lives[0].broker(), 2).await;
    lives[2].broker.cutover(Target::Redis).await.expect("it switches again");
    acknowledged.extend(own.iter().chain(&others));
    for live in &lives {
        let mut fresh = attach(&live.broker(), &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_switch_at_a_time() {
    let server = RedisServer::start().await;
    let first = Live::start(&server.url(), WIDE, Target::Memory).await;
    let second = Live::start(&server.url(), WIDE, Target::Memory).await;
    publish(&first.broker(), 3).await;
    publish(&second.broker(), 3).await;
    let other = Arc::clone(&second.broker);
    let found = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let seen = Arc::clone(&found);
    let handle = tokio::runtime::Handle::current();
    first.disk.on_record(move |_| {
        // In the midst of the first one's switch.
        let asked = handle.block_on(other.cutover(Target::Redis));
        seen.lock().push(asked.map(|status| status.stage));
    });
    first.broker.cutover(Target::Redis).await.expect("it switches");
    let refused =
        found.lock().iter().filter(|asked| matches!(asked, Err(SwitchError::Elsewhere(_)))).count();
    assert!(refused > 0 && refused == found.lock().len(), "{:?}", found.lock());
    second.broker.cutover(Target::Redis).await.expect("it is its turn");
    assert_eq!(places(&second.broker()).await.len(), 6);
}
