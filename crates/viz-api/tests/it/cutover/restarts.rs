//! Restarts after a switch, and two replicas.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    cutover, finalise, memory_plan, records, rests,
    serving::{Publishers, assert_complete, read_sse, read_ws},
    settled, undo,
};
use crate::{
    redis::realtime,
    support::{
        redis::Redis,
        server::{KEY_A, Plan, Server},
        wait::until,
    },
};

/// Returns what a page after a cursor has, and that nothing is missing.
#[track_caller]
fn numbers_after(server: &Server, cursor: &str) -> Vec<u64> {
    let page = server.get(&format!("/api/events?limit=500&after={cursor}"), KEY_A).json();
    assert_eq!(page["gap"], Value::Null, "{page}");
    let events = page["events"].as_array().expect("events");
    events.iter().filter_map(|event| event["payload"]["n"].as_u64()).collect()
}

#[test]
fn the_settings_win_and_nothing_is_lost() {
    for is_finalised in [false, true] {
        let redis = Redis::start();
        let server = memory_plan(&redis).start();
        let first = server.publish_ok(KEY_A, "a", 0);
        settled(&server, &cutover(&server, "redis"), "switched", "redis");
        if is_finalised {
            settled(&server, &finalise(&server), "idle", "redis");
        }
        let second = server.publish_ok(KEY_A, "a", 1);
        let server = server.restart();
        let health = realtime(&server).1;
        assert_eq!(
            (&health["selected_backend"], &health["reason"]),
            (&json!("memory"), &Value::Null)
        );
        server.publish_ok(KEY_A, "a", 2);
        assert_eq!(numbers_after(&server, &first), [1, 2]);
        assert_eq!(numbers_after(&server, &second), [2]);
        until("the start is put down", || {
            records(&server).last().is_some_and(|record| record["from"] == "restart")
        });
        let last = records(&server).pop().expect("there is one");
        assert_eq!(
            (&last["owner"], &last["streams_lossy"]),
            (&json!("memory"), &json!(0)),
            "{last}"
        );
    }
}

#[test]
fn a_crash_after_a_switch_loses_nothing() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    let first = server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    (1..6).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let server = server.crash_and_restart();
    assert_eq!(realtime(&server).1["selected_backend"], "memory");
    assert_eq!(numbers_after(&server, &first), [1, 2, 3, 4, 5]);
}

#[test]
fn a_switch_to_memory_is_undone_by_a_restart_with_redis() {
    let redis = Redis::start();
    let server = redis.plan().start();
    let first = server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "memory"), "switched", "memory");
    assert!(realtime(&server).1["reason"].as_str().is_some_and(|reason| reason.contains("redis")));
    server.publish_ok(KEY_A, "a", 1);
    settled(&server, &finalise(&server), "idle", "memory");
    let second = server.publish_ok(KEY_A, "a", 2);
    let server = server.restart();
    until("Redis has it all", || realtime(&server).0 == 200);
    assert_eq!(realtime(&server).1["selected_backend"], "redis");
    server.publish_ok(KEY_A, "a", 3);
    assert_eq!(numbers_after(&server, &first), [1, 2, 3]);
    assert_eq!(numbers_after(&server, &second), [3]);
}

#[test]
fn an_undone_switch_to_memory_leaves_no_windows_that_a_crash_could_take_for_news() {
    let redis = Redis::start();
    let server = redis.plan().start();
    let first = server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "memory"), "switched", "memory");
    server.publish_ok(KEY_A, "a", 1);
    settled(&server, &undo(&server), "idle", "redis");
    server.publish_ok(KEY_A, "a", 2);
    let windows = || {
        let entries = std::fs::read_dir(server.state_dir()).expect("it is listed");
        let names = entries.map(|entry| entry.expect("it is listed").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".window")).count()
    };
    until("there are none", || windows() == 0);
    let server = server.crash_and_restart();
    until("it serves", || realtime(&server).0 == 200);
    assert_eq!(numbers_after(&server, &first), [1, 2]);
}

#[test]
fn a_restart_without_redis_tells_of_what_may_be_missing() {
    let mut redis = Redis::start();
    let server = memory_plan(&redis).start();
    let first = server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    redis.kill();
    let server = server.restart();
    let page = server.get(&format!("/api/events?after={first}"), KEY_A).json();
    assert_eq!(page["gap"]["reason"], "data_loss", "{page}");
    server.publish_ok(KEY_A, "a", 1);
}

#[test]
fn a_damaged_record_is_set_aside_and_the_worst_is_reckoned_with() {
    let redis = Redis::start();
    let mut server = memory_plan(&redis).start();
    server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    std::fs::write(server.state_dir().join("switch"), "nonsense").expect("it is written");
    let server = memory_plan(&redis).start_in(Arc::clone(&server.folder));
    let page = server.get("/api/events", KEY_A).json();
    let count = page["events"].as_array().map(Vec::len);
    assert_eq!(count, Some(2), "what Redis has is served: {page}");
    let names = std::fs::read_dir(server.state_dir()).expect("it is listed");
    let names = names.map(|entry| entry.expect("it is listed").file_name());
    assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with("switch.damaged-")));
}

#[test]
fn two_replicas_go_over_to_one_redis_and_are_one_log() {
    let redis = Redis::start();
    let servers = [0; 2].map(|_| Arc::new(memory_plan(&redis).start()));
    let cursors = servers.each_ref().map(|server| server.publish_ok(KEY_A, "a", 0));
    for server in &servers {
        settled(server, &cutover(server, "redis"), "switched", "redis");
    }
    // Each replica's own cursor is good on the other one too.
    for server in &servers {
        for cursor in &cursors {
            let after = numbers_after(server, cursor);
            assert!(after.len() <= 1, "{after:?}");
        }
    }
    let readers = vec![read_sse(&servers[0]), read_ws(&servers[1])];
    let publishers = Publishers::start(&servers[0], 2);
    publishers.wait_for_more(30);
    let acknowledged = publishers.stop();
    assert_complete(&servers[1], &acknowledged, readers);
}

#[test]
fn one_switch_at_a_time_over_all_replicas() {
    let redis = Redis::start();
    let servers = [0; 2].map(|_| memory_plan(&redis).start());
    settled(&servers[0], &cutover(&servers[0], "redis"), "switched", "redis");
    let lease = "dashclaw:ops:switch";
    let holder: String = redis.command(redis::cmd("HGET").arg(lease).arg("holder"));
    assert_eq!(holder, "", "it is given back at the end");
    // Another replica holds it, until long after this test.
    let mut take = redis::cmd("HSET");
    take.arg(lease).arg("holder").arg("another").arg("until").arg(i64::from(u32::MAX) * 1000);
    redis.command::<u64>(&mut take);
    let answer = cutover(&servers[1], "redis");
    assert!([202, 409].contains(&answer.status), "{answer:?}");
    let refused = rests(&servers[1])["error"].clone();
    assert_eq!(refused["kind"], "elsewhere", "{refused}");
    assert!(refused["message"].as_str().is_some_and(|why| why.contains("replica another")));
    redis.command::<u64>(redis::cmd("DEL").arg(lease));
    settled(&servers[1], &cutover(&servers[1], "redis"), "switched", "redis");
    let both = std::thread::scope(|scope| {
        let asks = servers.each_ref().map(|server| scope.spawn(|| undo(server).status));
        asks.map(|ask| ask.join().expect("it is answered"))
    });
    assert!(both.iter().all(|status| [200, 202, 409].contains(status)), "{both:?}");
    for server in &servers {
        if rests(server)["state"] != "idle" {
            settled(server, &undo(server), "idle", "memory");
        }
    }
}

#[test]
fn a_server_without_redis_starts_after_a_switch_and_says_what_it_lacks() {
    let redis = Redis::start();
    let mut server = memory_plan(&redis).start();
    let first = server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let server = Plan::with_keys().start_in(Arc::clone(&server.folder));
    let page = server.get(&format!("/api/events?after={first}"), KEY_A).json();
    assert_eq!(page["gap"]["reason"], "data_loss", "{page}");
}
