//! A cluster of three: slots that move, nodes that are lost and come back.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Broker, HealthState, RedisBroker, RedisOptions,
    conformance::{CASES, Harness, Start, broken_promise, new_event, not_applicable, run_all},
};
use event::{After, StreamName};
use faults::{NODES, RedisCluster};

use crate::support::{
    logs::{golden_stream, key_numbered},
    reader::Attached,
    redis::{Redis, WIDE, append, health_says, options, reconnected, replica},
    redis_cluster::ClusterHarness,
    writer::Writer,
};

const GOLDEN: &str = "dashclaw:thread:{golden}:meta";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_every_promise() {
    let harness = ClusterHarness::start().await;
    assert_eq!(not_applicable(harness.abilities()), [""; 0]);
    let report = run_all(Arc::new(harness)).await;
    println!("{report}");
    assert_eq!(report.failed(), [""; 0]);
    assert_eq!(report.cases.len(), CASES.len());
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

fn quick(cluster: &RedisCluster) -> RedisOptions {
    RedisOptions {
        connect_time_max: Duration::from_millis(500),
        command_time_max: Duration::from_secs(1),
        ..options(&cluster.url(), WIDE)
    }
}

async fn append_to(
    broker: &dyn Broker,
    stream: &StreamName,
) -> Result<broker::Receipt, AppendError> {
    let appended = broker.append(stream, Append::one(new_event())).await?;
    Ok(appended.receipts()[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_node_makes_only_its_logs_unavailable() {
    let mut cluster = RedisCluster::start().await;
    let replica = replica(&quick(&cluster)).await;
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    let (mut streams, mut readers) = (Vec::new(), Vec::new());
    for node in 0..NODES {
        let stream = stream_on(&cluster, node).await;
        readers.push(Attached::at(&broker, &stream, &After::Oldest).await);
        append_to(&*broker, &stream).await.expect("all nodes are there");
        streams.push(stream);
    }
    for node in &cluster.nodes {
        let mut list = redis::cmd("CLIENT");
        let list: String = node.command(list.arg("LIST").arg("TYPE").arg("pubsub")).await;
        assert_eq!(list.lines().count(), 1, "one subscription a node: {list}");
    }
    let made = replica.connections_made();
    cluster.nodes[1].shut_down().await;
    cluster.wait_for_loss_of(1).await;
    assert_eq!(health_says(&replica, "1 of the cluster's 3 nodes").await, HealthState::Degraded);
    for (node, stream) in streams.iter().enumerate() {
        let appended = append_to(&*broker, stream).await;
        match (node, appended) {
            (1, Err(AppendError::Unavailable { maybe: false, .. })) => {}
            (0 | 2, Ok(receipt)) => readers[node].through(receipt.id).await,
            (_, other) => panic!("node {node}: {other:?}"),
        }
    }
    cluster.nodes[1].run().await;
    cluster.settled().await;
    reconnected(&replica, made).await;
    for (stream, reader) in streams.iter().zip(&mut readers) {
        let receipt = append_to(&*broker, stream).await.expect("all nodes are there again");
        reader.through(receipt.id).await;
        assert_eq!(reader.gaps(), 0, "{stream}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_over_goes_on() {
    let mut cluster = RedisCluster::start().await;
    let old = cluster.node_at_start(cluster.slot(GOLDEN).await);
    cluster.add_replica(old).await;
    let command_time_max = Duration::from_secs(20);
    let waits = RedisOptions { replicas_min: 1, command_time_max, ..quick(&cluster) };
    let broker = replica(&waits).await as Arc<dyn Broker>;
    let forgets = replica(&quick(&cluster)).await as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&broker, 5).await;
    cluster.nodes[old].kill();
    cluster.wait_for_primary(NODES).await;
    let writer = Writer::start(&forgets, 1);
    writer.wait_for(5).await;
    acknowledged.extend(writer.stop().await);
    reader.through(acknowledged[acknowledged.len() - 1].id).await;
    assert_eq!((reader.lost(&acknowledged), reader.gaps()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_and_their_readers_move_with_their_slot() {
    let cluster = RedisCluster::start().await;
    let slot = cluster.slot(GOLDEN).await;
    let old = cluster.node_at_start(slot);
    let (ours, other) = (replica(&quick(&cluster)).await, replica(&quick(&cluster)).await);
    let (broker, writing) = (Arc::clone(&ours) as Arc<dyn Broker>, other as Arc<dyn Broker>);
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&writing, 3).await;
    let mut node = old;
    for _ in 0..3 {
        let to = (node + 1) % NODES;
        cluster.begin_move(slot, node, to).await;
        let page = broker.page(&golden_stream(), &After::Oldest, broker::PageLimit::MAX).await;
        let page = page.expect("what is read is still where it was");
        assert_eq!(page.events.len(), acknowledged.len());
        cluster.end_move(slot, node, to).await;
        node = to;
        acknowledged.extend(append(&writing, 3).await);
        reader.through(acknowledged[acknowledged.len() - 1].id).await;
    }
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.gaps(), 0);
    // The subscription may have moved only just now.
    reconnected(&ours, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_amid_a_move_are_taken_or_refused_and_never_lost() {
    let cluster = RedisCluster::start().await;
    let slot = cluster.slot(GOLDEN).await;
    let old = cluster.node_at_start(slot);
    let broker = replica(&quick(&cluster)).await as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let writer = Writer::start(&broker, 4);
    writer.wait_for(100).await;
    for step in 0..4 {
        let (from, to) = ((old + step) % NODES, (old + step + 1) % NODES);
        cluster.begin_move(slot, from, to).await;
        cluster.end_move(slot, from, to).await;
        writer.wait_for_more(100).await;
    }
    let acknowledged = writer.stop().await;
    reader.through(append(&broker, 1).await[0].id).await;
    assert_eq!(reader.lost(&acknowledged), 0);
    assert_eq!(reader.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_there_already_is_asked_for_there() {
    for is_new in [false, true] {
        asks_where_the_log_is(is_new).await;
    }
}

/// The slot is on its way to a node that has others, or to one that has none yet, and is in no map.
async fn asks_where_the_log_is(is_new: bool) {
    let mut cluster = RedisCluster::start().await;
    let slot = cluster.slot(GOLDEN).await;
    let old = cluster.node_at_start(slot);
    let new = if is_new { cluster.add_node().await } else { (old + 1) % NODES };
    let broker = replica(&quick(&cluster)).await as Arc<dyn Broker>;
    // Under a key, so that none of the log's keys is missing anywhere.
    let keyed =
        |number| Append { events: vec![new_event()], idempotency: Some(key_numbered(number)) };
    broker.append(&golden_stream(), keyed(1)).await.expect("it is taken");
    cluster.begin_move(slot, old, new).await;
    cluster.move_keys(slot, old, new).await;
    broker.append(&golden_stream(), keyed(2)).await.expect("it is asked for");
    cluster.wait_for_error(old, "ASK").await;
    let page = broker.page(&golden_stream(), &After::Oldest, broker::PageLimit::MAX).await;
    assert_eq!(page.expect("it is asked for").events.len(), 2);
    cluster.end_move(slot, old, new).await;
    append_to(&*broker, &golden_stream()).await.expect("it moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_to_wait_for_the_end_of_a_move_waits() {
    let cluster = RedisCluster::start().await;
    let slot = cluster.slot(GOLDEN).await;
    let old = cluster.node_at_start(slot);
    let new = (old + 1) % NODES;
    let patient = RedisOptions { command_time_max: Duration::from_secs(20), ..quick(&cluster) };
    let broker = replica(&patient).await as Arc<dyn Broker>;
    append_to(&*broker, &golden_stream()).await.expect("it is taken");
    cluster.begin_move(slot, old, new).await;
    let (waiting, stream) = (Arc::clone(&broker), golden_stream());
    let mut append = tokio::task::JoinSet::new();
    append.spawn(async move { append_to(&*waiting, &stream).await });
    // No idempotency key was used, so some of the log's keys are nowhere.
    cluster.wait_for_error(old, "TRYAGAIN").await;
    cluster.end_move(slot, old, new).await;
    let receipt = append.join_next().await.expect("it was begun").expect("it ends");
    assert_eq!(receipt.expect("it is taken").position.seq.0, 2);
    // In its own time one is refused, and nothing of it was stored.
    let hurried = replica(&quick(&cluster)).await;
    cluster.begin_move(slot, new, old).await;
    let appended = append_to(&*hurried, &golden_stream()).await;
    assert!(matches!(appended, Err(AppendError::Unavailable { maybe: false, .. })), "{appended:?}");
    cluster.end_move(slot, new, old).await;
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_another_kind_are_named() {
    let redis = Redis::start(WIDE).await;
    let url = redis.server.url().replace("redis://", "redis+cluster://");
    let broker = RedisBroker::start(options(&url, WIDE)).expect("the address is one");
    assert_eq!(health_says(&broker, "cluster support disabled").await, HealthState::Unhealthy);
    let cluster = RedisCluster::start().await;
    let broker = RedisBroker::start(options(&cluster.nodes[0].url(), WIDE));
    let broker = broker.expect("the address is one");
    assert_eq!(health_says(&broker, "redis+cluster://").await, HealthState::Unhealthy);
    let bare =
        RedisOptions { hash_tag: broker::redis::HashTag::Bare, ..options(&cluster.url(), WIDE) };
    let refused = RedisBroker::start(bare).err().expect("keys need a hash tag");
    assert!(refused.to_string().contains("hash tag"), "{refused}");
}
