//! Servers that are stopped, killed and started again, alone, with sentinels and as a cluster.

use std::{sync::Arc, time::Duration};

use faults::{Certificates, RedisCluster, RedisServer, SentinelSet, ServerOptions};
use redis::RedisResult;
use tokio::time::timeout;

async fn set(server: &RedisServer, value: &str) {
    server.command::<()>(redis::cmd("SET").arg("key").arg(value)).await;
}

async fn get(server: &RedisServer) -> Option<String> {
    server.command(redis::cmd("GET").arg("key")).await
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_it_saved_or_with_nothing() {
    let mut server = RedisServer::start().await;
    set(&server, "saved").await;
    server.save().await;
    set(&server, "lost").await;
    server.kill();
    assert!(server.try_command::<String>(&mut redis::cmd("PING")).await.is_err());
    server.run().await;
    assert_eq!(get(&server).await.as_deref(), Some("saved"));
    server.forget();
    server.kill();
    server.run().await;
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn an_append_only_server_loses_nothing_until_it_is_to() {
    let options = ServerOptions { append_only: true, ..ServerOptions::default() };
    let mut server = RedisServer::start_with(options).await;
    set(&server, "kept").await;
    server.kill();
    server.run().await;
    assert_eq!(get(&server).await.as_deref(), Some("kept"));
    server.kill();
    server.forget();
    server.run().await;
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn a_stopped_server_answers_when_it_goes_on() {
    let server = RedisServer::start().await;
    server.pause();
    let mut ping = redis::cmd("PING");
    let answer = timeout(Duration::from_millis(100), server.try_command::<String>(&mut ping));
    assert!(answer.await.is_err(), "it is stopped");
    server.go_on();
    set(&server, "there").await;
    // A stopped one ends with its test too.
    server.pause();
}

#[tokio::test]
async fn options_are_what_the_server_does() {
    let certificates = Arc::new(Certificates::make());
    let options = ServerOptions {
        password: Some("secret".to_owned()),
        tls: Some(certificates),
        memory_max: Some(1),
        ..ServerOptions::default()
    };
    let server = RedisServer::start_with(options).await;
    assert!(server.url().starts_with("rediss://:secret@"));
    let full: RedisResult<()> = server.try_command(redis::cmd("SET").arg("key").arg("x")).await;
    assert_eq!(full.unwrap_err().code(), Some("OOM"));
    let acl = "user default off\nuser reader on >word ~* +get".to_owned();
    let options = ServerOptions { acl: Some(acl), ..ServerOptions::default() };
    let server = RedisServer::start_with(options).await;
    set(&server, "by the test").await;
    let client = redis::Client::open(server.url_as("reader:word@")).unwrap();
    let mut reader = client.get_multiplexed_async_connection().await.unwrap();
    let refused: RedisResult<()> =
        redis::cmd("SET").arg("key").arg("x").query_async(&mut reader).await;
    assert_eq!(refused.unwrap_err().code(), Some("NOPERM"));
}

#[tokio::test]
async fn subscriptions_are_killed_and_counted() {
    let server = RedisServer::start().await;
    assert_eq!(server.kill_subscriptions().await, 0);
    let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let mut subscriber = client.get_multiplexed_async_connection().await.unwrap();
    subscriber.subscribe("channel").await.unwrap();
    assert_eq!(server.kill_subscriptions().await, 1);
}

#[tokio::test]
async fn sentinels_elect_another_primary_and_take_the_old_one_back() {
    let mut set_of = SentinelSet::start().await;
    let old = set_of.primary().await.unwrap();
    set(&set_of.servers[old], "replicated").await;
    set_of.servers[old].kill();
    let new = set_of.wait_for_other_than(old).await;
    assert_eq!(get(&set_of.servers[new]).await.as_deref(), Some("replicated"));
    set_of.run_as_replica(old).await;
    set_of.settled().await;
    set_of.stop_replication(new).await;
    set(&set_of.servers[new], "to be lost").await;
    set_of.servers[new].pause();
    let newest = set_of.wait_for_other_than(new).await;
    assert_eq!(get(&set_of.servers[newest]).await.as_deref(), Some("replicated"));
}

#[tokio::test]
async fn a_cluster_says_what_it_lost_and_is_whole_again() {
    let mut cluster = RedisCluster::start().await;
    let slot = cluster.slot("key").await;
    let node = cluster.node_at_start(slot);
    set(&cluster.nodes[node], "there").await;
    let other = (node + 1) % faults::NODES;
    cluster.begin_move(slot, node, other).await;
    cluster.end_move(slot, node, other).await;
    assert_eq!(get(&cluster.nodes[other]).await.as_deref(), Some("there"));
    let moved: RedisResult<String> =
        cluster.nodes[node].try_command(redis::cmd("GET").arg("key")).await;
    assert_eq!(moved.unwrap_err().code(), Some("MOVED"));
    cluster.nodes[node].kill();
    cluster.wait_for_loss_of(node).await;
    assert_eq!(get(&cluster.nodes[other]).await.as_deref(), Some("there"));
    cluster.nodes[node].run().await;
    cluster.settled().await;
}
