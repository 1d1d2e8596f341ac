//! Replicas of ours on a cluster of three, of which one node is lost: what their readers received.

use std::time::Duration;

use broker::{HealthState, RedisOptions};
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
    let redis = RedisOptions {
        connect_time_max: Duration::from_millis(500),
        command_time_max: Duration::from_secs(1),
        ..options(&cluster.url(), WIDE)
    };
    Load::start(redis, streams, |options| options.cut_off_after = Duration::from_millis(200)).await
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
        let health = broker::Broker::health(&**replica);
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
