//! A server that is cut off, stopped, read-only or full.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Broker, HealthState,
    conformance::{Start, broken_promise, new_event},
};
use event::After;
use faults::{RedisServer, ServerOptions};
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::golden_stream,
    reader::Attached,
    redis::{Redis, WIDE, append, append_once_it_is_back, reconnected},
};

fn refused(appended: Result<broker::Appended, AppendError>) -> (String, bool) {
    match appended {
        Err(AppendError::Unavailable { reason, maybe }) => (reason, maybe),
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_subscriptions_miss_nothing() {
    let redis = Redis::start(WIDE).await;
    let (broker, writer) = (redis.broker(), redis.replica().await as Arc<dyn Broker>);
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&writer, 2).await;
    for _ in 0..5 {
        let killed = redis.server.kill_subscriptions().await;
        assert!(killed >= 1, "there was no subscription to kill");
        acknowledged.extend(append(&writer, 3).await);
        reader.through(acknowledged[acknowledged.len() - 1].id).await;
        reconnected(&redis.broker, 0).await;
    }
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.gaps(), 0);
    assert_eq!(redis.broker.connections_made(), 1, "commands were not concerned");
}

/// Returns the ids of the connections that are subscribed.
async fn subscriber_ids(redis: &Redis) -> Vec<String> {
    let mut list = redis::cmd("CLIENT");
    let list: String = redis.server.command(list.arg("LIST").arg("TYPE").arg("pubsub")).await;
    let ids = list.split_whitespace().filter_map(|field| field.strip_prefix("id="));
    ids.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_without_a_wake_up_is_found_and_the_subscription_rebuilt() {
    let redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let place = append(&broker, 1).await[0].position;
    let before = subscriber_ids(&redis).await;
    assert_eq!(before.len(), 1, "one subscription a process");
    // An append as it looks to a subscription that hears nothing.
    let event = new_event();
    let base = "dashclaw:thread:golden";
    let mut add = redis::cmd("XADD");
    add.arg(format!("{base}:stream")).arg(format!("{}-0", place.seq.next().0));
    add.arg("envelope").arg(&event.json[..]).arg("epoch").arg(place.epoch.to_string());
    let _: String = redis.server.command(&mut add).await;
    let mut head = redis::cmd("HSET");
    head.arg(format!("{base}:meta")).arg("head").arg(place.seq.next().0);
    let _: u64 = redis.server.command(&mut head).await;
    reader.through(event.id).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while subscriber_ids(&redis).await.iter().all(|id| before.contains(id)) {
        assert!(Instant::now() < deadline, "the silent subscription was kept");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_commands_recover() {
    let redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&broker, 2).await;
    for made in 1..4 {
        let mut kill = redis::cmd("CLIENT");
        let _: u64 = redis.server.command(kill.arg("KILL").arg("TYPE").arg("normal")).await;
        reconnected(&redis.broker, made).await;
        acknowledged.extend(append(&broker, 3).await);
    }
    reader.through(acknowledged[acknowledged.len() - 1].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.gaps(), 0, "the server was never away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_is_given_up_in_time_and_come_back_to() {
    let redis = Redis::start(WIDE).await;
    let broker = redis
        .replica_with(|options| {
            options.command_time_max = Duration::from_millis(300);
            options.connect_time_max = Duration::from_millis(300);
        })
        .await;
    let as_dyn = Arc::clone(&broker) as Arc<dyn Broker>;
    let mut reader = Attached::at(&as_dyn, &golden_stream(), &After::Oldest).await;
    append(&as_dyn, 3).await;
    redis.server.pause();
    let (reason, maybe) = refused(as_dyn.append(&golden_stream(), Append::one(new_event())).await);
    assert!(maybe, "the server may take it when it goes on: {reason}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while broker.health().state != HealthState::Unhealthy {
        assert!(Instant::now() < deadline, "{:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
    let (reason, maybe) = refused(as_dyn.append(&golden_stream(), Append::one(new_event())).await);
    assert!(!maybe, "there was no connection: {reason}");
    assert!(as_dyn.page(&golden_stream(), &After::Oldest, broker::PageLimit::MAX).await.is_err());
    redis.server.go_on();
    reconnected(&broker, 1).await;
    let last = append(&as_dyn, 2).await[1];
    reader.through(last.id).await;
    let numbers: Vec<_> = reader
        .items
        .iter()
        .map(|item| match item {
            broker::Item::Event(event) => event.position.seq.0,
            broker::Item::Gap(gap) => panic!("nothing was lost: {gap:?}"),
        })
        .collect();
    assert_eq!(numbers, (1..=last.position.seq.0).collect::<Vec<_>>(), "a hole or a repeat");
    assert!((5..=6).contains(&numbers.len()), "only the first attempt may have been taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_replica_is_named() {
    let redis = Redis::start(WIDE).await;
    append(&redis.broker(), 1).await;
    let mut of = redis::cmd("REPLICAOF");
    let _: () = redis.server.command(of.arg("127.0.0.1").arg("1")).await;
    let refusal = refused(redis.broker().append(&golden_stream(), Append::one(new_event())).await);
    assert!(refusal.0.contains("read-only"), "{refusal:?}");
    assert!(!refusal.1, "it was refused, not taken");
    let mut of = redis::cmd("REPLICAOF");
    let _: () = redis.server.command(of.arg("NO").arg("ONE")).await;
    append_once_it_is_back(&redis.broker()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_is_named() {
    let redis = Redis::start(WIDE).await;
    let kept = append(&redis.broker(), 2).await;
    let set = |value: &str| {
        let mut config = redis::cmd("CONFIG");
        config.arg("SET").arg("maxmemory").arg(value);
        config
    };
    redis.server.command::<()>(&mut set("1")).await;
    let refusal = refused(redis.broker().append(&golden_stream(), Append::one(new_event())).await);
    assert!(refusal.0.contains("maxmemory"), "{refusal:?}");
    assert!(!refusal.1, "it was refused, not taken");
    let head = redis.broker().head(&golden_stream()).await.expect("reading goes on");
    assert_eq!(head, kept[1].position);
    redis.server.command::<()>(&mut set("0")).await;
    append(&redis.broker(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_functions_runs_scripts() {
    let without = ["--rename-command", "FUNCTION", "", "--rename-command", "FCALL", ""];
    let redis =
        Redis::on(RedisServer::start_with(ServerOptions::with_arguments(&without)).await, WIDE)
            .await;
    let broker = redis.broker();
    let mut acknowledged = append(&broker, 3).await;
    redis.server.command::<()>(redis::cmd("SCRIPT").arg("FLUSH")).await;
    acknowledged.extend(append(&broker, 3).await);
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    reader.through(acknowledged[5].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_named() {
    let server = RedisServer::start().await;
    let mut config = redis::cmd("CONFIG");
    let url = server.url();
    server.command::<()>(config.arg("SET").arg("requirepass").arg("secret")).await;
    let options = broker::RedisOptions::new(&url, WIDE);
    let broker = broker::RedisBroker::start(options).expect("the address is one");
    let deadline = Instant::now() + Duration::from_secs(20);
    let named = |reason: Option<String>| reason.is_some_and(|reason| reason.contains("refuses us"));
    while !named(broker.health().reason) {
        assert!(Instant::now() < deadline, "{:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(broker.health().state, HealthState::Unhealthy);
}
