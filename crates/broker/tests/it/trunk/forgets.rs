//! A Redis that forgets amid a merge: its branch is whole on the trunk all the same.

use std::{collections::HashSet, sync::Arc, time::Duration};

use broker::{Broker, Item};
use event::{After, EventId, GapReason};
use faults::{RedisServer, ServerOptions};
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, last_place, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, cut_off, healthy},
};

/// What a server has when it starts again.
#[derive(Clone, Copy, Debug)]
enum Left {
    /// What it had before the outage.
    Old,
    Nothing,
}

/// Waits until some of what waits is merged.
async fn merging(stage: &Replica, waiting: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while stage.broker.spool_events() >= waiting {
        assert!(Instant::now() < deadline, "nothing is merged: {:?}", stage.broker.health());
        sleep(Duration::from_micros(200)).await;
    }
}

/// Reads until everything came, and checks that it came once. What Redis lost is told, since others
/// may have lost more by it, and nothing else is.
async fn assert_each_once(reader: &mut Attached, acknowledged: &[EventId]) {
    let mut missing: HashSet<_> = acknowledged.iter().copied().collect();
    for id in ids(reader) {
        missing.remove(&id);
    }
    while !missing.is_empty() {
        if let Item::Event(event) = reader.next().await {
            missing.remove(&event.id);
        }
    }
    let reasons = reader.reasons();
    assert!(reasons.iter().all(|reason| *reason == GapReason::DataLoss), "{reasons:?}");
    let (got, distinct) = (ids(reader).len(), ids(reader).into_iter().collect::<HashSet<_>>());
    assert_eq!((got, distinct.len()), (acknowledged.len(), acknowledged.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_merged_and_lost_is_merged_again() {
    for left in [Left::Old, Left::Nothing] {
        let mut stage = Replica::start(WIDE).await;
        let broker = stage.broker();
        let mut reader = attach(&broker, &After::Oldest).await;
        let mut acknowledged = publish(&broker, 3).await;
        reader.through(acknowledged[2]).await;
        stage.lose_saved_redis().await;
        let branch = publish(&broker, 2_500).await;
        reader.through(branch[1_200]).await;
        acknowledged.extend(branch);
        for _ in 0..2 {
            if let Left::Nothing = left {
                stage.server.forget();
            }
            let waiting = stage.broker.spool_events();
            stage.server.run().await;
            merging(&stage, waiting).await;
            stage.lose_redis().await;
            acknowledged.extend(publish(&broker, 2).await);
        }
        stage.find_redis().await;
        acknowledged.extend(publish(&broker, 2).await);
        assert_each_once(&mut reader, &acknowledged).await;
        let mut fresh = attach(&broker, &After::Oldest).await;
        assert_each_once(&mut fresh, &acknowledged).await;
        assert_eq!(ids(&fresh), acknowledged, "{left:?}: in another order");
        let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64, "{left:?}");
    }
}

/// Healing gives back what another replica has read of the merge; it is found, and not put twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_replica_gave_back_of_a_merge_is_not_put_twice() {
    for left in [Left::Old, Left::Nothing] {
        let mut stage = Replica::start(WIDE).await;
        let another = stage.another().await;
        let (broker, other) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
        let mut readers =
            [attach(&broker, &After::Oldest).await, attach(&other, &After::Oldest).await];
        let mut acknowledged = publish(&broker, 3).await;
        for reader in &mut readers {
            reader.through(acknowledged[2]).await;
        }
        stage.lose_saved_redis().await;
        cut_off(&another).await;
        let branch = publish(&broker, 4_000).await;
        if let Left::Nothing = left {
            stage.server.forget();
        }
        stage.server.run().await;
        // The other replica has read some of it when Redis forgets.
        readers[1].through(branch[300]).await;
        stage.lose_redis().await;
        cut_off(&another).await;
        acknowledged.extend(branch);
        acknowledged.extend(publish(&broker, 2).await);
        stage.find_redis().await;
        healthy(&another).await;
        acknowledged.extend(publish(&other, 2).await);
        for reader in &mut readers {
            assert_each_once(reader, &acknowledged).await;
        }
        let mut fresh = attach(&other, &After::Oldest).await;
        assert_each_once(&mut fresh, &acknowledged).await;
        let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64, "{left:?}");
    }
}

/// What an earlier process sent and was not answered can't arrive behind the search for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_keeps_out_what_the_old_one_sent() {
    let mut stage = Replica::start(WIDE).await;
    let mut acknowledged = publish(&stage.broker(), 2).await;
    let before = stage.broker.head(&golden_stream()).await.expect("it is read");
    stage.server.pause();
    cut_off(&stage.broker).await;
    acknowledged.extend(publish(&stage.broker(), 2).await);
    stage.restart_replica().await;
    stage.server.go_on();
    healthy(&stage.broker).await;
    let after = stage.broker.head(&golden_stream()).await.expect("it is read");
    assert_ne!(before.epoch, after.epoch, "what was sent before could still arrive");
    let mut fresh = attach(&stage.broker(), &After::Oldest).await;
    assert_each_once(&mut fresh, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_waits_for_as_many_replicas_of_redis_as_an_append() {
    let mut stage = Replica::start_with(WIDE, |options| {
        options.redis.replicas_min = 1;
        options.redis.command_time_max = Duration::from_millis(300);
    })
    .await;
    stage.lose_redis().await;
    let broker = stage.broker();
    let acknowledged = publish(&broker, 3).await;
    stage.server.run().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    let says = || broker.health().reason.unwrap_or_default();
    while !says().contains("replicas have it") {
        assert!(Instant::now() < deadline, "it does not wait: {:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
    assert!(stage.broker.is_cut_off());
    let port = stage.server.address().port().to_string();
    let follows = ServerOptions::with_arguments(&["--replicaof", "127.0.0.1", &port]);
    let _replica = RedisServer::start_with(follows).await;
    healthy(&stage.broker).await;
    let mut fresh = attach(&broker, &After::Oldest).await;
    assert_each_once(&mut fresh, &acknowledged).await;
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_nobody_works_on_make_room() {
    const KEY: &str = "dashclaw:thread:golden:branches";
    let mut stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    publish(&broker, 1).await;
    let (now, _): (u64, u64) = stage.server.command(&mut redis::cmd("TIME")).await;
    let age_max = WIDE.age_max.as_secs();
    let finished = (0..62).map(|number| (format!("{number:013}"), "done", now - 3_600 + number));
    let others = [
        ("00000000000a0".to_owned(), "open", now - age_max - 5),
        ("00000000000a1".to_owned(), "open", now),
        ("00000000000a2".to_owned(), "done", now - 86_400 - 5),
    ];
    for (name, word, at) in finished.chain(others) {
        let mut set = redis::cmd("HSET");
        set.arg(KEY).arg(&name).arg(format!("1 {word} {at}000 0 {name}:0:w - 1x1"));
        stage.server.command::<()>(&mut set).await;
    }
    for expected in [["00000000000a0", "00000000000a2"], ["0000000000000", "00000000000a0"]] {
        stage.lose_saved_redis().await;
        publish(&broker, 1).await;
        stage.find_redis().await;
        let names: Vec<String> = stage.server.command(redis::cmd("HKEYS").arg(KEY)).await;
        assert!(expected.iter().all(|gone| !names.iter().any(|name| name == gone)), "{names:?}");
        assert_eq!(names.len(), 64, "no other one went");
        assert!(names.iter().any(|name| name == "00000000000a1"), "{names:?}");
        let left: i64 = stage.server.command(redis::cmd("PTTL").arg(KEY)).await;
        assert!(left > 0, "all of them go a day after the last one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_of_a_merged_branch_outlive_a_redis_that_forgets_it() {
    for left in [Left::Old, Left::Nothing] {
        let mut stage = Replica::start(WIDE).await;
        let another = stage.another().await;
        let (broker, other) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
        let mut acknowledged = publish(&broker, 3).await;
        stage.lose_saved_redis().await;
        cut_off(&another).await;
        let mut reader = attach(&broker, &After::Oldest).await;
        acknowledged.extend(publish(&broker, 4).await);
        let on_other = publish(&other, 2).await;
        reader.through(acknowledged[4]).await;
        let (had, place) = (ids(&reader), last_place(&reader));
        drop(reader);
        stage.find_redis().await;
        healthy(&another).await;
        acknowledged.extend(on_other);
        acknowledged.extend(publish(&other, 2).await);
        if let Left::Nothing = left {
            stage.server.forget();
        }
        let made = [stage.broker.connections_made(), another.connections_made()];
        stage.server.kill();
        stage.server.run().await;
        connected_again(&stage.broker, made[0]).await;
        connected_again(&another, made[1]).await;
        for broker in [&broker, &other] {
            let mut back = attach(broker, &After::At(place)).await;
            assert_complete(&mut back, &had, &acknowledged).await;
        }
    }
}
