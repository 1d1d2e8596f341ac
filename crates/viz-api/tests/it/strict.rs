//! `REALTIME_ENFORCE_REDIS` with the memory backend: realtime is refused, after the credential.

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan},
};

#[test]
fn strict_mode_refuses_realtime_after_auth() {
    let server = Plan::with_keys().set("REALTIME_ENFORCE_REDIS", "true").start();
    let requests = || {
        [
            Request::post("/api/events").json(r#"{"event":"a"}"#),
            Request::get("/api/events"),
            Request::get("/api/stream"),
            Request::post("/api/stream/ticket"),
            Request::get("/api/admin/ledger"),
            Request::get("/api/ws")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
    };
    for request in requests() {
        let answer = server.send(&request.clone().key(KEY_ADMIN));
        assert!(answer.assert_error(503, "unavailable").contains("REALTIME_ENFORCE_REDIS"));
        assert!(
            answer.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok_and(|s| s > 0))
        );
        server.send(&request).assert_error(401, "unauthorized");
    }
    server.publish("key-a-subscribe-only", r#"{"event":"a"}"#).assert_error(403, "forbidden");
    server.get("/api/stream", "key-a-publish-only").assert_error(403, "forbidden");
    server.get("/api/stream?stream=ops", KEY_A).assert_error(403, "forbidden");
}

#[test]
fn strict_mode_is_not_ready_and_says_why() {
    for word in ["1", "true", "YES", "On"] {
        let server = Plan::with_keys().set("REALTIME_ENFORCE_REDIS", word).start();
        assert_eq!(server.send(&Request::get("/health")).status, 200, "it lives");
        let ready = server.send(&Request::get("/ready"));
        assert_eq!((ready.status, &ready.json()["checks"]["realtime"]), (503, &"unhealthy".into()));
        let health = server.send(&Request::get("/api/health"));
        let body = health.json();
        assert_eq!((health.status, &body["status"]), (503, &"degraded".into()));
        let realtime = &body["checks"]["realtime"];
        assert_eq!(
            (&realtime["status"], &realtime["enforce_redis_cutover"]),
            (&"unhealthy".into(), &true.into())
        );
        assert_eq!(
            (&realtime["requested_backend"], &realtime["redis_configured"]),
            (&"memory".into(), &false.into())
        );
        assert!(realtime["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{realtime}");
    }
    let server = Plan::with_keys().set("REALTIME_ENFORCE_REDIS", "off").start();
    assert_eq!(server.send(&Request::get("/ready")).status, 200);
}
