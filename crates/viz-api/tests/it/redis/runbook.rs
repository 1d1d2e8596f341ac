//! The cutover's runbook, step by step, on two replicas and a real Redis: staging, production,
//! rollback, by settings and redeploy alone.
//!
//! What each step saw is printed (`--nocapture`).

use std::sync::Arc;

use serde_json::json;

use super::{realtime, told, wait_for};
use crate::support::{
    http::Request,
    redis::Redis,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
    wait::eventually,
};

/// A rollout of two replicas.
pub(super) struct Rollout {
    pub(super) replicas: [Server; 2],
}

/// The flags of the runbook.
pub(super) fn flags(plan: Plan, strict: bool) -> Plan {
    plan.set("REALTIME_ENFORCE_REDIS", strict.to_string())
        .set("REALTIME_REPLAY_WINDOW_SECONDS", "600")
        .set("REALTIME_REPLAY_MAX_EVENTS", "1000")
}

#[expect(clippy::print_stdout, reason = "who runs a procedure wants to see what it saw")]
fn saw(step: &str, what: &impl ToString) {
    println!("{step}: {}", what.to_string());
}

impl Rollout {
    pub(super) fn start(plan: &Plan) -> Self {
        Rollout { replicas: [0; 2].map(|_| plan.start()) }
    }

    /// Redeploys one replica after the other, each in its own folder.
    pub(super) fn redeploy(self, plan: &Plan) -> Self {
        let replicas = self.replicas.map(|mut replica| {
            assert_eq!(replica.terminate(), Some(0), "{}", replica.log().text());
            plan.start_in(Arc::clone(&replica.folder))
        });
        Rollout { replicas }
    }

    /// Validates `/api/health` and `/ready` in all instances.
    pub(super) fn validate_health(&self, step: &str, backend: &str, strict: bool) {
        for replica in &self.replicas {
            // Replicas that differ for a moment say so; that ends with the rollout.
            let health = eventually("the rollout has ended", || {
                let (status, health) = realtime(replica);
                (status == 200 && health["reason"].is_null()).then_some(health)
            });
            saw(step, &health);
            assert_eq!(health["status"], "healthy", "{health}");
            assert_eq!(health["selected_backend"], backend, "{health}");
            assert_eq!(health["enforce_redis_cutover"], strict, "{health}");
            assert_eq!(health["replay_window_seconds"], 600, "{health}");
            assert_eq!(health["replay_max_events"], 1000, "{health}");
            assert_eq!(replica.send(&Request::get("/ready")).status, 200);
        }
    }

    /// Connects to `/api/stream` in all instances and looks at `connected.backend`.
    fn validate_stream(&self, step: &str, backend: &str) {
        for replica in &self.replicas {
            let connected = replica.stream_as(KEY_A, "/api/stream").connected();
            saw(step, &connected);
            assert_eq!(connected["backend"], backend, "{connected}");
            assert_eq!(connected["realtimeStatus"], "healthy", "{connected}");
        }
    }

    /// Captures an SSE `id`, reconnects with `Last-Event-ID` on either replica, and confirms that
    /// the missed events replay, in order and once.
    fn validate_replay(&self, step: &str, base: u64) {
        let [one, two] = &self.replicas;
        let mut stream = one.stream_as(KEY_A, "/api/stream");
        stream.connected();
        two.publish_ok(KEY_A, "action.created", base);
        let captured = stream.event();
        drop(stream);
        for n in 1..=5 {
            self.replicas[n as usize % 2].publish_ok(KEY_A, "action.updated", base + n);
        }
        let headers = [("x-api-key", KEY_A), ("last-event-id", captured.cursor())];
        for replica in &self.replicas {
            let mut again = replica.stream("/api/stream", &headers);
            let connected = again.connected();
            saw(step, &connected);
            assert_eq!(
                (&connected["resume"], &connected["replayed"]),
                (&json!("resumed"), &json!(5))
            );
            assert_eq!(again.numbers(5), (base + 1..=base + 5).collect::<Vec<_>>());
        }
    }

    /// Nothing that the runbook has operators monitor may have moved.
    fn monitor(&self, step: &str) {
        for replica in &self.replicas {
            for (series, allowed) in [
                (r#"tidegate_events_published_total{backend="redis",result="failed"}"#, 0.0),
                (r#"tidegate_stream_connects_total{transport="sse",result="unavailable"}"#, 0.0),
                ("tidegate_redis_reconnects_total", 0.0),
                ("tidegate_spool_events", 0.0),
            ] {
                saw(step, &format!("{series} {}", replica.metric(series)));
                assert!(replica.metric(series) <= allowed, "{series}");
            }
        }
        for change in told(&self.replicas[0], KEY_ADMIN, "health.changed") {
            saw(step, &change);
        }
    }
}

#[test]
fn staging_cutover() {
    let redis = Redis::start();
    let rollout = Rollout::start(&flags(redis.plan(), false));
    rollout.validate_health("staging 2", "redis", false);
    rollout.validate_stream("staging 3", "redis");
    rollout.validate_replay("staging 4", 10);
    let cursor = rollout.replicas[0].publish_ok(KEY_A, "action.created", 20);
    let rollout = rollout.redeploy(&flags(redis.plan(), true));
    rollout.validate_health("staging 6", "redis", true);
    rollout.validate_stream("staging 6", "redis");
    // Enabling strict mode is no new log: a cursor of before goes on after it.
    let later = rollout.replicas[1].publish_ok(KEY_A, "action.created", 21);
    for replica in &rollout.replicas {
        let page = replica.get(&format!("/api/events?after={cursor}"), KEY_A).json();
        assert_eq!((&page["gap"], &page["next"]), (&json!(null), &json!(later)), "{page}");
    }
    rollout.validate_replay("staging 6", 30);
    rollout.monitor("staging 6");
}

#[test]
fn production_cutover_and_rollback() {
    let redis = Redis::start();
    let memory = flags(Plan::with_keys(), false).set("REDIS_URL", redis.url());
    let rollout = Rollout::start(&memory);
    rollout.validate_health("production 0", "memory", false);
    rollout.validate_stream("production 0", "memory");

    let rollout = rollout.redeploy(&flags(redis.plan(), false));
    rollout.validate_health("production 2", "redis", false);
    rollout.validate_stream("production 3", "redis");
    rollout.validate_replay("production 4", 10);
    let rollout = rollout.redeploy(&flags(redis.plan(), true));
    rollout.validate_health("production 6", "redis", true);
    rollout.validate_replay("production 6", 20);
    rollout.monitor("production 6");

    let rollout = rollout.redeploy(&memory);
    rollout.validate_health("rollback 4", "memory", false);
    rollout.validate_stream("rollback 5", "memory");
    for (n, replica) in (0..).zip(&rollout.replicas) {
        let mut stream = replica.stream_as(KEY_A, "/api/stream");
        stream.connected();
        replica.publish_ok(KEY_A, "action.created", n);
        assert_eq!(stream.numbers(1), [n], "the stream resumes normal operation");
    }
}

/// Strict mode enabled by mistake with the memory backend refuses all, and the flag alone mends it.
#[test]
fn strict_with_memory_is_undone_by_the_flag() {
    let redis = Redis::start();
    let memory = |strict| flags(Plan::with_keys(), strict).set("REDIS_URL", redis.url());
    let rollout = Rollout::start(&memory(true));
    for replica in &rollout.replicas {
        let health = wait_for(replica, "unhealthy");
        assert_eq!(
            (&health["selected_backend"], &health["redis_configured"]),
            (&json!("memory"), &json!(true))
        );
        replica.get("/api/stream", KEY_A).assert_error(503, "unavailable");
    }
    let rollout = rollout.redeploy(&memory(false));
    rollout.validate_health("flag", "memory", false);
    rollout.validate_stream("flag", "memory");
}
