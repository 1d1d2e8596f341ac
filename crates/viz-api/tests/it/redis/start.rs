//! Starting with Redis: without its address, with one that is none, and without Redis itself.

use super::{realtime, wait_for};
use crate::support::{
    http::Request,
    redis::Redis,
    server::{KEY_A, Plan},
    wait::until,
};

#[test]
fn without_its_address_it_does_not_start() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    for strict in ["false", "true"] {
        let plan = Plan::with_keys().set("REALTIME_BACKEND", "redis");
        let (code, text) = plan.set("REALTIME_ENFORCE_REDIS", strict).run_in(folder.path());
        assert_eq!(code, 64, "{text}");
        assert!(text.contains("REDIS_URL") && text.contains("1 problem"), "{text}");
    }
    assert!(!folder.path().join("tidegate-data").exists(), "nothing was taken up");
}

#[test]
fn an_address_that_is_none_is_named_and_not_shown() {
    for url in ["hidden-host:6379", "redis://:hidden-password@[", "redis://:hidden@a:b:c/"] {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let plan = Plan::with_keys().set("REALTIME_BACKEND", "redis").set("REDIS_URL", url);
        let (code, text) = plan.run_in(folder.path());
        assert_eq!(code, 64, "{text}");
        assert!(text.contains("REDIS_URL") && !text.contains("hidden"), "{text}");
    }
}

/// An outage must not stop a redeploy.
#[test]
fn without_redis_it_starts_and_heals() {
    for strict in [false, true] {
        let mut redis = Redis::start();
        let plan = redis.plan().set("REALTIME_ENFORCE_REDIS", strict.to_string());
        redis.kill();
        let server = plan.start();
        let (status, health) = realtime(&server);
        assert_eq!((status, &health["requested_backend"]), (503, &"redis".into()), "{health}");
        assert_ne!(health["status"], "healthy");
        if strict {
            assert_eq!(health["status"], "unhealthy");
            assert_eq!(server.send(&Request::get("/ready")).status, 503);
            server.get("/api/stream", KEY_A).assert_error(503, "unavailable");
        }
        redis.run();
        wait_for(&server, "healthy");
        until("it is ready", || server.send(&Request::get("/ready")).status == 200);
        let mut stream = server.stream_as(KEY_A, "/api/stream");
        assert_eq!(stream.connected()["backend"], "redis");
        server.publish_ok(KEY_A, "a", 1);
        assert_eq!(stream.numbers(1), [1]);
    }
}

#[test]
fn the_windows_of_the_memory_backend_come_back_with_it() {
    let redis = Redis::start();
    let memory = Plan::with_keys();
    let mut server = memory.start();
    let cursor = server.publish_ok(KEY_A, "a", 1);
    assert_eq!(server.terminate(), Some(0));
    let folder = std::sync::Arc::clone(&server.folder);
    let mut with_redis = redis.plan().start_in(std::sync::Arc::clone(&folder));
    with_redis.publish_ok(KEY_A, "a", 2);
    assert_eq!(with_redis.terminate(), Some(0), "{}", with_redis.log().text());
    let server = memory.start_in(folder);
    let page = server.get(&format!("/api/events?after={cursor}"), KEY_A).json();
    assert_eq!(page["gap"], serde_json::json!(null), "{page}");
}

/// The password is in no line, whatever the log is asked to say.
#[test]
fn a_password_stays_out_of_the_log() {
    let options = faults::ServerOptions {
        password: Some("hidden-password".to_owned()),
        ..faults::ServerOptions::default()
    };
    let mut redis = Redis::start_with(options);
    let mut server = redis.plan().set("TIDEGATE_LOG", "trace").start();
    wait_for(&server, "healthy");
    server.publish_ok(KEY_A, "a", 1);
    redis.kill();
    until("it is missed", || realtime(&server).0 == 503);
    assert!(!server.send(&Request::get("/api/health")).text().contains("hidden"));
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    assert!(!server.log().text().contains("hidden"));
}
