//! What health and readiness say when all is well.

use serde_json::json;

use crate::support::{
    http::Request,
    server::{KEY_A, Plan},
};

#[test]
fn health_comes_from_a_probe_of_the_real_path() {
    let plan = Plan::with_keys().set("REALTIME_REPLAY_WINDOW_SECONDS", "120");
    let server = plan.set("REALTIME_REPLAY_MAX_EVENTS", "250").start();
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.connected();
    let answer = server.send(&Request::get("/api/health"));
    let health = answer.json();
    assert_eq!((answer.status, &health["status"]), (200, &json!("healthy")));
    let mut fields: Vec<_> = health.as_object().expect("an object").keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["checks", "status", "timestamp", "version"]);
    let realtime = health["checks"]["realtime"].as_object().expect("an object");
    let mut fields: Vec<_> = realtime.keys().cloned().collect();
    fields.sort();
    let expected = [
        "enforce_redis_cutover",
        "epoch",
        "probe_ms",
        "reason",
        "redis_configured",
        "replay_max_events",
        "replay_window_seconds",
        "requested_backend",
        "selected_backend",
        "status",
    ];
    assert_eq!(fields, expected);
    for (field, value) in [
        ("status", json!("healthy")),
        ("reason", json!(null)),
        ("requested_backend", json!("memory")),
        ("selected_backend", json!("memory")),
        ("redis_configured", json!(false)),
        ("enforce_redis_cutover", json!(false)),
        ("replay_window_seconds", json!(120)),
        ("replay_max_events", json!(250)),
    ] {
        assert_eq!(realtime[field], value, "{field}");
    }
    assert!(realtime["probe_ms"].as_f64().is_some_and(|ms| ms >= 0.0), "{health}");
    assert!(realtime["epoch"].as_str().is_some_and(|epoch| epoch.len() == 13), "{health}");
    assert_eq!(health["checks"]["runtime"]["open_streams"], 1, "the probe's own do not count");
    assert_eq!(health["checks"]["runtime"]["status"], "healthy");
    assert!(health["checks"]["database"]["status"].is_string());
}

#[test]
fn many_may_ask_for_health_at_once() {
    let server = Plan::with_keys().start();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let answer = server.send(&Request::get("/api/health"));
                    assert_eq!(answer.status, 200, "{}", answer.text());
                }
            });
        }
    });
    let page = server.get("/api/events", KEY_A).json();
    assert_eq!(page["events"], json!([]), "no client ever sees a probe");
}

#[test]
fn liveness_and_readiness_are_two_answers() {
    let server = Plan::with_keys().start();
    let live = server.send(&Request::get("/health"));
    assert_eq!((live.status, &live.json()["status"]), (200, &json!("ok")));
    assert!(live.json()["version"].is_string());
    let ready = server.send(&Request::get("/ready"));
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ok")));
    assert_eq!(
        ready.json()["checks"],
        json!({
            "lifecycle": "ready",
            "realtime": "ok",
            "database": "unused",
            "ingest": {"status": "off", "mode": "off", "reasons": []},
        })
    );
}
