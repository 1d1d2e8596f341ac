//! The live switch as operators and clients see it, on real servers and a real Redis.

mod outages;
mod refusals;
mod restarts;
mod serving;
mod signing;
mod soaks;

use serde_json::{Value, json};

use crate::support::{
    http::{Answer, Request},
    redis::Redis,
    server::{KEY_ADMIN, Plan, Server},
    wait::eventually,
};

/// The plan of a server whose settings name memory, and that knows this Redis.
fn memory_plan(redis: &Redis) -> Plan {
    Plan::with_keys().set("REDIS_URL", redis.url())
}

fn ask(server: &Server, path: &str, body: &str) -> Answer {
    server.send(&Request::post(path).key(KEY_ADMIN).json(body))
}

fn cutover(server: &Server, to: &str) -> Answer {
    ask(server, "/api/admin/cutover", &json!({"to": to}).to_string())
}

fn undo(server: &Server) -> Answer {
    ask(server, "/api/admin/cutover/undo", "")
}

fn finalise(server: &Server) -> Answer {
    ask(server, "/api/admin/cutover/finalise", "{}")
}

fn status(server: &Server) -> Value {
    let answer = server.get("/api/admin/cutover", KEY_ADMIN);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Waits until nothing is being carried out.
fn rests(server: &Server) -> Value {
    eventually("the switch rests", || {
        let status = status(server);
        (status["is_running"] == false).then_some(status)
    })
}

/// Takes an answer to something that must succeed, and waits for its end.
#[track_caller]
fn settled(server: &Server, answer: &Answer, state: &str, owner: &str) -> Value {
    assert!([200, 202].contains(&answer.status), "{}", answer.text());
    let status = rests(server);
    assert_eq!((&status["state"], &status["owner"]), (&json!(state), &json!(owner)), "{status}");
    assert_eq!(status["error"], Value::Null, "{status}");
    status
}

/// Returns the records in the folder, in the order of their names.
fn records(server: &Server) -> Vec<Value> {
    let Ok(entries) = std::fs::read_dir(server.state_dir().join("evidence")) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it is listed").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    let read = |file| serde_json::from_slice(&std::fs::read(file).expect("it is read"));
    files.into_iter().map(|file| read(file).expect("a record is JSON")).collect()
}

/// Returns the stages that records tell of.
fn stages(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["stage"].as_str().unwrap_or_default()).collect()
}
