//! Events that come with a hint of the trunk, while Redis is lost and found again.

use std::{sync::Arc, time::Duration};

use broker::{Broker, Wake, Watch};
use event::{After, Event, EventId};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, cut_off, healthy},
};

/// Far beyond what a wake-up takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn next(watch: &mut Box<dyn Watch>) -> Wake {
    timeout(PATIENCE, watch.changed()).await.expect("a hint comes")
}

async fn watch(broker: &Arc<dyn Broker>) -> Box<dyn Watch> {
    broker.watch(&golden_stream()).await.expect("it is watched")
}

/// Publishes until the watch gives an event, as it does unless a look at the head came first.
async fn taken(
    watch: &mut Box<dyn Watch>,
    broker: &Arc<dyn Broker>,
    (reader, acknowledged): (&mut Attached, &mut Vec<EventId>),
) -> Arc<Event> {
    for _ in 0..20 {
        acknowledged.extend(publish(broker, 1).await);
        if let Wake::Event(event) = next(watch).await {
            assert_eq!(Some(&event.id), acknowledged.last());
            return event;
        }
        assert_complete(reader, &[], acknowledged).await;
    }
    panic!("no event comes with its hint");
}

/// Two replicas, of which the left one has readers.
struct Stage {
    stage: Replica,
    right: Arc<broker::ReplicaBroker>,
}

impl Stage {
    async fn start() -> Self {
        let stage = Replica::start(WIDE).await;
        let right = stage.another().await;
        Stage { stage, right }
    }

    fn left(&self) -> Arc<dyn Broker> {
        self.stage.broker()
    }

    fn right(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.right) as Arc<dyn Broker>
    }

    async fn lose_redis(&mut self) {
        self.stage.lose_saved_redis().await;
        cut_off(&self.right).await;
    }

    async fn find_redis(&mut self) {
        self.stage.find_redis().await;
        healthy(&self.right).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_taken_is_what_a_branch_begins_after() {
    let mut stage = Stage::start().await;
    let (left, right) = (stage.left(), stage.right());
    let mut acknowledged = publish(&right, 3).await;
    let mut reader = attach(&left, &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut hints = watch(&left).await;
    let event = taken(&mut hints, &right, (&mut reader, &mut acknowledged)).await;
    let had = acknowledged.clone();
    stage.lose_redis().await;
    let on_branch = publish(&left, 2).await;
    acknowledged.extend(&on_branch);
    let mut behind = attach(&left, &After::At(event.position)).await;
    assert_complete(&mut behind, &had, &acknowledged).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    stage.find_redis().await;
    acknowledged.extend(publish(&right, 2).await);
    assert_complete(&mut reader, &[], &acknowledged).await;
    assert_complete(&mut behind, &had, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_still_in_the_air_when_a_branch_begins_comes_after_the_merge() {
    let mut stage = Stage::start().await;
    let (left, right) = (stage.left(), stage.right());
    let mut acknowledged = publish(&right, 3).await;
    let mut reader = attach(&left, &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut held = watch(&left).await;
    // The trunk's own hints come the same way, and touch nothing of the replica's.
    let trunk = stage.stage.broker.trunk();
    let mut ear = trunk.watch(&golden_stream()).await.expect("it is watched");
    let in_the_air = publish(&right, 1).await;
    next(&mut ear).await;
    stage.lose_redis().await;
    let on_branch = publish(&left, 2).await;
    while let Some(wake) = held.changed().now_or_never() {
        assert!(!matches!(wake, Wake::Event(_)), "the branch does not know it: {wake:?}");
    }
    acknowledged.extend(on_branch);
    assert_complete(&mut reader, &[], &acknowledged).await;
    stage.find_redis().await;
    acknowledged.extend(in_the_air);
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut fresh = attach(&right, &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_came_with_a_hint_is_given_back_to_a_server_that_lost_it() {
    let mut stage = Replica::start(WIDE).await;
    let left = stage.broker();
    let another = stage.another().await;
    let right = Arc::clone(&another) as Arc<dyn Broker>;
    let mut acknowledged = publish(&right, 2).await;
    let mut reader = attach(&left, &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut hints = watch(&left).await;
    for _ in 0..5 {
        taken(&mut hints, &right, (&mut reader, &mut acknowledged)).await;
    }
    // Who appended them is gone for good, and so is what Redis had.
    another.drain().await.expect("it is saved");
    drop((another, right));
    let made = stage.broker.connections_made();
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut fresh = attach(&left, &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
}
