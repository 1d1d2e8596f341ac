//! Replicas of ours on a cluster of three, of which one node is lost: what their readers received.

use std::time::Duration;

use broker::{Append, AppendError, Broker, HealthState, RedisOptions, conformance::new_event};
use event::StreamName;
use faults::{NODES, RedisCluster, ServerOptions};

use crate::support::{
    load::Load,
    redis::{WIDE, options},
};

/// The node that is lost.
const LOST: usize = 1;

async fn start() -> (RedisCluster, Vec<StreamName>) {
    let keeps = ServerOptions { append_only: true, ..ServerOptions::default() };
    let cluster = RedisCluster::start_with(keeps).await;
    let mut streams = Vec::new();
    for node in 0..NODES {
        streams.push(stream_on(&cluster, node).await);
    }
    (cluster, streams)
}

/// Returns a stream whose log this node has.
async fn stream_on(cluster: &RedisCluster, node: usize) -> StreamName {
    for number in 0.. {
        let name = format!("t{number}");
        let slot = cluster.slot(&format!("dashclaw:thread:{{{name}}}:meta")).await;
        if cluster.node_at_start(slot) == node {
            return StreamName::thread(&name).expect("it keeps the grammar");
        }
    }
    unreachable!("every node has streams")
}

async fn load(cluster: &RedisCluster, streams: Vec<StreamName>) -> Load {
    load_with(cluster, streams, false).await
}

async fn load_with(cluster: &RedisCluster, streams: Vec<StreamName>, strict: bool) -> Load {
    let redis = RedisOptions {
        connect_time_max: Duration::from_millis(500),
        command_time_max: Duration::from_secs(1),
        ..options(&cluster.url(), WIDE)
    };
    Load::start(redis, streams, |options| {
        options.cut_off_after = Duration::from_millis(200);
        options.strict = strict;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_with_its_data_costs_nothing() {
    let (mut cluster, streams) = start().await;
    let load = load(&cluster, streams).await;
    cluster.nodes[LOST].kill();
    load.cut_off().await;
    load.wait_for_more(50).await;
    cluster.nodes[LOST].run().await;
    load.healthy().await;
    load.wait_for_more(20).await;
    let outcome = load.finish().await;
    assert_eq!(outcome.reasons, []);
    println!("{} events", outcome.acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_empty_is_given_everything_back() {
    for is_long in [true, false] {
        let (mut cluster, streams) = start().await;
        let load = load(&cluster, streams).await;
        let made: Vec<_> = load.replicas.iter().map(|r| r.connections_made()).collect();
        cluster.nodes[LOST].kill();
        cluster.nodes[LOST].forget();
        if is_long {
            load.cut_off().await;
            load.wait_for_more(50).await;
        }
        cluster.nodes[LOST].run().await;
        for (replica, made) in load.replicas.iter().zip(made) {
            crate::support::replica::connected_again(replica, made).await;
        }
        load.wait_for_more(20).await;
        let outcome = load.finish().await;
        assert_eq!(outcome.reasons, [], "long: {is_long}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_paused_costs_nothing() {
    let (cluster, streams) = start().await;
    let load = load(&cluster, streams).await;
    cluster.nodes[LOST].pause();
    load.cut_off().await;
    let node = cluster.nodes[LOST].address().to_string();
    for replica in &load.replicas {
        let health = replica.health();
        assert_eq!((health.state, health.selected), (HealthState::Degraded, "memory"));
        let reason = health.reason.expect("it says why");
        assert!(reason.contains(&node), "{reason}");
    }
    load.wait_for_more(50).await;
    cluster.nodes[LOST].go_on();
    load.healthy().await;
    load.wait_for_more(20).await;
    assert_eq!(load.finish().await.reasons, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_replica_refuses_all_and_names_the_node_that_is_lost() {
    let (mut cluster, streams) = start().await;
    let there = streams[0].clone();
    let load = load_with(&cluster, streams, true).await;
    cluster.nodes[LOST].kill();
    load.cut_off().await;
    let node = cluster.nodes[LOST].address().to_string();
    for replica in &load.replicas {
        let health = replica.health();
        assert_eq!(health.state, HealthState::Unhealthy, "{health:?}");
        assert!(health.reason.is_some_and(|reason| reason.contains(&node)));
        let refused = replica.append(&there, Append::one(new_event())).await;
        assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    }
    cluster.nodes[LOST].run().await;
    load.healthy().await;
    load.wait_for_more(20).await;
    assert_eq!(load.finish().await.reasons, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_over_a_node_costs_nothing() {
    let (mut cluster, streams) = start().await;
    cluster.add_replica(LOST).await;
    let load = load(&cluster, streams).await;
    cluster.nodes[LOST].kill();
    cluster.wait_for_primary(NODES).await;
    load.healthy().await;
    load.wait_for_more(20).await;
    assert_eq!(load.finish().await.reasons, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_under_load_cost_nothing() {
    let (cluster, streams) = start().await;
    let slot = cluster.slot(&format!("dashclaw:{}:meta", keyed(&streams[LOST]))).await;
    let load = load(&cluster, streams).await;
    for step in 0..3 {
        let (from, to) = ((LOST + step) % NODES, (LOST + step + 1) % NODES);
        cluster.begin_move(slot, from, to).await;
        cluster.end_move(slot, from, to).await;
        load.wait_for_more(20).await;
    }
    assert_eq!(load.finish().await.reasons, []);
}

fn keyed(stream: &StreamName) -> String {
    let name = stream.to_string();
    let (kind, key) = name.split_once(':').expect("it has a key");
    format!("{kind}:{{{key}}}")
}
