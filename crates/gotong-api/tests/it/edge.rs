//! HAProxy as `deploy/haproxy.cfg` has it, before two real replicas with one Redis.

mod clients;
mod replicas;
mod streams;
mod times;

use faults::RedisServer;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::support::{
    edge::{Edge, EdgePlan},
    http::{Answer, Request},
    server::{ALICE, Plan, Server},
    sse::{Frame, Sse},
};

/// Two replicas of one log, and HAProxy before them.
struct Fleet {
    // First: it lets its connections go before the replicas end.
    edge: Edge,
    replicas: [Server; 2],
    _redis: RedisServer,
    _runtime: Runtime,
}

impl Fleet {
    fn start() -> Self {
        Fleet::start_with(|edge| edge)
    }

    fn start_with(change: impl FnOnce(EdgePlan) -> EdgePlan) -> Self {
        let runtime = Runtime::new().expect("there are threads");
        let redis = runtime.block_on(RedisServer::start());
        let plan =
            Plan::new("memory").set("REALTIME_BACKEND", "redis").set("REDIS_URL", redis.url());
        let replicas = [plan.start(), plan.start()];
        let edge = change(EdgePlan::before([replicas[0].address, replicas[1].address])).start();
        Fleet { edge, replicas, _redis: redis, _runtime: runtime }
    }

    fn publish(&self, n: u64) -> Answer {
        self.edge.send(&event(n))
    }

    /// Publishes under a key: another attempt is harmless.
    fn publish_once(&self, n: u64) -> Answer {
        self.edge.send(&event(n).header("idempotency-key", format!("key-{n}")))
    }

    /// Opens a stream through HAProxy and reads how it begins.
    fn stream(&self, headers: &[(&str, &str)]) -> (Sse, Frame) {
        let headers = [&[("x-api-key", ALICE)], headers].concat();
        let mut stream = Sse::open(self.edge.address, "/api/stream", &headers);
        let connected = stream.opening();
        assert!(connected.is("connected"), "{connected:?}");
        (stream, connected)
    }

    /// Returns how many streams each replica has.
    fn streams(&self) -> [f64; 2] {
        [0, 1].map(|n| self.replicas[n].metric("tidegate_streams_open{transport=\"sse\"}"))
    }
}

fn event(n: u64) -> Request {
    let body = json!({"event": "a.b", "payload": {"n": n}}).to_string();
    Request::new("POST", "/api/events").key(ALICE).json(&body)
}

/// Reads the numbers of the next events.
fn numbers(stream: &mut Sse, count: usize) -> Vec<u64> {
    let next = |stream: &mut Sse| {
        let frame = stream.event();
        assert!(frame.is("a.b"), "{frame:?}");
        frame.json()["payload"]["n"].as_u64().expect("a number")
    };
    (0..count).map(|_| next(stream)).collect()
}
