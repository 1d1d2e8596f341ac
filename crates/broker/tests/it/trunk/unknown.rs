//! Logs that no replica of ours knows, on a Redis that began anew: whether they may be taken for
//! whole.

use std::{fs, sync::Arc, time::Duration};

use broker::{Append, Broker, ReplicaBroker, conformance::new_event};
use event::{After, GapReason, Position, StreamName};
use faults::Proxy;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::support::{
    outage::{assert_complete, attach, ids, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, healthy},
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

/// A process that comes first to an emptied server can't know that there was more; the one before
/// it, which was killed, left whom it was with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_comes_first_to_an_emptied_server_holds_for_those_who_know_more() {
    for strict in [false, true] {
        let mut stage = Replica::start_with(WIDE, |options| {
            options.redis.replica = "first".to_owned();
            options.redis.connect_time_max = Duration::from_millis(300);
            // It holds for five sixths of that.
            options.redis.command_time_max = Duration::from_secs(20);
            options.heal_grace = Duration::from_secs(15);
            options.strict = strict;
        })
        .await;
        let proxy = Proxy::start(stage.server.address()).await;
        let mut options = stage.options.clone();
        options.redis.replica = "second".to_owned();
        options.redis.url = format!("redis://{}/", proxy.address());
        options.spool = None;
        let other = Arc::new(ReplicaBroker::start(options).expect("it starts"));
        healthy(&other).await;
        let (broker, mut acknowledged) = (Arc::clone(&other) as Arc<dyn Broker>, Vec::new());
        acknowledged.extend(publish(&broker, 5).await);
        let mut reader = attach(&broker, &After::Oldest).await;
        assert_complete(&mut reader, &[], &acknowledged).await;
        let members = stage.options.spool.clone().expect("it has one").join("members");
        until(|| fs::read_to_string(&members).is_ok_and(|names| names == "second\n")).await;
        proxy.disable().await;
        stage.server.kill();
        stage.server.forget();
        // It ends before it could come to the emptied server, where it would be waited for.
        stage.stand_in().await;
        stage.server.run().await;
        stage.replace_replica().await;
        let mut come = redis::cmd("EXISTS");
        come.arg("dashclaw:ops:replicas");
        let deadline = Instant::now() + Duration::from_secs(30);
        while stage.server.command::<u64>(&mut come).await == 0 {
            assert!(Instant::now() < deadline, "it does not come");
            sleep(Duration::from_millis(2)).await;
        }
        let first = stage.broker();
        let mut appending = JoinSet::new();
        appending.spawn({
            let first = Arc::clone(&first);
            async move { publish(&first, 2).await }
        });
        // It would have appended, or branched off, five times over by then.
        sleep(5 * stage.options.cut_off_after).await;
        assert!(appending.try_join_next().is_none(), "it goes on without those who know more");
        assert_eq!(first.health().selected, "redis", "it serves by itself: {:?}", first.health());
        proxy.enable().await;
        acknowledged.extend(appending.join_all().await.concat());
        for broker in [&broker, &first] {
            let mut fresh = attach(broker, &After::Oldest).await;
            assert_complete(&mut fresh, &[], &acknowledged).await;
            assert_eq!(ids(&fresh), acknowledged, "in one order; strict: {strict}");
        }
        assert_complete(&mut reader, &[], &acknowledged).await;
    }
}

/// Nobody else was there before, or nobody comes: it is not kept for ever, and a first start is not
/// kept at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_server_is_begun_on_where_nobody_can_know_more() {
    let patient = |options: &mut broker::ReplicaOptions| {
        options.redis.command_time_max = Duration::from_secs(3600);
        options.heal_grace = Duration::from_secs(3600);
    };
    // An hour would be felt.
    let mut stage = Replica::start_with(WIDE, patient).await;
    publish(&stage.broker(), 2).await;
    for members in [None, Some("gone\n")] {
        stage.server.kill();
        stage.server.forget();
        // Before the server is there again: one that came to it would be waited for.
        stage.stand_in().await;
        stage.server.run().await;
        if let Some(members) = members {
            let spool = stage.options.spool.clone().expect("it has one");
            fs::write(spool.join("members"), members).expect("it is written");
            stage.options.heal_grace = Duration::from_millis(200);
        }
        stage.replace_replica().await;
        healthy(&stage.broker).await;
        let mut reader = attach(&stage.broker(), &After::Oldest).await;
        let acknowledged = publish(&stage.broker(), 2).await;
        assert_complete(&mut reader, &[], &acknowledged).await;
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come about");
        sleep(Duration::from_millis(5)).await;
    }
}
