//! Cursors over a cutover, an outage and a rollback, by settings and redeploy.

use std::sync::Arc;

use serde_json::json;

use super::{
    realtime,
    runbook::{Rollout, flags},
    wait_for,
};
use crate::support::{
    http::Request,
    redis::Redis,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
    sse::Sse,
    wait::{eventually, until},
};

/// Resumes after a cursor as a browser does, and returns the numbers that come until `count`.
fn resumed(server: &Server, cursor: &str, count: usize) -> Vec<u64> {
    let headers = [("x-api-key", KEY_A), ("last-event-id", cursor)];
    let mut stream = server.stream("/api/stream", &headers);
    let connected = stream.connected();
    assert_eq!(
        (&connected["resume"], &connected["replayed"]),
        (&json!("resumed"), &json!(count)),
        "{connected}"
    );
    stream.numbers(count)
}

/// Adopt. One memory replica's window goes into Redis with its positions.
#[test]
fn a_cursor_of_before_the_cutover_resumes_after_it() {
    let redis = Redis::start();
    let mut server = flags(Plan::with_keys(), false).start();
    let cursors: Vec<_> = (0..5).map(|n| server.publish_ok(KEY_A, "a", n)).collect();
    assert_eq!(server.terminate(), Some(0));
    let server = flags(redis.plan(), false).start_in(Arc::clone(&server.folder));
    server.publish_ok(KEY_A, "a", 5);
    for (at, cursor) in cursors.iter().enumerate() {
        let expected: Vec<_> = (at as u64 + 1..=5).collect();
        assert_eq!(resumed(&server, cursor, 5 - at), expected);
    }
}

/// Adopt of several windows (branches), and a cursor of one replica on the other.
#[test]
fn two_memory_replicas_are_cut_over_to_one_redis_with_every_cursor() {
    let redis = Redis::start();
    let rollout = Rollout::start(&flags(Plan::with_keys(), false));
    // Each memory replica is a log of its own: evens here, odds there.
    let cursors: Vec<_> =
        (0..10u64).map(|n| rollout.replicas[n as usize % 2].publish_ok(KEY_A, "a", n)).collect();
    let rollout = rollout.redeploy(&flags(redis.plan(), false));
    rollout.validate_health("production 2", "redis", false);
    for (at, cursor) in cursors.iter().enumerate() {
        for replica in &rollout.replicas {
            // What was before the cursor on its own log is never repeated; what comes after it
            // there comes, and so does all of the other's, each once.
            let own: Vec<_> = (0..10u64).filter(|n| *n as usize % 2 == at % 2).collect();
            let others = 5;
            let after = own.iter().filter(|n| **n > at as u64).count();
            let mut got = resumed(replica, cursor, after + others);
            let mine: Vec<_> = got.iter().copied().filter(|n| *n as usize % 2 == at % 2).collect();
            assert_eq!(mine, own.iter().copied().filter(|n| *n > at as u64).collect::<Vec<_>>());
            got.sort_unstable();
            got.dedup();
            assert_eq!(got.len(), after + others, "nothing twice");
        }
    }
}

/// Hand back. Rollback by settings keeps the cursors of Redis's time.
#[test]
fn a_cursor_of_redis_resumes_after_the_rollback() {
    let redis = Redis::start();
    let rollout = Rollout::start(&flags(redis.plan(), true));
    let cursors: Vec<_> =
        (0..6u64).map(|n| rollout.replicas[n as usize % 2].publish_ok(KEY_A, "a", n)).collect();
    let memory = flags(Plan::with_keys(), false).set("REDIS_URL", redis.url());
    let rollout = rollout.redeploy(&memory);
    rollout.validate_health("rollback 4", "memory", false);
    for replica in &rollout.replicas {
        replica.publish_ok(KEY_A, "a", 6);
        for (at, cursor) in cursors.iter().enumerate() {
            let expected: Vec<_> = (at as u64 + 1..=6).collect();
            assert_eq!(resumed(replica, cursor, 6 - at), expected);
        }
    }
}

/// All of it with readers that stay: each reconnects by `Last-Event-ID` across
/// memory → redis → strict → memory, and has every event once.
#[test]
fn a_reader_that_reconnects_has_everything_once_over_cutover_and_rollback() {
    let redis = Redis::start();
    let memory = flags(Plan::with_keys(), false).set("REDIS_URL", redis.url());
    let steps = [
        flags(redis.plan(), false),
        flags(redis.plan(), true),
        memory.clone(),
        flags(redis.plan(), false),
    ];
    let mut server = memory.start();
    let mut cursor = server.publish_ok(KEY_A, "a", 0);
    let mut n = 0;
    for plan in steps {
        // Missed while nobody reads: before the redeploy, and after it.
        server.publish_ok(KEY_A, "a", n + 1);
        assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
        server = plan.start_in(Arc::clone(&server.folder));
        until("it is ready", || server.send(&Request::get("/ready")).status == 200);
        server.publish_ok(KEY_A, "a", n + 2);
        let headers = [("x-api-key", KEY_A), ("last-event-id", &*cursor)];
        let mut stream: Sse = server.stream("/api/stream", &headers);
        assert_eq!(stream.connected()["resume"], "resumed");
        let frames = [stream.event(), stream.event()];
        let numbers: Vec<_> = frames.iter().map(crate::support::sse::number).collect();
        assert_eq!(numbers, [n + 1, n + 2]);
        cursor = frames[1].cursor().to_owned();
        n += 2;
    }
}

/// The row "redis, lost, not strict": degraded, memory, ready; delivered here, spooled,
/// merged when it is back; nothing lost or twice for readers of either replica.
#[test]
fn not_strict_and_redis_lost_is_served_here_and_merged_later() {
    for silent in [false, true] {
        let mut redis = Redis::start();
        let servers = [redis.plan().start(), redis.plan().start()];
        servers.iter().for_each(|server| drop(wait_for(server, "healthy")));
        let mut streams: Vec<_> =
            servers.iter().map(|server| server.stream_as(KEY_A, "/api/stream")).collect();
        streams.iter_mut().for_each(|stream| drop(stream.connected()));
        servers[0].publish_ok(KEY_A, "a", 1);
        // Both have it: what a replica has not seen when it is cut off, it can't give its readers.
        streams.iter_mut().for_each(|stream| assert_eq!(stream.numbers(1), [1]));
        if silent {
            redis.pause();
        } else {
            redis.shut_down();
        }
        for server in &servers {
            let health = eventually("it serves from memory", || {
                let (status, health) = realtime(server);
                let is_there = health["selected_backend"] == "memory";
                (status == 503 && is_there).then_some(health)
            });
            assert_eq!(health["status"], "degraded", "{health}");
            assert_eq!(server.send(&Request::get("/ready")).status, 200);
            let connected = server.stream_as(KEY_A, "/api/stream").connected();
            assert_eq!(
                (&connected["backend"], &connected["realtimeStatus"]),
                (&json!("memory"), &json!("degraded"))
            );
        }
        servers[0].publish_ok(KEY_A, "a", 10);
        servers[1].publish_ok(KEY_A, "a", 20);
        assert_eq!(streams[0].numbers(1), [10], "delivered on its own replica");
        assert_eq!(streams[1].numbers(1), [20]);
        for server in &servers {
            // Its own event, and what operators are told.
            assert!(server.metric("tidegate_spool_events") >= 1.0);
        }
        if silent {
            redis.go_on();
        } else {
            redis.run();
        }
        for server in &servers {
            wait_for(server, "healthy");
            until("all is merged", || server.metric("tidegate_spool_events") == 0.0);
        }
        assert_eq!(streams[0].numbers(1), [20], "the other's come after the merge");
        assert_eq!(streams[1].numbers(1), [10]);
        let ledgers = servers.each_ref().map(|s| s.get("/api/admin/ledger", KEY_ADMIN).text());
        assert_eq!(ledgers[0], ledgers[1]);
    }
}

/// The spool outlives a redeploy during the outage.
#[test]
fn what_was_taken_during_an_outage_outlives_a_redeploy() {
    let mut redis = Redis::start();
    let server = redis.plan().start();
    wait_for(&server, "healthy");
    let cursor = server.publish_ok(KEY_A, "a", 1);
    redis.shut_down();
    until("it serves from memory", || realtime(&server).1["selected_backend"] == "memory");
    server.publish_ok(KEY_A, "a", 2);
    let server = server.restart();
    server.publish_ok(KEY_A, "a", 3);
    redis.run();
    wait_for(&server, "healthy");
    assert_eq!(resumed(&server, &cursor, 2), [2, 3]);
}

/// A rollback in the midst of an outage, and the way back: nothing that was acknowledged is left
/// behind in the spool or in the windows.
#[test]
fn what_an_outage_and_a_rollback_took_is_in_redis_after_the_way_back() {
    let mut redis = Redis::start();
    let server = redis.plan().start();
    wait_for(&server, "healthy");
    let cursor = server.publish_ok(KEY_A, "a", 1);
    redis.shut_down();
    until("it serves from memory", || realtime(&server).1["selected_backend"] == "memory");
    server.publish_ok(KEY_A, "a", 2);
    let mut server = server;
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let folder = Arc::clone(&server.folder);
    let mut memory = Plan::with_keys().start_in(Arc::clone(&folder));
    memory.publish_ok(KEY_A, "a", 3);
    assert_eq!(resumed(&memory, &cursor, 2), [2, 3]);
    assert_eq!(memory.terminate(), Some(0), "{}", memory.log().text());
    redis.run();
    for _ in 0..2 {
        let mut server = redis.plan().start_in(Arc::clone(&folder));
        wait_for(&server, "healthy");
        assert_eq!(resumed(&server, &cursor, 2), [2, 3]);
        assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    }
}
