//! A primary that sentinels name: fail-overs, in order and not, and what was lost by them.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Broker, HealthState, RedisBroker, RedisOptions,
    conformance::{Start, broken_promise, new_event},
};
use event::{After, GapReason};
use faults::{Proxy, SentinelSet, ServerOptions};

use crate::support::{
    logs::golden_stream,
    reader::Attached,
    redis::{Redis, WIDE, append, health_says, options, reconnected, replica},
    writer::Writer,
};

fn quick(url: &str) -> RedisOptions {
    RedisOptions { connect_time_max: Duration::from_millis(500), ..options(url, WIDE) }
}

/// Waits until the backend is connected to another primary.
async fn fail_over(set: &mut SentinelSet, broker: &RedisBroker, made: u64) -> usize {
    let old = set.primary().await.expect("there is a primary");
    set.servers[old].kill();
    let new = set.wait_for_other_than(old).await;
    reconnected(broker, made).await;
    new
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_replicas_confirmed_outlives_the_primary() {
    let password = Some("for-servers".to_owned());
    let mut set = SentinelSet::start_with(ServerOptions { password, ..Default::default() }).await;
    // One of the three that are named was never there.
    let mut hosts = vec!["127.0.0.1:1".to_owned()];
    hosts.extend(set.sentinels[..2].iter().map(|sentinel| sentinel.address().to_string()));
    let options = RedisOptions { replicas_min: 1, ..quick(&set.url_of(&hosts)) };
    let (replica, other) = (replica(&options).await, replica(&options).await);
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&broker, 5).await;
    let (made, other_made) = (replica.connections_made(), other.connections_made());
    let new = fail_over(&mut set, &replica, made).await;
    // There is nobody to confirm it.
    let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
    assert!(
        matches!(&appended, Err(AppendError::Unavailable { maybe: true, reason })
            if reason.contains("0 of 1 replicas")),
        "{appended:?}"
    );
    set.run_as_replica(1 - new).await;
    reconnected(&other, other_made).await;
    acknowledged.extend(append(&(other as Arc<dyn Broker>), 5).await);
    assert_ne!(acknowledged[4].position.epoch, acknowledged[5].position.epoch);
    reader.through(acknowledged[9].id).await;
    assert_eq!(reader.gaps(), 0, "all of it was on the replica: {:?}", reader.items);
    let unconfirmed = reader.items.len() - acknowledged.len();
    assert!(unconfirmed <= 1, "{:?}", reader.items);
    for receipt in &acknowledged {
        let reader = Attached::at(&broker, &golden_stream(), &After::At(receipt.position)).await;
        assert_eq!(reader.opening.gap, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_and_not_replicated_is_a_gap() {
    let mut set = SentinelSet::start().await;
    let old = set.primary().await.expect("there is a primary");
    let replica = replica(&quick(&set.url())).await;
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&broker, 3).await;
    set.wait_for_data(old).await;
    set.stop_replication(old).await;
    acknowledged.extend(append(&broker, 2).await);
    reader.through(acknowledged[4].id).await;
    fail_over(&mut set, &replica, 1).await;
    // No append follows: the gap comes all the same.
    while reader.reasons().is_empty() {
        reader.next().await;
    }
    acknowledged.extend(append(&broker, 4).await);
    reader.through(acknowledged[8].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.reasons(), [GapReason::DataLoss]);
    for (number, receipt) in acknowledged.iter().enumerate() {
        let after = After::At(receipt.position);
        let mut reader = Attached::at(&broker, &golden_stream(), &after).await;
        if number < 8 {
            reader.through(acknowledged[8].id).await;
        }
        let told = if number < 5 { vec![GapReason::DataLoss] } else { Vec::new() };
        assert_eq!(reader.reasons(), told, "the cursor after the event {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_amid_fail_overs_keep_every_promise() {
    let mut set = SentinelSet::start().await;
    let replica = replica(&quick(&set.url())).await;
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let writer = Writer::start(&broker, 4);
    // A primary that is stopped, and goes on when another one has its place.
    let first = set.primary().await.expect("there is a primary");
    writer.wait_for(50).await;
    set.servers[first].pause();
    let second = set.wait_for_other_than(first).await;
    reconnected(&replica, 1).await;
    set.servers[first].go_on();
    writer.wait_for_more(50).await;
    // One that is killed.
    set.servers[first].kill();
    set.run_as_replica(first).await;
    set.settled().await;
    let made = replica.connections_made();
    assert_eq!(set.primary().await, Some(second));
    fail_over(&mut set, &replica, made).await;
    writer.wait_for_more(50).await;
    let acknowledged = writer.stop().await;
    reader.through(append(&broker, 1).await[0].id).await;
    let lost = reader.lost(&acknowledged);
    assert!(lost == 0 || reader.reasons().contains(&GapReason::DataLoss), "{lost} lost in silence");
    println!("{} acknowledged, {lost} lost and told", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_old_primary_answers_late_is_not_acknowledged() {
    let set = SentinelSet::start().await;
    let patient = RedisOptions { command_time_max: Duration::from_secs(60), ..quick(&set.url()) };
    let replica = replica(&patient).await;
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    append(&broker, 3).await;
    let old = set.primary().await.expect("there is a primary");
    set.wait_for_data(old).await;
    set.servers[old].pause();
    // It is on its way to a server that will take it, and answer, when nobody asks it any more.
    let (sending, mut sent) = (Arc::clone(&broker), tokio::task::JoinSet::new());
    sent.spawn(async move { sending.append(&golden_stream(), Append::one(new_event())).await });
    health_says(&replica, "in time").await;
    set.wait_for_other_than(old).await;
    reconnected(&replica, 1).await;
    set.servers[old].go_on();
    let appended = sent.join_next().await.expect("it was begun").expect("it ends");
    assert!(matches!(appended, Err(AppendError::Unavailable { maybe: true, .. })), "{appended:?}");
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_deposed_in_order_is_left() {
    let set = SentinelSet::start().await;
    let replica_of_ours = replica(&quick(&set.url())).await;
    let broker = Arc::clone(&replica_of_ours) as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&broker, 3).await;
    let old = set.primary().await.expect("there is a primary");
    set.wait_for_data(old).await;
    let mut ask = redis::cmd("SENTINEL");
    let () = set.sentinels[0].command(ask.arg("FAILOVER").arg(faults::SERVICE)).await;
    set.wait_for_other_than(old).await;
    reconnected(&replica_of_ours, 1).await;
    let other = replica(&quick(&set.url())).await as Arc<dyn Broker>;
    acknowledged.extend(append(&other, 3).await);
    reader.through(acknowledged[5].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_only_its_sentinels_lost_is_left() {
    let acl = "user default on nopass ~* &* +@all\nuser tidegate on >word ~* &* +@all".to_owned();
    let set = SentinelSet::start_with(ServerOptions { acl: Some(acl), ..Default::default() }).await;
    let url = set.url().replace("://", "://tidegate:word@");
    let replica = replica(&quick(&url)).await;
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let writer = Writer::start(&broker, 2);
    writer.wait_for(20).await;
    let old = set.primary().await.expect("there is a primary");
    // The sentinels are the default user; to us the old primary goes on as before.
    let primary = &set.servers[old];
    let () = primary.command(redis::cmd("ACL").arg("SETUSER").arg("default").arg("off")).await;
    let mut kill = redis::cmd("CLIENT");
    let _: u64 = primary.command(kill.arg("KILL").arg("USER").arg("default")).await;
    let new = set.wait_for_other_than(old).await;
    reconnected(&replica, 1).await;
    writer.wait_for_more(20).await;
    let acknowledged = writer.stop().await;
    let meta = "dashclaw:thread:golden:meta";
    let head = async |server: &faults::RedisServer| -> u64 {
        server.command(redis::cmd("HGET").arg(meta).arg("head")).await
    };
    let (left, taken) = (head(&set.servers[old]).await, head(&set.servers[new]).await);
    assert_eq!(set.servers[old].info("role").await.as_deref(), Some("master"), "it goes on");
    reader.through(append(&broker, 1).await[0].id).await;
    let lost = reader.lost(&acknowledged);
    assert!(lost == 0 || reader.reasons().contains(&GapReason::DataLoss), "{lost} lost in silence");
    println!("{lost} lost and told; the old one ends at {left}, the new one at {taken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_that_do_not_help_are_named() {
    let redis = Redis::start(WIDE).await;
    let broker = RedisBroker::start(quick(&format!(
        "redis+sentinel://127.0.0.1:1,{}/tidegate",
        redis.server.address()
    )));
    let broker = broker.expect("the address is one");
    assert_eq!(health_says(&broker, "no sentinel names a primary").await, HealthState::Unhealthy);
    let set = SentinelSet::start().await;
    let url = set.url().replace(faults::SERVICE, "another");
    let broker = RedisBroker::start(quick(&url)).expect("the address is one");
    health_says(&broker, "it knows no `another`").await;
    // A black hole before a sentinel costs no more than the time of a connection.
    let proxy = Proxy::start(set.sentinels[0].address()).await;
    let black_hole = faults::Toxic::Timeout { timeout: Duration::ZERO };
    proxy.set("hole", faults::Direction::Downstream, black_hole);
    let broker = RedisBroker::start(quick(&set.url_of(&[proxy.address().to_string()])));
    let broker = broker.expect("the address is one");
    health_says(&broker, "in time").await;
    proxy.heal();
    reconnected(&broker, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_not_there_confirm_nothing() {
    let redis = Redis::start(WIDE).await;
    let broker = redis
        .replica_with(|options| {
            options.replicas_min = 1;
            options.command_time_max = Duration::from_millis(300);
        })
        .await;
    for _ in 0..2 {
        let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
        let Err(AppendError::Unavailable { reason, maybe }) = appended else {
            panic!("{appended:?}")
        };
        assert!(maybe && reason.contains("replicas"), "{reason}");
    }
    let page = broker.page(&golden_stream(), &After::Oldest, broker::PageLimit::MAX).await;
    assert_eq!(page.expect("reading goes on").events.len(), 2);
}
