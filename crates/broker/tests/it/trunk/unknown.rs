//! Logs that no replica of ours knows, on a Redis that began anew: whether they may be taken for
//! whole.

use std::{sync::Arc, time::Duration};

use broker::{Append, Broker, ReplicaBroker, conformance::new_event};
use event::{After, GapReason, Position, StreamName};

use crate::support::{
    outage::{assert_complete, attach, ids, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, cut_off, healthy},
};

fn stream() -> StreamName {
    StreamName::thread("elsewhere").expect("it keeps the grammar")
}

async fn append(broker: &ReplicaBroker) -> Position {
    let appended = broker.append(&stream(), Append::one(new_event())).await;
    appended.expect("it is taken").receipts()[0].position
}

/// Returns what a reader is told that comes to a replica with this place.
async fn told(broker: &Arc<dyn Broker>, place: Position) -> Vec<GapReason> {
    let mut back = Attached::at(broker, &stream(), &After::At(place)).await;
    let appended = broker.append(&stream(), Append::one(new_event())).await;
    back.through(appended.expect("it is taken").receipts()[0].id).await;
    back.reasons()
}

async fn restart_server(stage: &mut Replica) {
    let made = stage.broker.connections_made();
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_only_a_dead_replica_knew_may_lack_something() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let place = append(&another).await;
    stage.server.save().await;
    append(&another).await;
    drop(another);
    restart_server(&mut stage).await;
    assert_eq!(told(&stage.broker(), place).await, [GapReason::DataLoss]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_replica_ended_in_order_is_whole() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let place = append(&another).await;
    append(&another).await;
    another.drain().await.expect("it is saved");
    drop(another);
    stage.server.save().await;
    restart_server(&mut stage).await;
    assert_eq!(told(&stage.broker(), place).await, []);
}

/// The server was restored from before something that it had answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_knows_on_a_server_that_went_back_may_lack_something() {
    let mut stage = Replica::start(WIDE).await;
    let place = append(&stage.broker).await;
    stage.server.save().await;
    append(&stage.broker).await;
    stage.restart_replica().await;
    healthy(&stage.broker).await;
    restart_server(&mut stage).await;
    assert_eq!(told(&stage.broker(), place).await, [GapReason::DataLoss]);
}

/// All end at once, as when their machine loses power: nobody can say what was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_replicas_were_all_killed_with_its_server_may_lack_something() {
    let mut stage = Replica::start(WIDE).await;
    let place = append(&stage.broker).await;
    stage.server.save().await;
    append(&stage.broker).await;
    stage.server.kill();
    stage.replace_replica().await;
    stage.server.run().await;
    healthy(&stage.broker).await;
    assert_eq!(told(&stage.broker(), place).await, [GapReason::DataLoss]);
}

/// A replica that was killed an hour ago says nothing about a server that went on since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_killed_is_not_waited_for_while_its_server_goes_on() {
    let mut stage = Replica::start_with(WIDE, |options| {
        options.heal_grace = Duration::from_secs(3600);
    })
    .await;
    let place = append(&stage.broker).await;
    stage.replace_replica().await;
    healthy(&stage.broker).await;
    assert_eq!(told(&stage.broker(), place).await, []);
}

/// A new process that comes first to an emptied server can't know that there was more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_replica_on_an_emptied_server_waits_for_those_who_know_more() {
    let mut stage = Replica::start_with(WIDE, |options| {
        options.redis.connect_time_max = Duration::from_millis(300);
        options.blank_grace = Duration::from_secs(3);
    })
    .await;
    let broker = stage.broker();
    let mut acknowledged = publish(&broker, 5).await;
    let mut reader = attach(&broker, &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    stage.server.kill();
    cut_off(&stage.broker).await;
    stage.server.forget();
    stage.server.run().await;
    // It knows nobody, and is mostly there first: the other one waits before it looks again.
    let new = stage.another().await as Arc<dyn Broker>;
    acknowledged.extend(publish(&new, 2).await);
    for broker in [&broker, &new] {
        let mut fresh = attach(broker, &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
        assert_eq!(ids(&fresh), acknowledged, "in one order");
    }
    assert_complete(&mut reader, &[], &acknowledged).await;
}
