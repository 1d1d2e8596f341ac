//! Replicas with the Redis backend: what health says, what is refused, what heals.

mod cursors;
mod faults;
mod health;
mod left;
mod lost;
mod refuses;
mod replicas;
mod runbook;
mod start;

use serde_json::{Value, json};

use crate::support::{http::Request, server::Server, wait::until};

/// Returns the status of `/api/health` and what it says of realtime.
pub(crate) fn realtime(server: &Server) -> (u16, Value) {
    let answer = server.send(&Request::get("/api/health"));
    let mut health = answer.json();
    let words = if answer.status == 200 { "healthy" } else { "degraded" };
    assert_eq!(health["status"], words, "{health}");
    (answer.status, health["checks"]["realtime"].take())
}

/// Waits until health has this word.
fn wait_for(server: &Server, status: &str) -> Value {
    let mut last = Value::Null;
    until(&format!("realtime is {status}"), || {
        last = realtime(server).1;
        last["status"] == status
    });
    last
}

/// Returns the payloads of the operators' events of this name.
pub(crate) fn told(server: &Server, key: &str, name: &str) -> Vec<Value> {
    let page = server.get("/api/events?stream=ops&limit=500", key).json();
    let events = page["events"].as_array().cloned().unwrap_or_default();
    let named = events.into_iter().filter(|event| event["event"] == json!(name));
    named.map(|mut event| event["payload"].take()).collect()
}
