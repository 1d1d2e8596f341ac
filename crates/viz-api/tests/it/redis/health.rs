//! The rows of the health table in which Redis is there.

use serde_json::json;

use super::wait_for;
use crate::support::{
    http::Request,
    redis::Redis,
    server::{KEY_A, Plan},
    ws::Ws,
};

#[test]
fn with_redis_all_is_well_strict_or_not() {
    for strict in ["false", "true"] {
        let redis = Redis::start();
        let server = redis.plan().set("REALTIME_ENFORCE_REDIS", strict).start();
        let health = wait_for(&server, "healthy");
        for (field, value) in [
            ("status", json!("healthy")),
            ("reason", json!(null)),
            ("requested_backend", json!("redis")),
            ("selected_backend", json!("redis")),
            ("redis_configured", json!(true)),
            ("enforce_redis_cutover", json!(strict == "true")),
            ("replay_window_seconds", json!(600)),
            ("replay_max_events", json!(1000)),
        ] {
            assert_eq!(health[field], value, "{field}");
        }
        assert!(health["probe_ms"].as_f64().is_some_and(|ms| ms >= 0.0), "{health}");
        assert!(health["epoch"].as_str().is_some_and(|epoch| epoch.len() == 13), "{health}");
        let ready = server.send(&Request::get("/ready"));
        assert_eq!((ready.status, &ready.json()["checks"]["realtime"]), (200, &json!("ok")));
        let connected = server.stream_as(KEY_A, "/api/stream").connected();
        assert_eq!(
            (&connected["backend"], &connected["realtimeStatus"]),
            (&json!("redis"), &json!("healthy"))
        );
        let mut web = Ws::try_open(server.address, "/api/ws", &[("x-api-key", KEY_A)]);
        let connected = web.expect("connected");
        assert_eq!(
            (&connected["backend"], &connected["realtimeStatus"]),
            (&json!("redis"), &json!("healthy"))
        );
        let listening = server.log().entries();
        let listening = listening.iter().find(|entry| entry["message"] == "viz-api listening");
        assert_eq!(listening.expect("it is logged")["backend"], "redis");
    }
}

/// The probe is a stream of its own: what ails another one is known by who meets it.
#[test]
fn a_stream_that_a_hand_damaged_is_named_and_counted() {
    let redis = Redis::start();
    let server = redis.plan().start();
    wait_for(&server, "healthy");
    server.publish_ok(KEY_A, "a", 1);
    let key = "dashclaw:org:org_a:meta";
    let kept: String = redis.command(redis::cmd("HGET").arg(key).arg("lineage"));
    let set = |lineage: &str| {
        let _: u64 = redis.command(redis::cmd("HSET").arg(key).arg("lineage").arg(lineage));
    };
    set("junk");
    let body = r#"{"event":"a","payload":{}}"#;
    let answer = server.send(&Request::post("/api/events").key(KEY_A).json(body));
    assert_eq!(answer.status, 503, "{}", answer.text());
    let health = wait_for(&server, "degraded");
    assert!(health["reason"].as_str().is_some_and(|reason| reason.contains(key)), "{health}");
    assert_eq!(server.metric("tidegate_streams_unusable"), 1.0);
    assert_eq!(server.send(&Request::get("/ready")).status, 200, "the others go on");
    set(&kept);
    wait_for(&server, "healthy");
    assert_eq!(server.metric("tidegate_streams_unusable"), 0.0);
    server.publish_ok(KEY_A, "a", 2);
}

/// The probe is an event that was published and delivered, not an answer to a PING.
#[test]
fn the_probe_goes_through_redis_and_each_replica_has_its_own() {
    let redis = Redis::start();
    let servers = [redis.plan().start(), redis.plan().start()];
    let mut names = Vec::new();
    for server in &servers {
        wait_for(server, "healthy");
        let health = server.send(&Request::get("/api/health")).json();
        let name = health["checks"]["runtime"]["replica"].as_str().expect("it has a name");
        let mut length = redis::cmd("XLEN");
        let probes: u64 = redis.command(length.arg(format!("dashclaw:probe:{name}:stream")));
        assert!(probes > 0);
        names.push(name.to_owned());
    }
    assert_ne!(names[0], names[1]);
    let page = servers[0].get("/api/events", KEY_A).json();
    assert_eq!(page["events"], json!([]), "no client ever sees a probe");
}

#[test]
fn a_replica_keeps_its_name_over_a_restart() {
    let redis = Redis::start();
    let name = |server: &crate::support::server::Server| {
        server.send(&Request::get("/api/health")).json()["checks"]["runtime"]["replica"].clone()
    };
    let server = redis.plan().start();
    let before = name(&server);
    assert!(before.is_string(), "{before}");
    assert_eq!(name(&server.restart()), before);
    assert_eq!(name(&Plan::with_keys().start()), json!(null), "one alone has none");
}

#[test]
fn what_redis_feeds_is_counted_only_with_it() {
    let redis = Redis::start();
    let with = redis.plan().start();
    with.publish_ok(KEY_A, "a", 1);
    let text =
        |server: &crate::support::server::Server| server.send(&Request::get("/metrics")).text();
    for family in [
        "tidegate_redis_reconnects_total 0",
        "tidegate_spool_events 0",
        "tidegate_streams_unusable 0",
    ] {
        assert!(text(&with).lines().any(|line| line == family), "{family}");
    }
    let series = r#"tidegate_events_published_total{backend="redis",result="stored"}"#;
    assert_eq!(with.metric(series), 1.0);
    let without = text(&Plan::with_keys().start());
    assert!(!without.contains("redis") && !without.contains("spool"), "{without}");
}
