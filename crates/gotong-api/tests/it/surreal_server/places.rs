//! Who may serve a database beside whom.

use faults::RedisServer;
use serde_json::json;

use super::{Database, database_is};
use crate::support::{
    server::{ALICE, Plan},
    wait::until,
};

fn with_redis(plan: &Plan, redis: &RedisServer) -> Plan {
    plan.clone().set("REDIS_URL", redis.url()).set("CHAT_REALTIME_TRANSPORT", "redis")
}

#[test]
fn a_second_process_without_redis_is_refused_by_name() {
    let database = Database::start();
    let redis = database.runtime.block_on(RedisServer::start());
    let alone = database.plan();
    let shared = with_redis(&alone, &redis);
    let first = alone.start();
    for plan in [&alone, &shared] {
        let (code, log) = plan.run();
        assert_eq!(code, Some(69), "{log}");
        assert!(log.contains("serves this database alone"), "{log}");
        assert!(log.contains("CHAT_REALTIME_TRANSPORT=redis"), "it says what to do: {log}");
    }
    let thread = first.thread(ALICE, "public");
    first.say(ALICE, &thread, "one");
    // Ended in order it leaves nobody waiting; several may be there that share their logs.
    let first = first.restart();
    assert_eq!(first.bodies(ALICE, &thread, 0), ["one"]);
    first.end();
    let replicas = [shared.start(), shared.start()];
    assert_eq!(replicas[0].bodies(ALICE, &thread, 0), ["one"]);
    let (code, log) = alone.run();
    assert_eq!(code, Some(69), "{log}");
    assert!(log.contains("serves this database with others"), "{log}");
}

#[test]
fn one_that_was_paused_until_another_took_its_place_writes_nothing_more() {
    let database = Database::start();
    let plan = database.plan();
    let paused = plan.start();
    let thread = paused.thread(ALICE, "public");
    paused.say(ALICE, &thread, "one");
    paused.signal("-STOP");
    // Its row must be too old first.
    let other = plan.start();
    assert_eq!(other.say(ALICE, &thread, "two")["seq"], 2);
    paused.signal("-CONT");
    let refused = paused.try_say(ALICE, &thread, "three", "r-3");
    refused.assert_error(503, "unavailable");
    until("health says so", || database_is(&paused, "unhealthy"));
    let threads = "/v1/chat/threads";
    let body = json!({"scope_id": "scope", "privacy_level": "public"});
    paused.post(ALICE, threads, &body).assert_error(503, "unavailable");
    assert_eq!(other.say(ALICE, &thread, "three")["seq"], 3);
    assert_eq!(other.bodies(ALICE, &thread, 0), ["one", "two", "three"]);
}

#[test]
fn replicas_with_one_log_must_have_one_database() {
    let database = Database::start();
    let redis = database.runtime.block_on(RedisServer::start());
    let (code, log) = with_redis(&Plan::new("embedded"), &redis).run();
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("DATA_BACKEND=surreal"), "{log}");
}

#[test]
fn replicas_with_one_database_must_have_one_log() {
    let database = Database::start();
    let redis = database.runtime.block_on(RedisServer::start());
    let shared = with_redis(&database.plan(), &redis);
    let first = shared.start();
    let thread = first.thread(ALICE, "public");
    first.say(ALICE, &thread, "one");
    let (code, log) = shared.clone().set("CHAT_REALTIME_CHANNEL_PREFIX", "gotong:other").run();
    assert_eq!(code, Some(69), "{log}");
    let says = |text: &str| log.contains(text);
    assert!(says("under another prefix") && says("CHAT_REALTIME_CHANNEL_PREFIX"), "{log}");
    assert!(!says("gotong:other"), "prefixes are not shown: {log}");
    assert_eq!(first.say(ALICE, &thread, "two")["seq"], 2);
}

#[test]
fn a_start_that_fails_gives_its_place_back() {
    let database = Database::start();
    let redis = database.runtime.block_on(RedisServer::start());
    let alone = database.plan();
    let broken = with_redis(&alone, &redis).set("TIDEGATE_REDIS_CA_FILE", "missing.pem");
    let (code, log) = broken.run();
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("the CA file missing.pem can't be read"), "{log}");
    let server = alone.start();
    let log = server.log().text();
    assert!(!log.contains("waiting for a process that may have ended"), "{log}");
}
