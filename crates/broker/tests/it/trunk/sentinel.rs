//! Replicas of ours on a primary that sentinels name, over a fail-over under load.

use std::time::Duration;

use broker::RedisOptions;
use faults::{SentinelSet, ServerOptions};

use crate::support::{
    load::Load,
    logs::golden_stream,
    redis::{WIDE, options},
};

async fn load(set: &SentinelSet, replicas_min: u32) -> Load {
    let redis = RedisOptions {
        connect_time_max: Duration::from_millis(500),
        replicas_min,
        ..options(&set.url(), WIDE)
    };
    Load::start(redis, vec![golden_stream()], |options| {
        options.cut_off_after = Duration::from_millis(200);
    })
    .await
}

/// What the new primary had not received is given back by the replicas of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_under_load_costs_nothing() {
    for replicas_min in [0, 1] {
        let mut set = SentinelSet::start_with(ServerOptions::default()).await;
        let load = load(&set, replicas_min).await;
        let old = set.primary().await.expect("there is a primary");
        set.servers[old].kill();
        let new = set.wait_for_other_than(old).await;
        set.run_as_replica(1 - new).await;
        load.healthy().await;
        load.wait_for_more(20).await;
        let outcome = load.finish().await;
        assert_eq!(outcome.reasons, [], "with {replicas_min} replicas");
        println!("{} events with {replicas_min} replicas", outcome.acknowledged);
    }
}

/// Replication stands still for a while: the new primary lacks much of what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_to_a_replica_that_lagged_costs_nothing() {
    let mut set = SentinelSet::start().await;
    let load = load(&set, 0).await;
    let old = set.primary().await.expect("there is a primary");
    set.wait_for_data(old).await;
    set.stop_replication(old).await;
    load.wait_for_more(30).await;
    let made: Vec<_> = load.replicas.iter().map(|r| r.connections_made()).collect();
    set.servers[old].kill();
    set.wait_for_other_than(old).await;
    for (replica, made) in load.replicas.iter().zip(made) {
        crate::support::replica::connected_again(replica, made).await;
    }
    load.wait_for_more(20).await;
    assert_eq!(load.finish().await.reasons, []);
}
