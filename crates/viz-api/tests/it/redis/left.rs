//! What one process leaves in the state folder for the next one with another backend, and what is
//! said of it.

use std::{fs, sync::Arc};

use serde_json::json;

use super::{realtime, told, wait_for};
use crate::support::{
    redis::Redis,
    server::{KEY_A, KEY_ADMIN, Plan},
    wait::until,
};

#[test]
fn branches_that_wait_for_redis_are_said_to_who_starts_without_it() {
    let mut redis = Redis::start();
    let mut server = redis.plan().start();
    wait_for(&server, "healthy");
    redis.kill();
    until("it serves from memory", || realtime(&server).1["selected_backend"] == "memory");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let folder = Arc::clone(&server.folder);
    let mut memory = Plan::with_keys().start_in(Arc::clone(&folder));
    until("operators are told", || {
        let told = told(&memory, KEY_ADMIN, "spool.left_behind");
        told.iter().any(|told| told["branches"].as_u64().is_some_and(|count| count > 0))
    });
    assert!(memory.log().text().contains("REALTIME_BACKEND=redis"), "{}", memory.log().text());
    assert_eq!(memory.terminate(), Some(0));
    redis.run();
    let mut server = redis.plan().start_in(Arc::clone(&folder));
    wait_for(&server, "healthy");
    assert_eq!(server.terminate(), Some(0));
    let memory = Plan::with_keys().start_in(folder);
    memory.publish_ok(KEY_A, "a", 2);
    assert_eq!(told(&memory, KEY_ADMIN, "spool.left_behind").len(), 1, "they are in Redis");
}

#[test]
fn a_window_that_was_damaged_on_its_way_to_redis_is_told() {
    let redis = Redis::start();
    let mut server = Plan::with_keys().start();
    let cursor = server.publish_ok(KEY_A, "a", 1);
    assert_eq!(server.terminate(), Some(0));
    let file = server.state_dir().join("org=org_a.window");
    let mut bytes = fs::read(&file).expect("it was saved");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, bytes).expect("it can be written");
    let server = redis.plan().start_in(Arc::clone(&server.folder));
    wait_for(&server, "healthy");
    until("operators are told", || {
        told(&server, KEY_ADMIN, "window.set_aside")
            .iter()
            .any(|told| told["stream"] == "org:org_a")
    });
    let page = server.get(&format!("/api/events?after={cursor}"), KEY_A).json();
    assert_ne!(page["gap"], json!(null), "{page}");
}

/// From Redis to memory and back: the window is damaged on the first way.
#[test]
fn a_window_that_was_damaged_on_its_way_from_redis_is_told() {
    let redis = Redis::start();
    let mut server = redis.plan().start();
    wait_for(&server, "healthy");
    let cursor = server.publish_ok(KEY_A, "a", 1);
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let folder = Arc::clone(&server.folder);
    let file = server.state_dir().join("org=org_a.window");
    fs::write(&file, b"TIDEWIN").expect("it can be written");
    let mut memory = Plan::with_keys().start_in(Arc::clone(&folder));
    let is_told = |told: &serde_json::Value| told["stream"] == "org:org_a";
    until("operators are told", || {
        told(&memory, KEY_ADMIN, "window.set_aside").iter().any(is_told)
    });
    let page = memory.get(&format!("/api/events?after={cursor}"), KEY_A).json();
    assert_eq!(page["gap"]["reason"], "data_loss", "{page}");
    memory.publish_ok(KEY_A, "a", 2);
    assert_eq!(memory.terminate(), Some(0));
    let server = redis.plan().start_in(folder);
    wait_for(&server, "healthy");
    // Redis still has it.
    let page = server.get(&format!("/api/events?after={cursor}"), KEY_A).json();
    assert_eq!(page["gap"], json!(null), "{page}");
    let numbers: Vec<_> = page["events"].as_array().into_iter().flatten().collect();
    assert_eq!(numbers.len(), 1, "{page}");
}
