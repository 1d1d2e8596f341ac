//! Strict, and Redis lost: killed, or stopped with its connections open.

use serde_json::json;

use super::{realtime, told, wait_for};
use crate::support::{
    http::Request,
    redis::Redis,
    server::{KEY_A, KEY_ADMIN, KEY_B, Server},
    wait::until,
    ws::Ws,
};

/// Everything that realtime refuses, with the credential of somebody who may.
fn requests() -> [Request; 6] {
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
}

fn assert_refuses(server: &Server) {
    let refused = wait_for(server, "unhealthy");
    assert_eq!(refused["selected_backend"], "redis", "{refused}");
    assert!(refused["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{refused}");
    assert_eq!(realtime(server).0, 503);
    until("it is not ready", || server.send(&Request::get("/ready")).status == 503);
    let ready = server.send(&Request::get("/ready")).json();
    let checks = json!({"lifecycle": "ready", "realtime": "unhealthy", "database": "unused", "ingest": {"status": "off", "mode": "off", "reasons": []}});
    assert_eq!(ready["checks"], checks);
    assert_eq!(server.send(&Request::get("/health")).status, 200, "it lives");
    for request in requests() {
        let answer = server.send(&request.clone().key(KEY_ADMIN));
        assert!(answer.assert_error(503, "unavailable").contains("REALTIME_ENFORCE_REDIS"));
        let retry = answer.header("retry-after").and_then(|s| s.parse::<u32>().ok());
        assert!(retry.is_some_and(|s| s > 0), "{answer:?}");
        // The credential is looked at first.
        server.send(&request).assert_error(401, "unauthorized");
    }
}

fn wait_for_ready(server: &Server) {
    wait_for(server, "healthy");
    until("it is ready", || server.send(&Request::get("/ready")).status == 200);
}

#[test]
fn what_is_open_stays_and_goes_on_without_a_hole() {
    let mut redis = Redis::start();
    let servers = [redis.strict_plan().start(), redis.strict_plan().start()];
    let mut streams: Vec<_> =
        servers.iter().map(|server| server.stream_as(KEY_A, "/api/stream")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.connected()));
    let mut socket = Ws::following(&servers[0], KEY_A);
    servers[0].publish_ok(KEY_A, "a", 1);
    for is_paused in [true, false] {
        if is_paused {
            redis.pause();
        } else {
            redis.shut_down();
        }
        servers.iter().for_each(assert_refuses);
        if is_paused {
            redis.go_on();
        } else {
            redis.run();
        }
        servers.iter().for_each(wait_for_ready);
    }
    servers[1].publish_ok(KEY_A, "a", 2);
    for stream in &mut streams {
        let frames = [stream.event(), stream.event()];
        assert!(frames.iter().all(|frame| frame.is("a")), "no gap: {frames:?}");
    }
    assert_eq!(socket.numbers(2), [1, 2]);
    until("operators were told of both outages by both", || {
        let told = told(&servers[0], KEY_ADMIN, "health.changed");
        let of = |server: &Server, status: &str| {
            let health = server.send(&Request::get("/api/health")).json();
            let name = health["checks"]["runtime"]["replica"].clone();
            told.iter().filter(|t| t["status"] == status && t["replica"] == name).count()
        };
        servers.iter().all(|server| of(server, "unhealthy") >= 2 && of(server, "healthy") >= 2)
    });
    assert!(servers[0].metric("tidegate_redis_reconnects_total") >= 1.0);
}

/// What was refused was not stored, and what was in flight is told as unavailable.
#[test]
fn a_publish_into_a_silent_redis_is_answered() {
    let redis = Redis::start();
    let server = redis.strict_plan().start();
    server.publish_ok(KEY_B, "a", 1);
    redis.pause();
    let answer = server.publish(KEY_B, r#"{"event":"a","payload":{"n":2}}"#);
    answer.assert_error(503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    let stream =
        crate::support::sse::Sse::try_open(server.address, "/api/stream", &[("x-api-key", KEY_B)]);
    assert_eq!(stream.head.status, 503);
    redis.go_on();
    wait_for_ready(&server);
    server.publish_ok(KEY_B, "a", 3);
}
