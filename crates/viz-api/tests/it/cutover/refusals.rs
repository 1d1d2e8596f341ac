//! What is refused, in which words; after each the server goes on as before.

use std::io::{BufReader, Write};

use serde_json::{Value, json};

use super::{ask, cutover, finalise, memory_plan, records, rests, settled, status, undo};
use crate::support::{
    http::{Request, connect, read_answer, read_head},
    redis::Redis,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
    tokens::{SECRET, claims, hs256},
    wait::until,
};

const PATHS: [&str; 3] =
    ["/api/admin/cutover", "/api/admin/cutover/undo", "/api/admin/cutover/finalise"];

/// Checks that events go in and out.
fn assert_serves(server: &Server, n: u64) {
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.connected();
    server.publish_ok(KEY_A, "a", n);
    assert_eq!(stream.numbers(1), [n]);
}

#[test]
fn only_the_scope_admin_may_switch_or_look() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    let requests = PATHS.map(Request::post).into_iter().chain([Request::get(PATHS[0])]);
    for request in requests {
        server.send(&request).assert_error(401, "unauthorized");
        server.send(&request.clone().key("no-such-key")).assert_error(401, "unauthorized");
        let said = server.send(&request.key(KEY_A).json(r#"{"to":"redis"}"#));
        assert!(said.assert_error(403, "forbidden").contains("admin"));
    }
    assert_eq!(status(&server)["state"], "idle");
    assert!(records(&server).is_empty());
}

#[test]
fn bodies_that_make_no_sense() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    for body in
        ["", "{}", "[]", "redis", r#"{"to":"disk"}"#, r#"{"to":1}"#, r#"{"to":"redis","x":1}"#]
    {
        ask(&server, PATHS[0], body).assert_error(400, "validation_error");
    }
    for path in [PATHS[1], PATHS[2]] {
        ask(&server, path, r#"{"to":"redis"}"#).assert_error(400, "validation_error");
    }
    let plain = Request::post(PATHS[0]).key(KEY_ADMIN).header("content-type", "text/plain");
    server.send(&plain.body(br#"{"to":"redis"}"#)).assert_error(415, "unsupported");
    ask(&server, PATHS[0], &"x".repeat(5000)).assert_error(413, "too_large");
    assert_eq!(status(&server)["state"], "idle");
}

#[test]
fn without_redis_the_setting_is_named() {
    let server = Plan::with_keys().start();
    let said = cutover(&server, "redis").assert_error(422, "unprocessable");
    assert!(said.contains("REDIS_URL"), "{said}");
    assert_eq!(status(&server)["error"], Value::Null);
    assert_serves(&server, 1);
}

#[test]
fn the_backend_in_use_and_asks_too_early_change_nothing() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    let before = status(&server);
    for answer in [cutover(&server, "memory"), undo(&server), finalise(&server)] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), before);
    }
    assert!(records(&server).is_empty(), "nothing happened");
}

#[test]
fn one_at_a_time_and_not_finalised_before_it_is_compared() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    assert_serves(&server, 1);
    redis.pause();
    assert_eq!(cutover(&server, "redis").status, 202, "it waits for Redis");
    let again = cutover(&server, "redis");
    assert_eq!((again.status, &again.json()["is_running"]), (202, &json!(true)), "{again:?}");
    cutover(&server, "memory").assert_error(409, "conflict");
    finalise(&server).assert_error(409, "conflict");
    assert_serves(&server, 2);
    // An undo ends it at once.
    settled(&server, &undo(&server), "idle", "memory");
    redis.go_on();
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    assert_serves(&server, 3);
}

#[test]
fn what_stopped_says_why_and_is_not_finalised() {
    let mut redis = Redis::start();
    let server = memory_plan(&redis).start();
    assert_serves(&server, 1);
    redis.kill();
    let answer = cutover(&server, "redis");
    assert!([202, 503].contains(&answer.status), "{answer:?}");
    let stopped = rests(&server);
    assert_eq!(stopped["error"]["kind"], "unreachable", "{stopped}");
    assert_eq!(server.metric("tidegate_cutover_stopped"), 1.0);
    finalise(&server).assert_error(409, "conflict");
    assert_serves(&server, 2);
    redis.run();
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    assert_eq!(server.metric("tidegate_cutover_stopped"), 0.0);
    assert_serves(&server, 3);
}

/// Asks for Redis, which refuses; then takes it back.
fn stops_for(redis: &Redis, kinds: &[&str]) {
    let server = memory_plan(redis).start();
    (1..50).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let answer = cutover(&server, "redis");
    assert!([202, 503].contains(&answer.status), "{answer:?}");
    let stopped = rests(&server);
    let kind = stopped["error"]["kind"].as_str().unwrap_or_default();
    assert!(kinds.contains(&kind), "{stopped}");
    assert_eq!(stopped["owner"], "memory", "{stopped}");
    assert_serves(&server, 50);
    settled(&server, &undo(&server), "idle", "memory");
    assert_serves(&server, 51);
}

#[test]
fn a_redis_that_is_full() {
    let redis = Redis::start();
    let set = |name: &str, value: &str| {
        redis.command::<()>(redis::cmd("CONFIG").arg("SET").arg(name).arg(value));
    };
    set("maxmemory-policy", "noeviction");
    set("maxmemory", "1");
    stops_for(&redis, &["full", "unreachable"]);
}

#[test]
fn a_redis_that_is_read_only() {
    let redis = Redis::start();
    redis.command::<()>(redis::cmd("REPLICAOF").arg("127.0.0.1").arg("9"));
    stops_for(&redis, &["read_only", "unreachable"]);
}

#[test]
fn a_redis_that_has_newer_epochs_of_ours_loses_nothing_by_it() {
    let redis = Redis::start();
    let mut server = memory_plan(&redis).start();
    let first = server.publish_ok(KEY_A, "a", 1);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    settled(&server, &finalise(&server), "idle", "redis");
    server.publish_ok(KEY_A, "a", 2);
    // A process that knows nothing of the switch goes on from the window of before.
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    std::fs::remove_file(server.state_dir().join("switch")).expect("it was written");
    let old = memory_plan(&redis).start();
    let mine = old.publish_ok(KEY_A, "a", 3);
    settled(&old, &cutover(&old, "redis"), "switched", "redis");
    let after = |cursor: &str| {
        let page = old.get(&format!("/api/events?after={cursor}"), KEY_A).json();
        assert_eq!(page["gap"], Value::Null, "{page}");
        let events = page["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["payload"]["n"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(after(&first), [2, 3], "who read before the switch goes on");
    assert_eq!(after(&mine), [1, 2], "who read this process's own log alone gets the others");
}

#[test]
fn memory_may_not_serve_where_redis_is_enforced() {
    let redis = Redis::start();
    let server = redis.strict_plan().start();
    let said = cutover(&server, "memory").assert_error(409, "conflict");
    assert!(said.contains("REALTIME_ENFORCE_REDIS"), "{said}");
    assert_serves(&server, 1);
}

#[test]
fn a_draining_server_refuses() {
    let redis = Redis::start();
    let mut server = memory_plan(&redis).start();
    // A request that was begun before the end is answered; its switch is not begun any more.
    let body = r#"{"to":"redis"}"#;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: test\r\nx-api-key: {KEY_ADMIN}\r\nexpect: 100-continue\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        PATHS[0],
        body.len()
    );
    let mut late = BufReader::new(connect(server.address));
    late.get_mut().write_all(head.as_bytes()).expect("it is taken");
    // It is let in once its body is asked for.
    assert_eq!(read_head(&mut late).status, 100);
    server.signal("-TERM");
    until("it drains", || server.log().phases().contains(&"draining".to_owned()));
    late.get_mut().write_all(body.as_bytes()).expect("it is taken");
    let answer = read_answer(&mut late, false);
    let said = answer.assert_error(503, "unavailable");
    assert!(said.contains("draining"), "{said}");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log().text());
}

#[test]
fn a_token_is_named_by_its_subject() {
    let redis = Redis::start();
    let server = memory_plan(&redis).set("TIDEGATE_JWT_HS256_SECRET", SECRET).start();
    let token = hs256(&claims("admin"));
    let request = Request::post(PATHS[0]).bearer(&token).json(r#"{"to":"redis"}"#);
    assert!([200, 202].contains(&server.send(&request).status));
    assert_eq!(rests(&server)["actor"], "token user-1 of org_a");
}
